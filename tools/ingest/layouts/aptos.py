"""APTOS 2019: fundus photographs graded for diabetic retinopathy.

train.csv (id_code, diagnosis 0..4) with train_images/, test.csv (no diagnosis) with test_images/;
or a mirror's class folders colored_images/No_DR … Proliferate_DR. sample_submission.csv looks like
train.csv and is no truth: it is never read. Patients are not known.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.errors import BadInputError
from tools.ingest.layouts.found import (
    FoundImage,
    Images,
    Labelled,
    Layout,
    image_files,
    with_image_suffix,
)
from tools.ingest.layouts.table import column_name

GRADES = ("none", "mild", "moderate", "severe", "proliferative")
FOLDERS = {"no_dr": 0, "mild": 1, "moderate": 2, "severe": 3, "proliferate_dr": 4,
           "proliferative_dr": 4}  # fmt: skip
MIRROR = "colored_images"
LICENCE = "Kaggle competition rules: not for redistribution"
LOOKS_FOR = (
    "train.csv (columns id_code, diagnosis) and train_images/, "
    f"or class folders {MIRROR}/No_DR … Proliferate_DR"
)
UNLABELLED = "has no diagnosis: those of test.csv were never released"


@dataclass(frozen=True)
class Fundus:
    """A row; `path` may not exist, `diagnosis` is as it is written."""

    name: str
    path: Path
    diagnosis: str


def find(root: Path) -> Images | None:
    """The photographs of the tables, or of the class folders."""
    return partial(walk, root) if is_home(root) else None


def is_home(root: Path) -> bool:
    return _is_table(root / "train.csv") or _classes(root) is not None


def _is_table(table: Path) -> bool:
    if not table.is_file():
        return False
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        return {"id_code", "diagnosis"} <= set(map(column_name, file.readline(4096).split(",")))


def _classes(root: Path) -> Path | None:
    """The folder of the class folders; "No_DR" among them tells it from any other."""
    for folder in (root, root / MIRROR, root / MIRROR / MIRROR):
        if (folder / "No_DR").is_dir():
            return folder
    return None


def walk(root: Path) -> Iterator[FoundImage]:
    """One image a row; a missing image is named when it is opened."""
    for fundus in photographs(root):
        yield FoundImage(fundus.path, partial(read, fundus))


def photographs(root: Path) -> Iterator[Fundus]:
    """Every row of the tables, those of the test set last, or every file of the class folders."""
    classes = _classes(root)
    if not _is_table(root / "train.csv"):
        assert classes is not None
        yield from _in_folders(classes)
        return
    for side in ("train", "test"):
        folders = [root / f"{side}_images", root / f"{side}_images" / f"{side}_images"]
        folders += [classes / name for name in _names(classes)] if classes else []
        yield from _of_table(root / f"{side}.csv", folders)


def _names(classes: Path) -> list[str]:
    return sorted(f.name for f in classes.iterdir() if f.name.lower() in FOLDERS)


def _in_folders(classes: Path) -> Iterator[Fundus]:
    for name in _names(classes):
        for path in image_files(classes / name):
            yield Fundus(path.stem, path, str(FOLDERS[name.lower()]))


def _of_table(table: Path, folders: list[Path]) -> Iterator[Fundus]:
    if not table.is_file():
        return
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        for row in csv.DictReader(file):
            told = {column_name(k): (v or "").strip() for k, v in row.items() if k}
            name = told.get("id_code", "")
            yield Fundus(name, _locate(name, folders), told.get("diagnosis", ""))


def _locate(name: str, folders: list[Path]) -> Path:
    """The file of a name; where there is none, where it should be."""
    inside = Path(name).name == name
    found = (with_image_suffix(folder / name) for folder in folders) if inside else iter(())
    return next(filter(None, found), folders[0] / f"{Path(name).name}.png")


def grade(fundus: Fundus) -> int:
    """0..4; BadInputError says why there is none."""
    if not fundus.name:
        raise BadInputError("has no id_code")
    if not fundus.diagnosis:
        raise BadInputError(UNLABELLED)
    if fundus.diagnosis not in ("0", "1", "2", "3", "4"):
        raise BadInputError(f"has the diagnosis {fundus.diagnosis!r}, which is none of 0..4")
    return int(fundus.diagnosis)


def read(fundus: Fundus) -> Labelled:
    """The grade as a label."""
    said = GRADES[grade(fundus)]
    caption = f"Retinal fundus photograph; diabetic retinopathy: {said}."
    return Labelled(caption, {"diabetic_retinopathy": said}, licence=LICENCE)


LAYOUT = Layout("aptos", LOOKS_FOR, find)
