"""Masks and labels: opening, filling, splitting at necks; nothing here knows what is shown.

Distance transforms do the work of large structuring elements in linear time. A mask continues
beyond the edge of the image, so that what is cut by it is not rounded off.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage import filters, measure, morphology, segmentation

Pixels = NDArray[np.uint8]  # (height, width, 3) RGB
Field = NDArray[np.float32]  # (height, width)
Mask = NDArray[np.bool_]  # (height, width)
Labels = NDArray[np.int32]  # (height, width), 0 is background


def shrunk(pixels: Pixels, longest: int) -> Pixels:
    """The image with its longest side at most `longest`, averaged over what is merged."""
    scale = longest / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    small = Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.uint8)


def grown(labels: Labels, shape: tuple[int, int]) -> Labels:
    """Labels of a shrunk image at the size of the image itself."""
    if labels.shape == shape:
        return labels
    image = Image.fromarray(labels.astype(np.int32)).resize(
        (shape[1], shape[0]), Image.Resampling.NEAREST
    )
    return np.asarray(image, dtype=np.int32)


def otsu(values: NDArray[np.floating]) -> float:
    """Otsu's threshold (IEEE Trans. SMC 1979); of equal or no values the highest, 0 for none."""
    if values.size == 0:
        return 0.0
    low, high = float(values.min()), float(values.max())
    return float(filters.threshold_otsu(values)) if high - low > 1e-6 else high


def depth(mask: Mask) -> Field:
    """Distance of each pixel to the background; the edge of the image is none."""
    inner = ndimage.distance_transform_edt(np.pad(mask, 1, mode="edge"))
    return np.asarray(inner[1:-1, 1:-1], dtype=np.float32)


def within(mask: Mask, distance: float) -> Mask:
    """The mask, wider by `distance` pixels."""
    if not mask.any():
        return mask
    return np.asarray(ndimage.distance_transform_edt(~mask) <= distance)


def opened(mask: Mask, radius: float) -> Mask:
    """The parts of the mask into which a disk of `radius` pixels fits."""
    return within(depth(mask) > radius, radius)


def filled(mask: Mask, most: float, solidity: float = 0.0) -> Mask:
    """The mask without its holes of at most `most` pixels that are at least so solid."""
    holes = measure.label(~mask, connectivity=1)
    height, width = mask.shape
    closed = [
        region.label
        for region in measure.regionprops(holes)
        if region.area <= most
        and region.bbox[0] > 0 and region.bbox[1] > 0
        and region.bbox[2] < height and region.bbox[3] < width
        and (solidity == 0 or region.area < 12 or region.solidity >= solidity)
    ]  # fmt: skip
    return mask | np.isin(holes, closed)


def typical_radius(mask: Mask) -> float:
    """Radius in pixels of the inscribed circles, weighted by area: half the area is above."""
    inner = depth(mask)
    peaks = (inner == ndimage.maximum_filter(inner, 7)) & (inner > 1.5)
    radii = np.sort(inner[peaks])
    if radii.size == 0:
        return 0.0
    area = np.cumsum(radii**2)
    return float(radii[np.searchsorted(area, area[-1] / 2)])


def split(height: Field, mask: Mask, saddle: float) -> Labels:
    """Watershed of `height` inside `mask` (Meyer 1994), one region a summit.

    A summit counts if the way to a higher one goes below `saddle` times its own height: a
    contrast relative to size, so that it holds at every scale.
    """
    height = np.where(mask, height, 0)
    ground = morphology.reconstruction(saddle * height, height)
    summits = measure.label(morphology.local_maxima(ground) & mask, connectivity=2)
    found: Labels = segmentation.watershed(-height, summits, mask=mask).astype(np.int32)
    return found


def kept(labels: Labels, keep: NDArray[np.bool_]) -> Labels:
    """The regions whose entry in `keep` (by label, background first) is true, numbered anew."""
    numbers = np.zeros(len(keep), np.int32)
    chosen = np.flatnonzero(keep[1:]) + 1
    numbers[chosen] = np.arange(1, len(chosen) + 1)
    return numbers[labels]


def areas(labels: Labels) -> NDArray[np.int64]:
    """Pixels of each label, background first."""
    return np.bincount(labels.ravel(), minlength=int(labels.max(initial=0)) + 1)
