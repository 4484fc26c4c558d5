"""Nuclei in fluorescence, in stained sections and in gray brightfield, at any size.

Bright on dark or dark on bright is told by the background. Touching nuclei are split where both
their outline and their brightness have a neck. Overlapping and blurred nuclei are often counted
as one, and dark cytoplasm may be taken for nuclei: the count is an estimate.
"""

import numpy as np
from scipy import ndimage

from tools.measure.regions import (
    Field,
    Labels,
    Mask,
    Pixels,
    areas,
    depth,
    filled,
    kept,
    opened,
    otsu,
    split,
    typical_radius,
)

LEAST_CONTRAST = 0.03  # share of full scale between nuclei and background
FEWEST_PIXELS = 12
SADDLE = 0.95
LEAST_SHARE = 0.02  # of the median area; what is smaller is debris
SURROUNDINGS = 20  # of these, side by side, are as long as the image


def label_nuclei(pixels: Pixels) -> Labels:
    """Each nucleus under a number of its own."""
    unit = pixels.astype(np.float32) / np.float32(255)
    if is_dark(unit):
        light = ndimage.gaussian_filter(unit.max(2), 0.7)
        light = np.clip(light - np.percentile(light, 5), 0, None)
        mask = _shining(light)
    else:
        light = ndimage.gaussian_filter(_absorbed(unit), 1.0)
        mask, light = _stained(light)
    if not mask.any() or light[mask].mean() - light[~mask].mean() < LEAST_CONTRAST:
        return np.zeros(mask.shape, np.int32)
    radius = max(2.0, typical_radius(mask))
    mask = filled(mask, 3 * radius**2)
    return _without_debris(split(_hills(mask, light, radius), mask, SADDLE))


def is_dark(unit: Field) -> bool:
    """Whether the background of an image (height, width, 3) of 0 to 1 is dark."""
    return bool(np.median(unit.mean(2)) < 0.35)


def _absorbed(unit: Field) -> Field:
    """Haematoxylin takes away red light; a gray image is dark in all channels."""
    return np.asarray(1 - unit[..., 0], dtype=np.float32)


def _shining(light: Field) -> Mask:
    """Above Otsu's threshold of the square root, and half as bright as what is near."""
    mask = np.asarray(light > otsu(np.sqrt(light)) ** 2)
    radius = max(2.5, typical_radius(mask))
    near = ndimage.maximum_filter(light, int(2 * radius) | 1)
    half = 0.5 * ndimage.gaussian_filter(near, radius / 2)
    return np.asarray(mask & (light > half))


def _stained(light: Field) -> tuple[Mask, Field]:
    """Darker than the surroundings, so that cytoplasm and thick places are left out."""
    around = ndimage.gaussian_filter(light, max(light.shape) / SURROUNDINGS)
    above = np.asarray(light - around, dtype=np.float32)
    mask = above > max(LEAST_CONTRAST / 2, otsu(above))
    light = np.clip(light - np.percentile(light, 5), 0, None)
    return opened(mask, 0.2 * typical_radius(mask)), light


def _hills(mask: Mask, light: Field, radius: float) -> Field:
    """Depth inside the mask times brightness beside the brightest nearby: both have necks."""
    inner = ndimage.gaussian_filter(depth(mask), 0.25 * np.sqrt(radius))
    smooth = ndimage.gaussian_filter(light, max(1.0, 0.2 * radius))
    near = ndimage.maximum_filter(smooth, int(2 * radius) | 1)
    return np.asarray(inner * smooth / np.maximum(near, 1e-6), dtype=np.float32)


def _without_debris(labels: Labels) -> Labels:
    size = areas(labels)
    large = size[1:][size[1:] >= FEWEST_PIXELS]
    least = max(FEWEST_PIXELS, LEAST_SHARE * float(np.median(large)) if large.size else 0)
    return kept(labels, size >= least)
