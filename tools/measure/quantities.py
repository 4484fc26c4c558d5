"""What is measured: the name, unit and meaning of every number, written once.

Lengths and areas are in pixels, or in µm where the pixel size is known. A diameter is that of the
circle of equal area. How far the counts are off is in `python -m finetune.counting`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tools.evidence import Finding

Dimension = Literal["count", "length", "area", "share", "ratio"]


@dataclass(frozen=True)
class Quantity:
    """A number that can be measured, and how it is said: "17 red blood cells"."""

    name: str
    dimension: Dimension
    meaning: str
    thing: str | None = None  # of tools.findings.COUNTS, where it counts them

    def finding(self, value: float, pixel_size_um: float = 0.0) -> Finding:
        """The finding of a value in pixels, at `pixel_size_um` µm a pixel (0: not known)."""
        power = {"length": 1, "area": 2}.get(self.dimension, 0)
        known = pixel_size_um > 0
        scaled = value * pixel_size_um**power if known else value
        return Finding(
            name=self.name, value=self._written(scaled), unit=self._unit(known), origin="measured"
        )

    def _written(self, value: float) -> str:
        if self.dimension == "count":
            return str(round(value))
        return (
            f"{value:.2f}"
            if abs(value) < 10
            else f"{value:.1f}"
            if value < 1000
            else f"{value:.0f}"
        )

    def _unit(self, known: bool) -> str | None:
        length = "µm" if known else "px"
        units = {"count": "per image", "length": length, "area": f"{length}²", "share": "share"}
        return units.get(self.dimension)


_ALL = (
    Quantity("nuclei_count", "count", "nuclei, also those cut by the edge", "nucleus"),
    Quantity("nuclei_median_diameter", "length", "median diameter of nuclei not cut by the edge"),
    Quantity("nuclei_area_share", "share", "share of the image that nuclei cover"),
    Quantity("nuclei_mean_intensity", "share", "mean gray value inside nuclei, of full scale"),
    Quantity("nuclei_median_solidity", "share", "median of area over area of the convex hull"),
    Quantity(
        "red_blood_cell_count", "count",
        "red cells, also those cut by the edge of which half is seen", "red blood cell",
    ),
    Quantity(
        "red_blood_cell_median_diameter", "length", "median diameter of whole red cells"
    ),
    Quantity("white_blood_cell_count", "count", "cells with a nucleus", "white blood cell"),
    Quantity("platelet_count", "count", "small purple bodies outside white cells", "platelet"),
    Quantity("nucleus_area", "area", "area of the central cell's nucleus"),
    Quantity("nucleus_solidity", "share", "its area over that of its convex hull; low: lobed"),
    Quantity("cell_area", "area", "area of the central cell, where it can be set apart"),
    Quantity(
        "nuclear_cytoplasmic_area_ratio", "ratio", "area of the nucleus over that of the cytoplasm"
    ),
    Quantity("red_blood_cell_diameter", "length", "diameter of the red cell in the middle"),
    Quantity("red_blood_cell_solidity", "share", "its area over that of its convex hull"),
)  # fmt: skip
QUANTITIES: Mapping[str, Quantity] = {quantity.name: quantity for quantity in _ALL}
