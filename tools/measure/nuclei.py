"""Nuclei in fluorescence, in stained sections and in gray brightfield, at any size.

Bright on dark or dark on bright is told by the background. Touching nuclei are split where both
their outline and their brightness have a neck. Overlapping and blurred nuclei are often counted
as one, and dark cytoplasm may be taken for nuclei: the count is an estimate.
"""

from dataclasses import dataclass

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
SURROUNDINGS = 20  # of these, side by side, are as long as the image


@dataclass(frozen=True)
class _Style:
    """How nuclei are split, found best on training images of BBBC038."""

    smoothing: float  # of the depth, in roots of the radius
    brightness: float  # power with which a neck in brightness counts beside one in outline
    saddle: float
    least: float  # share of the median area; what is smaller is debris


SHINING = _Style(smoothing=0.25, brightness=1.0, saddle=0.95, least=0.02)
STAINED = _Style(smoothing=0.4, brightness=0.5, saddle=0.9, least=0.15)


def label_nuclei(pixels: Pixels) -> Labels:
    """Each nucleus under a number of its own."""
    unit = pixels.astype(np.float32) / np.float32(255)
    style = SHINING if is_dark(unit) else STAINED
    mask, light = _shining(unit) if style is SHINING else _stained(unit)
    if not mask.any() or light[mask].mean() - light[~mask].mean() < LEAST_CONTRAST:
        return np.zeros(mask.shape, np.int32)
    radius = max(2.5, typical_radius(mask))
    mask = filled(mask, 3 * radius**2)
    if style is STAINED:
        mask = opened(mask, 0.25 * radius)
    return _without_debris(split(_hills(mask, light, radius, style), mask, style.saddle), style)


def is_dark(unit: Field) -> bool:
    """Whether the background of an image (height, width, 3) of 0 to 1 is dark."""
    return bool(np.median(unit.mean(2)) < 0.35)


def _shining(unit: Field) -> tuple[Mask, Field]:
    """Above Otsu's threshold of the square root, and half as bright as what is near."""
    light = ndimage.gaussian_filter(unit.max(2), 0.7)
    light = np.clip(light - np.percentile(light, 5), 0, None)
    mask = light > otsu(np.sqrt(light)) ** 2
    radius = max(2.5, typical_radius(mask))
    near = ndimage.maximum_filter(light, int(2 * radius) | 1)
    half = 0.5 * ndimage.gaussian_filter(near, radius / 2)
    return mask & (light > half), light


def _stained(unit: Field) -> tuple[Mask, Field]:
    """Darker than the surroundings, so that cytoplasm and thick places are left out.

    Haematoxylin takes away red and green light; a gray image is dark in all channels.
    """
    dark = ndimage.gaussian_filter(1 - unit[..., :2].min(2), 1.0)
    above = dark - ndimage.gaussian_filter(dark, max(dark.shape) / SURROUNDINGS)
    return above > max(LEAST_CONTRAST / 2, otsu(above)), dark


def _hills(mask: Mask, light: Field, radius: float, style: _Style) -> Field:
    """Depth inside the mask times brightness beside the brightest nearby: both have necks."""
    inner = ndimage.gaussian_filter(depth(mask), style.smoothing * np.sqrt(radius))
    smooth = ndimage.gaussian_filter(light, max(1.0, 0.2 * radius))
    near = ndimage.maximum_filter(smooth, int(2 * radius) | 1)
    share = smooth / np.maximum(near, 1e-6)
    return np.asarray(inner * share**style.brightness, dtype=np.float32)


def _without_debris(labels: Labels, style: _Style) -> Labels:
    size = areas(labels)
    large = size[1:][size[1:] >= FEWEST_PIXELS]
    least = max(FEWEST_PIXELS, style.least * float(np.median(large)) if large.size else 0)
    return kept(labels, size >= least)
