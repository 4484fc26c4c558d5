"""The picture that shows what was measured: outlines and numbers on the image, a colour a thing."""

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage.segmentation import find_boundaries

from tools.measure.regions import Labels, Pixels

COLOURS = {
    "red blood cell": (200, 30, 60),
    "white blood cell": (20, 90, 190),
    "platelet": (0, 125, 95),
    "nucleus": (235, 140, 0),
}
MOST_NUMBERS = 150  # more would hide the image
LEAST_AREA = 120  # pixels; a smaller region has no room for its number


def overlay(pixels: Pixels, regions: Mapping[str, Labels]) -> Image.Image:
    """The image at its own size, with every region outlined; regions of one have no number."""
    drawn = pixels.copy()
    for thing, labels in regions.items():
        drawn[find_boundaries(labels, mode="inner")] = COLOURS[thing]
    picture = Image.fromarray(drawn)
    for thing, labels in regions.items():
        _number(picture, labels, COLOURS[thing])
    return picture


def _number(picture: Image.Image, labels: Labels, colour: tuple[int, int, int]) -> None:
    size = np.bincount(labels.ravel())
    if not 2 < len(size) <= MOST_NUMBERS:
        return
    pen, index = ImageDraw.Draw(picture), np.arange(1, len(size))
    for n, (y, x) in zip(index, ndimage.center_of_mass(labels > 0, labels, index), strict=True):
        if size[n] >= LEAST_AREA:
            at, white = (x, y), (255, 255, 255)
            pen.text(at, str(n), fill=colour, anchor="mm", stroke_width=1, stroke_fill=white)
