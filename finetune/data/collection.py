"""All training sets of a folder, read once and split.

Sets whose licence is unclear or restricted are not listed here and are never read.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from finetune.data import bccd, chula_rbc12, crc_val_he_7k, nuclei_dsb2018, pbc_wbcatt
from finetune.data.example import Example, Split
from finetune.data.splits import split
from tools.errors import BadInputError

DATASETS: dict[str, Callable[[Path], Iterator[Example]]] = {
    "pbc_wbcatt": pbc_wbcatt.examples,
    "bccd": bccd.examples,
    "nuclei_dsb2018": nuclei_dsb2018.examples,
    "chula_rbc12": chula_rbc12.examples,
    "histology/crc_val_he_7k": crc_val_he_7k.examples,
}


def load(root: Path) -> tuple[dict[Split, list[Example]], list[Example]]:
    """Every dataset found below `root`, as splits, and the refused near-duplicates.

    Raises BadInputError when none is there.
    """
    found = [
        example
        for name, read in DATASETS.items()
        if (root / name).is_dir()
        for example in read(root / name)
    ]
    if not found:
        raise BadInputError(f"no training set below {root}; expected one of {', '.join(DATASETS)}")
    return split(found)
