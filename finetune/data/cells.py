"""Labelled cell images as rows, whatever their layout: what a set knows of an image is asked.

A label is asked for in the words of `tools.findings`, a thing that was boxed by its number and its
boxes, a cell that was only pointed at in a crop around it. What is annotated in one image of a
VOC set counts as annotated in all: no box, none there. An official val split serves as dev, and
where no test split is published its groups are halved into dev and test.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from agent import prompts
from finetune.data import bccd, chula_rbc12, nuclei_dsb2018, pbc_wbcatt
from finetune.data.boxes import listed
from finetune.data.example import Pixels, Split
from finetune.data.layout import not_laid_out
from finetune.data.measured import BROKEN, size_of
from finetune.data.row import Dropped, Row, RowFormat
from finetune.data.splits import halved
from tools.errors import BadImageError, BadInputError
from tools.findings import BY_NAME
from tools.images import open_image
from tools.ingest.labels import count_labels, question
from tools.ingest.layouts import folders, masks, points, table, voc, wbcatt
from tools.ingest.layouts.found import FoundImage, Images, Labelled, Layout

MOST_BOXES = 32  # listed in one answer, about eight tokens each
LARGEST = 100_000_000  # pixels or bytes of an image that is cut
ANNOTATION, NOTHING = "its annotation is not usable", "nothing known of it can be asked"
EDGE, CROWDED = "a cell at the edge of its image", "more boxes than an answer holds"
COUNT = "count:"
CLASSES = ("class", "cell_type", "red_cell_type", "tissue_type")
LICENCES = {  # of known sets, which do not say it themselves
    "pbc_wbcatt": pbc_wbcatt.LICENCE,
    "bccd": bccd.LICENCE,
    "chula_rbc12": chula_rbc12.LICENCE,
    "nuclei_dsb2018": nuclei_dsb2018.LICENCE,
}
Task = tuple[str, str, dict[str, str]]  # prefix, suffix, truth


@dataclass(frozen=True)
class CellSet:
    """A layout of labelled images, and what of it is asked."""

    layout: Layout
    source: str = ""  # of the one set that is laid out so; else its folder's name
    described: bool = False  # its captions describe, rather than list what was annotated
    listed: bool = False  # labels are quick to read: its things and splits are gathered first
    pointed: bool = False  # its cells are cut out around points

    def read(self, root: Path, dropped: Dropped) -> Iterator[Row]:
        """The rows of every image; those of one image follow each other."""
        if (images := self.layout.find(root)) is None:
            raise not_laid_out(root, self.layout.looks_for)
        return self._rows(images, root, dropped)

    def _rows(self, images: Images, root: Path, dropped: Dropped) -> Iterator[Row]:
        home = root.parent if root.is_file() else root
        source = self.source or home.resolve().name.lower()
        survey = survey_of(images) if self.listed else Survey()
        for found in images():
            if (size := size_of(found.path, dropped)) is None:
                continue
            try:
                known = found.read()
            except BadInputError:
                dropped[ANNOTATION] += 1
                continue
            name = found.path.relative_to(home).as_posix()
            image = _Image(found, name, known, size, source, survey)
            rows = list(image.crops(dropped) if self.pointed else image.rows(self, dropped))
            if not rows:
                dropped[NOTHING] += 1
            yield from rows


@dataclass(frozen=True)
class Survey:
    """What is known of a set as a whole."""

    things: tuple[str, ...] = ()  # that are annotated in any image
    has_test: bool = True  # an official test split


def survey_of(images: Images) -> Survey:
    """Reads all annotations and no image; broken ones are told when their image's turn comes."""
    things, splits = dict[str, None](), set[str]()
    for found in images():
        try:
            known = found.read()
        except BadInputError:
            continue
        things |= dict.fromkeys(box.thing for box in known.marked)
        splits.add(known.split)
    return Survey(tuple(sorted(things)), "test" in splits)


