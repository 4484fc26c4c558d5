"""From an image and its kind to numbers: which segmentation serves, and what is read from it.

Sections of tissue are not measured: without a stain model their nuclei are not found reliably.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from skimage import measure as shapes

from tools.evidence import Finding
from tools.findings import Kind
from tools.measure.leukocyte import Leukocyte, segment_leukocyte
from tools.measure.nuclei import label_nuclei
from tools.measure.quantities import QUANTITIES
from tools.measure.regions import Labels, Mask, Pixels, areas, grown, shrunk
from tools.measure.smear import segment_smear

NUCLEI_LONGEST = 1024  # pixels; larger images are measured at this size
SMALLEST_SIDE = 24  # pixels; below, nothing is measured


@dataclass(frozen=True, eq=False)
class Measurement:
    """Numbers in pixels, by name of QUANTITIES, and the regions they were read from."""

    values: Mapping[str, float] = field(default_factory=dict)
    regions: Mapping[str, Labels] = field(default_factory=dict)  # thing: labels of the image's size

    def findings(self, pixel_size_um: float = 0.0) -> tuple[Finding, ...]:
        """The numbers as findings; lengths in µm where a pixel's size is known."""
        return tuple(QUANTITIES[n].finding(v, pixel_size_um) for n, v in self.values.items())


def measure(
    pixels: Pixels, kind: Kind, nuclei: Callable[[Pixels], Labels] = label_nuclei
) -> Measurement:
    """What can be measured in an image (height, width, 3) of this kind; nothing is no error.

    `nuclei` segments an image of nuclei: (height, width, 3) to labels (height, width).
    """
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        return Measurement()
    if kind == "nuclei":
        return _nuclei(pixels, nuclei)
    measured = {"smear": _smear, "cell": _cell, "red_cell": _red_cell}.get(kind)
    return measured(pixels) if measured else Measurement()


def _nuclei(pixels: Pixels, segment: Callable[[Pixels], Labels]) -> Measurement:
    labels = grown(segment(shrunk(pixels, NUCLEI_LONGEST)), pixels.shape[:2])
    size = areas(labels)[1:]
    if not size.size:
        return Measurement()
    inside = pixels[labels > 0].mean() / 255
    whole = _inside(labels)
    solidity = [r.solidity for r in shapes.regionprops(labels) if r.area >= 12]
    values = {
        "nuclei_count": float(size.size),
        "nuclei_median_diameter": _diameter(size[whole] if whole.any() else size),
        "nuclei_area_share": float((labels > 0).mean()),
        "nuclei_mean_intensity": float(inside),
        "nuclei_median_solidity": float(np.median(solidity)) if solidity else float("nan"),
    }
    return Measurement({k: v for k, v in values.items() if v == v}, {"nucleus": labels})


def _smear(pixels: Pixels) -> Measurement:
    smear = segment_smear(pixels)
    regions = {
        "red blood cell": smear.red, "white blood cell": smear.white, "platelet": smear.platelets,
    }  # fmt: skip
    if not any(labels.any() for labels in regions.values()):
        return Measurement()
    size, whole = areas(smear.red)[1:], _inside(smear.red)
    values = {"red_blood_cell_count": float(size.size)}
    if whole.any():
        values["red_blood_cell_median_diameter"] = _diameter(size[whole])
    values["white_blood_cell_count"] = float(smear.white.max())
    values["platelet_count"] = float(smear.platelets.max())
    return Measurement(values, regions)


def _cell(pixels: Pixels) -> Measurement:
    found = segment_leukocyte(pixels)
    if found is None:
        return Measurement()
    nucleus = float(found.nucleus.sum()) / found.scale**2
    values = {"nucleus_area": nucleus, "nucleus_solidity": _solidity(found.nucleus)}
    if found.cell is not None:
        cell = float(found.cell.sum()) / found.scale**2
        values |= {"cell_area": cell, "nuclear_cytoplasmic_area_ratio": nucleus / (cell - nucleus)}
    return Measurement(values, _outlines(found, pixels.shape[:2]))


def _outlines(found: Leukocyte, shape: tuple[int, int]) -> dict[str, Labels]:
    masks = {"white blood cell": found.cell, "nucleus": found.nucleus}
    return {k: grown(m.astype(np.int32), shape) for k, m in masks.items() if m is not None}


def _red_cell(pixels: Pixels) -> Measurement:
    labels = segment_smear(pixels).red
    height, width = labels.shape
    middle = int(labels[height // 2, width // 2])
    if middle == 0 or not _inside(labels)[middle - 1]:
        return Measurement()
    mask = labels == middle
    values = {
        "red_blood_cell_diameter": _diameter(np.array([mask.sum()])),
        "red_blood_cell_solidity": _solidity(mask),
    }
    return Measurement(values, {"red blood cell": mask.astype(np.int32)})


def _diameter(sizes: np.ndarray) -> float:
    """Of the circle as large as the median of the areas."""
    return float(2 * np.sqrt(np.median(sizes) / np.pi))


def _solidity(mask: Mask) -> float:
    (region,) = shapes.regionprops(mask.astype(np.uint8))
    return float(region.solidity)


def _inside(labels: Labels) -> Mask:
    """Of each region in order, whether it does not touch the edge of the image."""
    inside = np.ones(int(labels.max(initial=0)) + 1, bool)
    inside[np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))] = False
    return inside[1:]
