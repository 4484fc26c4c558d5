"""CRC-VAL-HE-7K: tiles of colorectal tissue stained with hematoxylin and eosin, by tissue class."""

from collections.abc import Iterator
from pathlib import Path

from finetune.data.example import Example, read_pixels

LICENCE = "CC BY 4.0"
SIDE = 224
CLASSES = {
    "ADI": "adipose tissue",
    "LYM": "lymphoid tissue",
    "MUC": "mucus",
    "MUS": "smooth muscle",
    "NORM": "normal colon mucosa",
    "STR": "cancer-associated stroma",
    "TUM": "colorectal adenocarcinoma",
}


def examples(root: Path) -> Iterator[Example]:
    """Every tile below `root`, the folder of the class folders."""
    for label, tissue in CLASSES.items():
        for path in sorted(root.joinpath(label).iterdir()):
            facts = {
                "subject": "tissue section",
                "modality": "stained histology",
                "stain": "hematoxylin and eosin",
                "tissue_type": tissue,
            }
            pixels = read_pixels(str(path), SIDE)
            yield Example(path.name, pixels, "tissue", facts, "crc_val_he_7k", LICENCE, path.stem)