@dataclass(frozen=True)
class _Image:
    """An image with what is known of it, on its way to rows."""

    found: FoundImage
    name: str  # its path in the set: classes may have a file of the same name each
    known: Labelled
    size: tuple[int, int]  # width, height
    source: str
    survey: Survey

    def rows(self, cells: CellSet, dropped: Dropped) -> Iterator[Row]:
        """All that can be asked of the image as a whole."""
        tasks = [*(self._described() if cells.described else ()), *self._labels(dropped)]
        return (self._row(self.found.path, self.name, task) for task in tasks)

    def _described(self) -> Iterator[Task]:
        if self.known.caption:
            yield prompts.describe(), self.known.caption, {"caption": self.known.caption}

    def _labels(self, dropped: Dropped) -> Iterator[Task]:
        counts = dict.fromkeys(self.survey.things, 0) | {
            label.removeprefix(COUNT): int(number)
            for label, number in self.known.labels.items()
            if label.startswith(COUNT)
        }
        for label, value in {**self.known.labels, **count_labels(counts)}.items():
            if _askable(label, value):
                yield prompts.answer(question(label)), value, {label: value}
        for thing, number in counts.items():
            if number > MOST_BOXES:
                dropped[CROWDED] += 1
                continue
            boxes = listed([box for box in self.known.marked if box.thing == thing], self.size)
            yield prompts.detect(thing), boxes, {f"boxes:{thing}": boxes}

    def crops(self, dropped: Dropped) -> Iterator[Row]:
        """A square around each point, and the type of its cell."""
        try:
            opened = open_image(self.found.path, max_pixels=LARGEST, max_bytes=LARGEST)
        except BadImageError:
            dropped[BROKEN] += 1
            return
        pixels = np.asarray(opened.pixels, dtype=np.uint8)
        asked = prompts.answer(question("red_cell_type"))
        for index, cell in enumerate(self.known.marked):
            crop = chula_rbc12.cut(pixels, int(cell.left), int(cell.top))
            if crop is None:
                dropped[EDGE] += 1
                continue
            task = asked, cell.thing, {"red_cell_type": cell.thing}
            yield self._row(crop, f"{self.found.path.stem}-{index}", task)

    def _row(self, image: Path | Pixels, name: str, task: Task) -> Row:
        prefix, suffix, truth = task
        licence = self.known.licence or LICENCES.get(self.source, "not stated")
        group = self._group()
        return Row(
            name, image, prefix, suffix, group, self.source, licence, truth, self._split(group)
        )

    def _group(self) -> str:
        """Patient or slide; else the folder that its source says; else the image itself."""
        told = PurePosixPath(self.known.source or "")
        return self.known.group or (str(told.parent) if told.parent.name else self.found.path.stem)

    def _split(self, group: str) -> Split | None:
        match self.known.split:
            case "val" | "valid" | "validation" | "dev":
                return "dev" if self.survey.has_test else halved(self.source, group)
            case "train":
                return "train"
            case "test":
                return "test"
        return None


def _askable(label: str, value: str) -> bool:
    """Counts, classes, also those of the set's own, and what the schema has as an answer."""
    if label in CLASSES or label.startswith(COUNT):
        return True
    return label in BY_NAME and value in BY_NAME[label].options


def _format(name: str, cells: CellSet, teaches: str) -> RowFormat:
    return RowFormat(name, cells.layout.looks_for, cells.read, teaches)


FORMATS: tuple[RowFormat, ...] = (
    _format(
        "wbcatt",
        CellSet(wbcatt.LAYOUT, "pbc_wbcatt", described=True, listed=True),
        "types of blood cells and eleven attributes of leukocytes, and to describe by them",
    ),
    _format(
        "voc",
        CellSet(voc.LAYOUT, listed=True),
        "to count and to box cells",
    ),
    _format(
        "points",
        CellSet(points.LAYOUT, "chula_rbc12", pointed=True),
        "types of single red blood cells",
    ),
    _format(
        "masks",
        CellSet(masks.LAYOUT),
        "to count and to box nuclei",
    ),
    _format(
        "classes",
        CellSet(folders.LAYOUT),
        "the classes of a set, by its folders",
    ),
    _format(
        "captions",
        CellSet(table.LAYOUT, described=True, listed=True),
        "to describe, in the words of a table of captions",
    ),
)
