"""Every format that rows are read from, by name: what a recipe calls `format`.

A new one is a module with a FORMAT, and its line here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from finetune.data import (
    aptos,
    cells,
    chestxray14,
    feedback,
    jsonl,
    laion,
    mimic,
    pubmedqa,
    vision_flan,
)
from finetune.data.row import Dropped, Row, RowFormat
from tools.errors import BadInputError
from tools.ingest.layouts.laion import Limits

_ALL: tuple[RowFormat, ...] = (
    chestxray14.FORMAT,
    aptos.FORMAT,
    mimic.FORMAT,
    pubmedqa.FORMAT,
    vision_flan.FORMAT,
    laion.FORMAT,
    jsonl.FORMAT,
    feedback.FORMAT,
    *cells.FORMATS,
)
FORMATS: Mapping[str, RowFormat] = {known.name: known for known in _ALL}


def read_rows(
    root: Path, format: str, dropped: Dropped, limits: Mapping[str, float] | None = None
) -> Iterator[Row]:
    """The rows of `root`; why others were left out is counted in `dropped` as they are read.

    `limits` are thresholds in place of the usual ones, of a format that has some (laion).
    BadInputError says what was looked for and what was found, before the first row.
    """
    known = format_of(format, limits or {})
    if not root.exists():
        raise BadInputError(f"{root} does not exist; {format} is {known.looks_for}")
    return known.read(root, dropped)


def format_of(name: str, limits: Mapping[str, float]) -> RowFormat:
    """A format by its name; BadInputError names a format or a limit that is unknown."""
    if (known := FORMATS.get(name)) is None:
        raise BadInputError(f"no format is called {name!r}; known: {', '.join(FORMATS)}")
    if not limits:
        return known
    names = [field.name for field in fields(Limits)] if known is laion.FORMAT else []
    if unknown := sorted(set(limits) - set(names)):
        raise BadInputError(
            f"{name} has no limit called {', '.join(unknown)}; it has {', '.join(names) or 'none'}"
        )
    return laion.filtered(Limits(**limits))
