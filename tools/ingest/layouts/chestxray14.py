"""NIH ChestX-ray14 (Wang et al., CVPR 2017): Data_Entry_2017.csv and png files, in one folder or
in the twelve parts images_001/images …

Columns are found by name, however it is spaced; the commas in the brackets of the last four are
not quoted, so those are never read. Whether a label is right (they were mined from reports) is not
known. A part that was not downloaded is no error: rows without their image are passed over.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.errors import BadInputError
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout
from tools.ingest.layouts.table import column_name

FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia",
    "Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening",
    "Hernia",
)  # fmt: skip
NO_FINDING = "No Finding"
LICENCE = "no restrictions; cite Wang et al. 2017, acknowledge the NIH Clinical Center"
TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv", "sample_labels.csv")
NEEDED = ("image_index", "finding_labels", "patient_id")
TOLD = ("patient_age", "patient_gender", "view_position")
LOOKS_FOR = (
    f"{TABLES[1]} (or _v2020, or {TABLES[2]}; columns Image Index, Finding Labels, Patient ID) "
    "and images/ or images_001 … images_012/images"
)
OLDEST = 120  # years; typing errors run to 414
_SPELLINGS = {name.lower(): name for name in FINDINGS} | {"infiltrate": "Infiltration"}
_AGE = re.compile(r"0*(\d+)([YMD]?)", re.IGNORECASE)


@dataclass(frozen=True)
class Home:
    """Where a copy of the set lies."""

    table: Path
    folders: tuple[str, ...]  # of images

    @property
    def root(self) -> Path:
        return self.table.parent


@dataclass(frozen=True)
class Radiograph:
    """A row of the table; no findings stands for "No Finding"."""

    image: str
    findings: tuple[str, ...]  # of FINDINGS
    patient: str
    age: int | None  # years
    gender: str  # M, F
    view: str  # PA, AP


Cells = Sequence[str]  # NEEDED and TOLD of a row


def home_of(root: Path) -> Home | None:
    """The set in `root`, or that of the table `root`."""
    named = [root / name for name in TABLES]
    any_name = sorted(root.glob("*.csv")) if root.is_dir() else [root]
    tables = [*named, *any_name, root / "sample" / TABLES[2]]
    table = next((t for t in tables if t.suffix == ".csv" and t.is_file() and _fits(t)), None)
    if table is None:
        return None
    base = table.parent
    parts = [*sorted(base.glob("images_*/images")), *sorted(base.glob("images_*"))]
    folders = [base / "images", *parts, base / "sample" / "images", base]
    return Home(table, tuple(str(folder) for folder in folders if folder.is_dir()))


def _fits(table: Path) -> bool:
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        return set(NEEDED) <= set(map(column_name, next(csv.reader([file.readline(4096)]), [])))


def cells(home: Home) -> Iterator[Cells]:
    """The cells that are read of each row, as text; "" where a row or the table has none."""
    with home.table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file)
        names = [column_name(name) for name in next(reader, [])]
        at = [names.index(n) if n in names else len(names) + 1 for n in (*NEEDED, *TOLD)]
        try:
            for row in reader:
                if row:
                    yield [row[i].strip() if i < len(row) else "" for i in at]
        except csv.Error as e:
            raise BadInputError(f"{home.table}, line {reader.line_num} is no csv ({e})") from e


def radiograph(row: Cells) -> Radiograph:
    """The row as values; BadInputError says what it lacks."""
    image, labels, patient, age, gender, view = row
    for value, name in (
        (image, "Image Index"),
        (labels, "Finding Labels"),
        (patient, "Patient ID"),
    ):
        if not value:
            raise BadInputError(f"has no {name}")
    named = [label for label in labels.split("|") if label.strip() != NO_FINDING]
    findings = tuple(dict.fromkeys(map(finding, named)))
    return Radiograph(image, findings, patient, years(age), gender.upper(), view.upper())


def finding(label: str) -> str:
    """The official name: BBox_List_2017.csv says Infiltrate for Infiltration."""
    name = _SPELLINGS.get(label.strip().lower().replace(" ", "_"))
    if name is None:
        raise BadInputError(f"has the unknown finding {label!r}")
    return name


def years(age: str) -> int | None:
    """ "058Y" or "58" -> 58, "011M" -> 0; None for what is no age."""
    if (found := _AGE.fullmatch(age)) is None:
        return None
    number, unit = int(found[1]), found[2].upper()
    return (
        number // 12 if unit == "M" else 0 if unit == "D" else number if number <= OLDEST else None
    )


class Pictures:
    """Finds the file of a name; neighbouring rows lie in one folder, so that is tried first."""

    def __init__(self, home: Home) -> None:
        self._folders = list(home.folders)

    def find(self, name: str) -> Path | None:
        if os.path.basename(name) != name:  # noqa: PTH119 - a hundred thousand times
            return None
        for n, folder in enumerate(self._folders):
            if os.path.isfile(path := f"{folder}/{name}"):  # noqa: PTH113
                self._folders.insert(0, self._folders.pop(n))
                return Path(path)
        return None


def find(root: Path) -> Images | None:
    """The images of the table that are there."""
    return partial(walk, home) if (home := home_of(root)) else None


def walk(home: Home) -> Iterator[FoundImage]:
    """One image a row; BadInputError where there is not a single one."""
    pictures, none = Pictures(home), True
    for row in cells(home):
        if (path := pictures.find(row[0])) is not None:
            none = False
            yield FoundImage(path, partial(read, row))
    if none:
        raise BadInputError(
            f"none of the images in {home.table} is there; unpack them into {home.root / 'images'}"
        )


def read(row: Cells) -> Labelled:
    """Findings and view of a row; the group is the patient."""
    known = radiograph(row)
    said = in_words(known.findings)
    view = f", {known.view} view" if known.view else ""
    labels = {"findings": said} | ({"view": known.view} if known.view else {})
    return Labelled(f"Chest radiograph{view}: {said}.", labels, known.patient, licence=LICENCE)


def words(finding: str) -> str:
    """ "Pleural_Thickening" -> "pleural thickening"."""
    return finding.replace("_", " ").lower()


def in_words(findings: Sequence[str]) -> str:
    return ", ".join(map(words, findings)) or words(NO_FINDING)


LAYOUT = Layout("chestxray14", LOOKS_FOR, find)
