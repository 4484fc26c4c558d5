"""The white cell in the middle of a crop: its nucleus, and the cell where it can be set apart.

The nucleus takes away most red light. The cytoplasm is what is stained around it and less red
than red cells are; where it runs into the edge of the image or is hardly there, only the nucleus
is given. Red cells that touch a cell with pink cytoplasm may be taken for a part of it.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage import measure

from tools.measure.regions import Field, Mask, Pixels, filled, opened, otsu, shrunk, within
from tools.measure.smear import nuclear, optical_density

LONGEST = 256
LEAST_NUCLEUS, MOST_NUCLEUS = 0.01, 0.6  # share of the image
MOST_TOUCHING = 0.35  # share of the outline beside which something else is stained
LEAST_STAIN = 0.25  # optical density of red light in a nucleus


@dataclass(frozen=True, eq=False)
class Leukocyte:
    """Masks at `scale` times the size of the image; `cell` holds the nucleus, if it is known."""

    nucleus: Mask
    cell: Mask | None
    scale: float


def segment_leukocyte(pixels: Pixels) -> Leukocyte | None:
    """The central cell of a crop; None where no nucleus is in the middle."""
    small = shrunk(pixels, LONGEST)
    density = optical_density(small)
    nucleus = _nucleus(density)
    if nucleus is None:
        return None
    return Leukocyte(nucleus, _cell(density, nucleus), small.shape[1] / pixels.shape[1])


def _nucleus(density: Field) -> Mask | None:
    red = density[..., 0]
    some = nuclear(density)
    if not some.any():
        return None
    level = max(LEAST_STAIN, otsu(np.clip(red, 0, 1.5)))
    mask = filled(opened((red > level) & (density[..., 0] > density[..., 2]), 2), 60)
    mask = _central(mask)
    share = mask.mean()
    return mask if LEAST_NUCLEUS <= share <= MOST_NUCLEUS else None


def _central(mask: Mask) -> Mask:
    """What lies together in the middle: lobes are parts of one nucleus."""
    height, width = mask.shape
    groups = measure.label(within(mask, 0.03 * max(mask.shape)))
    y, x = np.mgrid[0:height, 0:width]
    near = np.exp(-((y - height / 2) ** 2 + (x - width / 2) ** 2) / (0.2 * height) ** 2)
    weight = np.bincount(groups.ravel(), weights=(near * mask).ravel())
    weight[0] = 0
    chosen = int(weight.argmax())
    return mask & (groups == chosen) if weight[chosen] > 0 else np.zeros_like(mask)


def _cell(density: Field, nucleus: Mask) -> Mask | None:
    """Nucleus and cytoplasm, where its outline lies inside the image and is nearly convex."""
    stain = ndimage.gaussian_filter(density[..., 1], 1)
    difference = ndimage.gaussian_filter(density[..., 0] - density[..., 2], 2)
    radius = np.sqrt(nucleus.sum() / np.pi)
    level = max(0.04, 0.15 * float(np.median(stain[nucleus])))
    outside = difference[(stain > level) & ~within(nucleus, 0.8 * radius)]
    reds = float(np.median(outside)) if outside.size > 200 else -0.2
    edge = min(0.0, reds / 2)
    body = opened((stain > level) & (difference > edge) | nucleus, 0.25 * radius) | nucleus
    groups = measure.label(body)
    cell = filled(np.isin(groups, np.unique(groups[nucleus])), nucleus.sum())
    return cell if _stands_alone(cell, stain > level) else None


def _stands_alone(cell: Mask, stained: Mask) -> bool:
    """Whether the outline is nearly convex, inside the image and lies mostly on background."""
    border = np.concatenate([cell[0], cell[-1], cell[:, 0], cell[:, -1]])
    rim = within(cell, 4) & ~within(cell, 2)
    (region,) = measure.regionprops(cell.astype(np.uint8))
    touching = float(stained[rim].mean()) if rim.any() else 1.0
    return bool(border.mean() < 0.02 and touching < MOST_TOUCHING and region.solidity > 0.9)
