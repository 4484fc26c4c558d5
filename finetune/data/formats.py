"""Every format that rows are read from, by name: what a recipe calls `format`.

A new one is a module with a FORMAT, and its line here.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from finetune.data import (
    aptos,
    cells,
    chestxray14,
    jsonl,
    laion,
    mimic,
    pubmedqa,
    vision_flan,
)
from finetune.data.row import Dropped, Row, RowFormat
from tools.errors import BadInputError

_ALL: tuple[RowFormat, ...] = (
    chestxray14.FORMAT,
    aptos.FORMAT,
    mimic.FORMAT,
    pubmedqa.FORMAT,
    vision_flan.FORMAT,
    laion.FORMAT,
    jsonl.FORMAT,
    *cells.FORMATS,
)
FORMATS: Mapping[str, RowFormat] = {known.name: known for known in _ALL}


def read_rows(root: Path, format: str, dropped: Dropped) -> Iterator[Row]:
    """The rows of `root`; why others were left out is counted in `dropped` as they are read.

    BadInputError says what was looked for and what was found, before the first row.
    """
    if (known := FORMATS.get(format)) is None:
        raise BadInputError(f"no format is called {format!r}; known: {', '.join(FORMATS)}")
    if not root.exists():
        raise BadInputError(f"{root} does not exist; {format} is {known.looks_for}")
    return known.read(root, dropped)
