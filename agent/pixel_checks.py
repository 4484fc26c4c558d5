"""What pixels alone tell, whatever the checkpoint: an image is blank, is noise, is ink on paper.

Three rules with wide margins, for checkpoints without a trained detector and beside one. They speak
only where no image of cells could look so; of everything else they say nothing. They know neither
photographs nor charts with filled shapes nor text on dark grounds.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.ndimage import minimum_filter

from tools.protocols import Familiarity

BLANK, NOISE, INK = "blank", "noise", "text or line drawing"
Floats = NDArray[np.float64]

LARGE, COARSE = 384, 32  # pixels a side that relief is looked at with
LEAST_RELIEF = (12.0, 5.0)  # grey levels at these, from 0 to 255
WINDOW = 256  # pixels a side of the middle that noise is looked for in
FAINT = 8.0  # grey levels, below which noise may hide something
LEAST_LIKENESS = 0.3  # correlation of neighbouring pixels
EVEN_GROUND = 0.5  # share of the pixels that are of exactly one colour
MOST_COLOURS = 8192
PAPER = 225  # its darkest channel
INK_APART, PALE_APART = 40, 12  # grey levels between paper and ink, and anything on it
LEAST_INK, THICK = 0.003, 0.02  # shares of the pixels, of the ink
THINNEST = 64  # a thick thing is longer than this part of the image, across and down
SMALL = 128  # pixels of the longer side, below which thin is not told from thick


def by_pixels(images: Sequence[Image.Image]) -> tuple[Familiarity | None, ...]:
    """For each RGB image that shows no cells for sure, what it is; None for all others."""
    return tuple(Familiarity(0.0, False, kind) if (kind := nothing(i)) else None for i in images)


def nothing(image: Image.Image) -> str | None:
    """BLANK, NOISE, INK or None."""
    if is_blank(image):
        return BLANK
    if is_noise(image):
        return NOISE
    return INK if is_ink(image) else None


def is_blank(image: Image.Image) -> bool:
    """Whether nothing stands out of a ground that is even or changes as the light of a lamp does.

    The ground is a surface of the second degree. Grain of a camera is averaged away; a small dim
    nucleus is not.
    """
    coarse = np.asarray(image.resize((COARSE, COARSE), Image.Resampling.BOX), float)
    terms = _terms(COARSE, COARSE).reshape(-1, 6)
    surface, *_ = np.linalg.lstsq(terms, coarse.reshape(-1, 3), rcond=None)
    if np.abs(coarse.reshape(-1, 3) - terms @ surface).max() >= LEAST_RELIEF[1]:
        return False
    fine = np.asarray(_reduced(image, LARGE).filter(ImageFilter.BoxBlur(1)), float)
    left = fine - _terms(*fine.shape[:2]) @ surface
    return bool(np.abs(left).max() < LEAST_RELIEF[0])


def _terms(height: int, width: int) -> Floats:
    """1, x, y, x², y², xy of each pixel, (height, width, 6)."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1)


def is_noise(image: Image.Image) -> bool:
    """Whether pixels do not go with their neighbours, across or down; lenses make them go."""
    width, height = image.size
    left, top = max(0, (width - WINDOW) // 2), max(0, (height - WINDOW) // 2)
    part = image.crop((left, top, min(width, left + WINDOW), min(height, top + WINDOW)))
    values = np.asarray(part.convert("L"), float)
    apart = values - values.mean()
    power = float((apart**2).mean())
    if min(apart.shape) < 2 or power < FAINT**2:
        return False
    likeness = ((apart[:, 1:] * apart[:, :-1]).mean(), (apart[1:] * apart[:-1]).mean())
    return bool(min(likeness) < LEAST_LIKENESS * power)


def is_ink(image: Image.Image) -> bool:
    """Whether a light ground of exactly one colour bears thin strokes, and nothing thicker.

    Cameras give no such ground, and a cell that was cut out and laid on one is thick.
    """
    if max(image.size) < SMALL:
        return False
    smaller = _reduced(image, LARGE)
    colours = smaller.getcolors(MOST_COLOURS)
    if not colours:
        return False
    share, colour = max(colours)
    pixels, ground = np.asarray(smaller).astype(np.int16), np.array(colour, np.int16)
    if share < EVEN_GROUND * pixels[..., 0].size or ground.min() < PAPER:
        return False
    apart = np.abs(pixels - ground).max(-1)
    ink = (apart > INK_APART).mean()
    thick = minimum_filter(apart > PALE_APART, max(3, round(max(apart.shape) / THINNEST)))
    return bool(ink > LEAST_INK and thick.mean() < THICK * ink)


def _reduced(image: Image.Image, side: int) -> Image.Image:
    """At most `side` pixels a side, averaged."""
    smaller = image.copy()
    smaller.thumbnail((side, side), Image.Resampling.BOX)
    return smaller
