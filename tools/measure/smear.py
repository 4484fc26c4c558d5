"""Blood smear fields: red cells, white cells and platelets of a Romanowsky stain.

Red cells take away green and blue light, nuclei and platelets red light: the difference of the
optical densities tells them apart whatever the white balance. Pale centres are filled, touching
cells split at their necks; where cells lie on each other in heaps the count is an estimate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import measure

from tools.measure.regions import (
    Field,
    Labels,
    Mask,
    Pixels,
    areas,
    depth,
    filled,
    grown,
    kept,
    opened,
    otsu,
    shrunk,
    split,
    typical_radius,
    within,
)

LONGEST = 320  # pixels at which cells are looked for first
SMALLEST_RADIUS = 9.0  # pixels; if red cells are smaller there, they are looked for at twice that
LARGEST = 1280
DARKEST = 4.0  # of 255; light below it is as good as none
FAINTEST = 0.05  # optical density of the palest red cell that is taken for one
PURPLE = 0.15  # optical density by which a nucleus takes away more red than blue light
PALE = 0.35  # of the usual density of red cells, where their outline is drawn
SADDLE = 0.85
INSIDE, CUT = 0.4, 0.6  # of a usual cell's area: what counts, inside and cut by the edge
HOLE_SOLIDITY = 0.8  # a pale centre is convex, the gap between round cells is not


@dataclass(frozen=True, eq=False)
class Smear:
    """The three kinds of things in a field, each under numbers of its own."""

    red: Labels
    white: Labels
    platelets: Labels


def segment_smear(pixels: Pixels) -> Smear:
    """The cells of a field of any magnification, from a few to some hundreds of them."""
    longest = LONGEST
    while True:
        small = shrunk(pixels, longest)
        smear, radius = _segment(small)
        longest *= 2
        if radius >= SMALLEST_RADIUS or longest > LARGEST or small.shape == pixels.shape:
            break
    height, width = pixels.shape[:2]
    return Smear(*(grown(x, (height, width)) for x in (smear.red, smear.white, smear.platelets)))


def optical_density(pixels: Pixels) -> Field:
    """-ln of light over the light of the background, (height, width, 3); 0 is unstained."""
    light = ndimage.gaussian_filter(pixels.astype(np.float32), (1, 1, 0))
    green = light[..., 1]
    bright = green[green >= otsu(green)]
    counts, edges = np.histogram(bright, 64)
    usual = np.abs(green - edges[counts.argmax()]) < 6
    background = np.median(light[usual], axis=0) if usual.any() else light.max((0, 1))
    density = -np.log(np.clip(light, DARKEST, None) / np.maximum(background, DARKEST))
    return np.asarray(density, dtype=np.float32)


def nuclear(density: Field) -> Mask:
    """Where red light is taken away more than blue: nuclei and platelets."""
    difference = density[..., 0] - density[..., 2]
    return opened((difference > PURPLE) & (density[..., 0] > 0.2), 1.5)


def _segment(pixels: Pixels) -> tuple[Smear, float]:
    """The things of a field as it is, and the usual radius of its red cells (0 for none)."""
    density = optical_density(pixels)
    nuclei = nuclear(density)
    stained, radius = _stained(density[..., 1], within(nuclei, 6))
    purple = _purple(density, nuclei, stained, radius)
    white, platelets = _told_apart(purple, nuclei, np.pi * max(radius, 5.0) ** 2)
    taken = within(white > 0, 0.1 * radius) | (platelets > 0)
    red = _red_cells(stained & ~taken, radius)
    return Smear(red, white, platelets), radius


def _stained(green: Field, nuclei: Mask) -> tuple[Mask, float]:
    """What is stained, with pale centres filled, and the usual radius of a red cell."""
    values = np.clip(green[~nuclei], 0, None)
    level = np.median(values[values >= otsu(values)]) if values.size else 0.0
    if level < FAINTEST:
        return nuclei, 0.0
    mask = filled(opened(green > PALE * level, 1.5), 0.02 * green.size, HOLE_SOLIDITY)
    radius = min(_cell_radius(mask & ~nuclei), min(green.shape) / 4)
    return filled(mask, 1.3 * np.pi * radius**2), radius


def _cell_radius(mask: Mask) -> float:
    """Of cells that lie alone, else of the circles that fit into the mask."""
    height, width = mask.shape
    alone = [
        region.equivalent_diameter_area / 2
        for region in measure.regionprops(measure.label(mask, connectivity=1))
        if region.area > 60
        and min(region.bbox[:2]) > 0 and region.bbox[2] < height and region.bbox[3] < width
        and region.solidity > 0.93
    ]  # fmt: skip
    if len(alone) < 3:
        return typical_radius(mask)
    radii = np.sort(alone)
    area = np.cumsum(radii**2)
    return float(radii[np.searchsorted(area, area[-1] / 2)])


def _purple(density: Field, nuclei: Mask, stained: Mask, radius: float) -> Mask:
    """Nuclei and the cytoplasm around them, less red than the red cells are."""
    difference = density[..., 0] - density[..., 2]
    reds = difference[stained & ~within(nuclei, 6)]
    usual = float(np.median(reds)) if reds.size else -0.1
    body = opened(stained & (difference > max(usual + 0.1, 0.0)), max(1.0, 0.25 * radius))
    return body & within(nuclei, 1.5 * radius) | nuclei


def _told_apart(purple: Mask, nuclei: Mask, cell: float) -> tuple[Labels, Labels]:
    """White cells and platelets: large nuclei, whose lobes belong together, and small ones."""
    near = np.sqrt(cell / np.pi)
    groups = measure.label(within(purple, 0.15 * near)).astype(np.int32) * purple
    size = areas(groups)
    nucleus = np.bincount(groups[nuclei], minlength=len(size))
    white = (nucleus > 0.3 * cell) & (size > 0.5 * cell)
    platelet = ~white & (nucleus > 0.02 * cell) & (nucleus > 0.3 * size) & (size < 0.6 * cell)
    return kept(groups, white), kept(groups, platelet)


def _red_cells(mask: Mask, radius: float) -> Labels:
    if radius < 2:
        return np.zeros(mask.shape, np.int32)
    mask = opened(mask, 0.35 * radius)
    hills = ndimage.gaussian_filter(depth(mask), 0.3 * np.sqrt(radius))
    cells = split(hills, mask, SADDLE)
    return kept(cells, _counts(cells))


def _counts(cells: Labels) -> NDArray[np.bool_]:
    """Which regions are cells, by area; of a cell cut by the edge enough must be seen."""
    size = areas(cells)
    edge = np.zeros(len(size), bool)
    edge[np.unique(np.concatenate([cells[0], cells[-1], cells[:, 0], cells[:, -1]]))] = True
    inner = size[1:][~edge[1:]]
    usual = float(np.median(inner if inner.size else size[1:])) if len(size) > 1 else 0.0
    return np.asarray(size >= np.where(edge, CUT, INSIDE) * usual)
