"""Data Science Bowl 2018 (BBBC038): nuclei with instance masks.

The modality is derived from colour and brightness by those who prepared the folder, not an
official label; the pixel size is unknown, so nuclear size is a share of the image width.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.measure import regionprops

from finetune.data.example import Example, Instance, read_pixels

LICENCE = "CC0 1.0"
LONGEST = 320
MODALITIES = {
    "fluorescence": {"modality": "fluorescence microscopy", "stain": "fluorescent dye"},
    "brightfield_gray": {"modality": "brightfield microscopy"},
    "stained_colour": {"modality": "stained histology"},
}


def read_masks(path: Path) -> tuple[Instance, ...]:
    """One instance a nucleus of a 16-bit label image."""
    labels = np.asarray(Image.open(path)).astype(np.int32)
    height, width = labels.shape
    found = []
    for region in regionprops(labels):  # type: ignore[no-untyped-call]
        top, left, bottom, right = region.bbox
        box = (left / width, top / height, right / width, bottom / height)
        found.append(Instance("nucleus", box, float(region.area) / (width * height)))
    return tuple(found)


def examples(root: Path) -> Iterator[Example]:
    """Every image of `root`/index.csv."""
    with (root / "index.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            facts = {"subject": "cell nuclei", **MODALITIES[row["modality_derived"]]}
            pixels = read_pixels(str(root / "images" / f"{row['id']}.png"), LONGEST)
            nuclei = read_masks(root / "labels" / f"{row['id']}.png")
            yield Example(
                row["id"],
                pixels,
                "nuclei",
                facts,
                "nuclei_dsb2018",
                LICENCE,
                row["id"],
                nuclei,
                ("nucleus",),
            )
