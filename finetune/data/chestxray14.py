"""Rows of NIH ChestX-ray14: the findings of a chest radiograph, each finding by itself, boxes.

The official metric is the mean AUROC over the 14 findings: it scores "yes" against "no" behind the
question of each. test_list.txt is the test split; of the others a tenth of the patients is dev.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from agent.prompts import answer, detect
from finetune.data.boxes import listed
from finetune.data.example import Split
from finetune.data.layout import not_laid_out
from finetune.data.row import Dropped, Row, RowFormat
from finetune.data.splits import kept_for_training
from tools.errors import BadInputError
from tools.ingest.layouts.chestxray14 import (
    FINDINGS,
    LICENCE,
    LOOKS_FOR,
    NO_FINDING,
    Home,
    Pictures,
    Radiograph,
    cells,
    finding,
    home_of,
    in_words,
    radiograph,
    words,
)
from tools.ingest.layouts.found import Marked

SOURCE = "chestxray14"
BOX_TABLES = "BBox_List*.csv"
TEST = "test_list.txt"
SIDE = 1024  # pixels, of the png files that the boxes refer to
WHICH = "which findings does this chest radiograph show?"
Boxes = Mapping[tuple[str, str], list[Marked]]  # of an image and a finding


def read(root: Path, dropped: Dropped) -> Iterator[Row]:
    """An image's rows: all findings, yes or no to each of the 14, the boxes where it has any."""
    if (home := home_of(root)) is None:
        raise not_laid_out(root, LOOKS_FOR)
    return _rows(home, dropped)


def _rows(home: Home, dropped: Dropped) -> Iterator[Row]:
    pictures, boxes, test = Pictures(home), _boxes(home, dropped), _test_names(home)
    for row in cells(home):
        if (path := pictures.find(row[0])) is None:
            dropped["its image is not there"] += 1
            continue
        try:
            known = radiograph(row)
        except BadInputError as e:
            dropped[str(e)] += 1
            continue
        split = _split(known, test)
        for prefix, suffix, truth in _asked(known, boxes):
            yield Row(
                known.image, path, prefix, suffix, known.patient, SOURCE, LICENCE, truth, split
            )


def _test_names(home: Home) -> frozenset[str] | None:
    """The names in the official list; None where there is none."""
    if not (path := home.root / TEST).is_file():
        return None
    with path.open(encoding="utf-8-sig") as lines:
        return frozenset(filter(None, map(str.strip, lines)))


def _split(known: Radiograph, test: frozenset[str] | None) -> Split | None:
    if test is None:
        return None
    return "test" if known.image in test else kept_for_training(SOURCE, known.patient)


def _boxes(home: Home, dropped: Dropped) -> Boxes:
    """The boxes of BBox_List_2017.csv, 984 in all; none where the file is not there."""
    found: dict[tuple[str, str], list[Marked]] = defaultdict(list)
    for table in sorted(home.root.glob(BOX_TABLES)):
        with table.open(newline="", encoding="utf-8-sig") as file:
            for row in list(csv.reader(file))[1:]:
                try:
                    found[row[0], finding(row[1])].append(_box(row[1], row[2:6]))
                except (ValueError, IndexError, BadInputError):
                    dropped["a box without finding or corners"] += 1
    return found


def _box(label: str, corner_and_size: Iterable[str]) -> Marked:
    """x, y, w, h in pixels, in one unquoted bracket of the header: four columns."""
    x, y, w, h = map(float, corner_and_size)
    if w <= 0 or h <= 0:
        raise ValueError("the box has no area")
    return Marked(words(finding(label)), x, y, x + w, y + h)


def _asked(known: Radiograph, boxes: Boxes) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Prefix, suffix and truth of each row."""
    yield answer(WHICH), in_words(known.findings), _truth(known)
    for name in FINDINGS:
        said = "yes" if name in known.findings else "no"
        yield _ASKED[name], said, {"finding": name, "present": said}
    for name in FINDINGS:
        if marked := boxes.get((known.image, name)):
            told = {"finding": name, "boxes": _told(marked)}
            yield detect(words(name)), listed(marked, (SIDE, SIDE)), told


def _truth(known: Radiograph) -> Mapping[str, str]:
    """The fields of the table; an age that is not known is left out."""
    truth = {"findings": "|".join(known.findings) or NO_FINDING, "view": known.view}
    age = {} if known.age is None else {"age": str(known.age)}
    return {**truth, "gender": known.gender, **age}


def _told(boxes: Iterable[Marked]) -> str:
    """Left, top, right, bottom in pixels of the png, a box between semicolons."""
    return ";".join(",".join(f"{pixel:.1f}" for pixel in box[1:]) for box in boxes)


_ASKED = {name: answer(f"does this chest radiograph show {words(name)}?") for name in FINDINGS}
FORMAT = RowFormat("chestxray14", LOOKS_FOR, read, "14 findings of chest radiographs, with boxes")
