"""A split: which images of a folder are meant, from a table or a plain list of names.

The column with the images is the one whose cells name the most of them, by file name or path, with
or without extension and whatever folder the table's author kept them in. Of several images of one
name, those are meant whose path agrees the longest from its end.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import eq
from pathlib import Path, PurePosixPath

from tools.errors import BadInputError
from tools.images import SUFFIXES

Row = Mapping[str, str]


@dataclass(frozen=True)
class Split:
    """The rows of the images that are meant, and the names that no image has."""

    rows: Mapping[Path, Row]
    missing: tuple[str, ...]


def read_split(table: Path, images: Sequence[Path]) -> Split:
    """Find the images of a csv, tsv or plain list; BadInputError where it names none of them."""
    cells = _cells(table)
    named = _Names(images)
    width = max(map(len, cells), default=0)
    found = [[named.meant(_cell(row, column)) for row in cells] for column in range(width)]
    column = max(range(width), key=lambda i: sum(map(bool, found[i])), default=0)
    if not width or not any(found[column]):
        raise _names_nothing(table, cells, images)
    headed = not found[column][0]
    header = [name.strip() for name in cells[0]] if headed else []
    rows: dict[Path, Row] = {}
    missing = []
    for row, paths in list(zip(cells, found[column], strict=True))[headed:]:
        told = dict(zip(header, row, strict=False))
        rows |= dict.fromkeys(paths, told)
        missing += [_cell(row, column)] if not paths else []
    return Split(rows, tuple(missing))


def _cells(table: Path) -> list[list[str]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        rows = csv.reader(text.splitlines(), delimiter=delimiter)
        return [[cell.strip() for cell in row] for row in rows if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise BadInputError(f"{table} is not a readable list or table in UTF-8 ({e})") from e


def _cell(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _parts(name: str) -> tuple[str, ...]:
    """Folders and stem, the stem first: "a/b/1.png" -> ("1", "b", "a")."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = path.stem if path.suffix.lower() in SUFFIXES else path.name
    return (stem, *reversed(path.parent.parts)) if stem else ()


class _Names:
    """Images by name."""

    def __init__(self, images: Sequence[Path]) -> None:
        self._by_stem = defaultdict[str, list[tuple[Path, tuple[str, ...]]]](list)
        for path in images:
            parts = _parts(path.as_posix())
            self._by_stem[parts[0]].append((path, parts))

    def meant(self, name: str) -> list[Path]:
        """The images that a cell names."""
        wanted = _parts(name)
        alike = [
            (_agreeing(parts, wanted), path)
            for path, parts in self._by_stem.get(wanted[0] if wanted else "", ())
        ]
        longest = max((length for length, _ in alike), default=0)
        return [path for length, path in alike if length == longest]


def _agreeing(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(takewhile(bool, map(eq, one, other)))


def _names_nothing(
    table: Path, cells: Sequence[Sequence[str]], images: Sequence[Path]
) -> BadInputError:
    said = ", ".join(", ".join(row) for row in cells[:2]) or "nothing"
    there = ", ".join(path.name for path in images[:3]) or "none"
    return BadInputError(
        f"{table} names none of the {len(images):,} images found. It begins with: {said[:200]}. "
        f"The images are called: {there}"
    )
