"""PBC leukocytes with WBCAtt's attributes, in the layout both publish.

PBC_dataset_normal_DIB/<class>/<image> (Acevedo et al. 2020, stained with May Grünwald-Giemsa) and
pbc_attr_v1_<split>.csv (Tsutsui et al. 2023). Images without a row have their cell type only, and
the images need no csv at all; beside a csv their folder may have any name.
"""

import csv
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from tools.errors import BadInputError
from tools.ingest.labels import attribute_labels, class_label, phrases
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout, image_files

FOLDER = "PBC_dataset_normal_DIB"
TABLES = "pbc_attr_v1_*.csv"
Rows = Mapping[str, Mapping[str, str]]


def find(root: Path) -> Images | None:
    """`root` holds the folder of images or a table, or is that folder."""
    home = root.parent if root.name == FOLDER else root
    if not (home / FOLDER).is_dir() and not any(home.glob(TABLES)):
        return None
    return partial(walk, home)


def walk(home: Path) -> Iterator[FoundImage]:
    """Every image, with its row where there is one."""
    rows: dict[str, Mapping[str, str]] = {}
    splits: dict[str, str] = {}
    for table in sorted(home.glob(TABLES)):
        rows |= (told := read_rows(table))
        splits |= dict.fromkeys(told, table.stem.rpartition("_")[2])
    for path in image_files(home / FOLDER if (home / FOLDER).is_dir() else home):
        yield FoundImage(path, partial(read, path, rows, splits.get(path.name, "")))


def read_rows(table: Path) -> dict[str, dict[str, str]]:
    """Image name -> attributes, in the words of `tools.findings`."""
    with table.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if "img_name" not in (reader.fieldnames or ()):
            raise BadInputError(f"{table} has no column img_name; take WBCAtt's own file")
        return {row["img_name"]: attribute_labels(row) for row in reader}


def read(path: Path, rows: Rows, split: str = "") -> Labelled:
    """Cell type from the folder, attributes from the row, split from the row's file."""
    name, value = class_label(path.parent.name)
    labels = {name: value, **rows.get(path.name, {})}
    said = phrases(labels)
    caption = f"Single {value} in peripheral blood, May Grünwald-Giemsa stain"
    return Labelled(f"{caption}: {said}." if said else f"{caption}.", labels, split=split)


LAYOUT = Layout("wbcatt", f"a folder {FOLDER} (and {TABLES} beside it)", find)
