"""PBC leukocyte images with WBCAtt's eleven attributes.

Layout: PBC_dataset_normal_DIB/<class>/<image>.jpg and pbc_attr_v1_{train,val,test}.csv. Images
without a csv row (immature granulocytes, erythroblasts, platelets) have a cell type only.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from finetune.data.example import Example, Split, read_pixels
from tools.findings import ATTRIBUTES

LICENCE = "CC BY 4.0 (images), MIT (attributes)"
SIDE = 224

_WORDS: Mapping[str, Mapping[str, str]] = {
    "nucleus_shape": {
        "unsegmented-band": "band",
        "unsegmented-round": "round",
        "unsegmented-indented": "indented",
        "segmented-bilobed": "bilobed",
        "segmented-multilobed": "multilobed",
    },
    "chromatin_density": {"densely": "dense", "loosely": "loose"},
    "granule_type": {"nil": "none"},
    "granule_colour": {"nil": "none"},
}
_CLASSES = {"ig": "immature granulocyte"}
_SPLITS: Mapping[str, Split | None] = {"train": "train", "val": None, "test": "test"}


def read_attributes(path: Path) -> dict[str, dict[str, str]]:
    """Image name to its eleven attributes, in the words of tools.findings."""
    with path.open(newline="") as rows:
        return {
            row["img_name"]: {
                q.name: _WORDS.get(q.name, {}).get(row[q.name], row[q.name]) for q in ATTRIBUTES
            }
            for row in csv.DictReader(rows)
        }


def examples(root: Path) -> Iterator[Example]:
    """Every image below `root` (the folder that holds the csv files)."""
    attributes: dict[str, tuple[Split | None, dict[str, str]]] = {}
    for name, split in _SPLITS.items():
        if (path := root / f"pbc_attr_v1_{name}.csv").exists():
            attributes |= {key: (split, row) for key, row in read_attributes(path).items()}
    for path in sorted((root / "PBC_dataset_normal_DIB").glob("*/*.jpg")):
        label = path.parent.name
        official, row = attributes.get(path.name, (None, {}))
        facts = {
            "subject": "single blood cell",
            "modality": "stained blood smear",
            "stain": "Romanowsky",
            "cell_type": _CLASSES.get(label, label),
            **row,
        }
        pixels = read_pixels(str(path), SIDE)
        yield Example(
            path.name, pixels, "cell", facts, "pbc_wbcatt", LICENCE, path.stem, (), (), official
        )
