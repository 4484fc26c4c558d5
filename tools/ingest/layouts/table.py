"""A csv file with a row an image: captions, attributes, or both.

The image column is the one whose values name files, as paths from the table or from a folder beside
it, with or without extension. Other columns become labels.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from tools.errors import BadInputError
from tools.ingest.labels import attribute_labels, class_label, plain
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout, with_image_suffix

TRIED = 20  # rows looked at to find the image column
LONGEST_LABEL = 100  # characters; longer texts are no labels
CAPTIONS = ("caption", "description", "text", "sentence", "suffix")
CLASSES = ("label", "class", "cell_type", "category")
GROUPS = ("group", "patient", "patient_id", "slide", "slide_id", "donor")
LICENCES = ("licence", "license")
Row = Mapping[str, str]


def find(root: Path) -> Images | None:
    """`root` is a table, or the folder of exactly one that names images."""
    if root.is_file():
        tables = [root] if root.suffix.lower() in (".csv", ".tsv") else []
    else:
        tables = sorted(p for p in root.iterdir() if p.suffix.lower() in (".csv", ".tsv"))
    usable = [(table, column) for table in tables if (column := image_column(table))]
    return partial(walk, usable) if usable else None


def walk(usable: Sequence[tuple[Path, str]]) -> Iterator[FoundImage]:
    """One image a row; a missing image is named when it is opened."""
    for table, column in usable:
        for row in rows(table):
            value = row.get(column, "")
            path = locate(table.parent, value) or table.parent / (value or "(empty)")
            yield FoundImage(path, partial(read, row, column))


def rows(table: Path) -> Iterator[Row]:
    """Rows with trimmed cells; columns that are named but empty are left out."""
    delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file, delimiter=delimiter):
                yield {k: v.strip() for k, v in row.items() if k and isinstance(v, str) and v}
    except (csv.Error, UnicodeDecodeError) as e:
        raise BadInputError(f"{table} is not a sound table in UTF-8 ({e})") from e


def image_column(table: Path) -> str | None:
    """The column that names the most existing files in the first rows; None if none does."""
    found: dict[str, int] = {}
    for row in islice(rows(table), TRIED):
        for column, value in row.items():
            if value and locate(table.parent, value):
                found[column] = found.get(column, 0) + 1
    return max(found, key=lambda column: found[column], default=None)


def locate(base: Path, value: str) -> Path | None:
    """The image that a cell names, never outside the table's folder."""
    if len(value) > 255 or Path(value).is_absolute() or ".." in Path(value).parts or "\0" in value:
        return None
    folders = [base, base / "images", base / "train_images", base / "test_images"]
    try:
        return next(filter(None, (with_image_suffix(f / value) for f in folders)), None)
    except (OSError, ValueError):  # not a file name at all
        return None


def read(row: Row, column: str) -> Labelled:
    """Caption, labels, group, source and licence of a row."""
    low = {column_name(name): value for name, value in row.items() if name != column and value}
    caption = _first(low, CAPTIONS)
    kind = _first(low, CLASSES)
    labels = dict([class_label(kind)]) if kind else {}
    labels |= attribute_labels(low)
    told = {*CAPTIONS, *CLASSES, *GROUPS, *LICENCES, "source", "path", "split", *labels}
    for name, value in low.items():
        if name not in told and len(value) <= LONGEST_LABEL:
            labels[name] = value
    group, licence = _first(low, GROUPS) or "", _first(low, LICENCES)
    split = low.get("split", "").lower()
    return Labelled(caption or in_words(labels), labels, group, low.get("source"), licence, split)


def column_name(name: str) -> str:
    """A column's name as a label's: "Patient ID" -> "patient_id"."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _first(row: Row, names: Sequence[str]) -> str | None:
    return next((row[name] for name in names if row.get(name)), None)


def in_words(labels: Mapping[str, str]) -> str:
    """The labels as a caption: "cell type: neutrophil; stain: Wright."."""
    said = "; ".join(f"{plain(name)}: {value}" for name, value in labels.items())
    return f"{said}." if said else ""


LAYOUT = Layout("csv", "a .csv or .tsv table with a column that names the images", find)
