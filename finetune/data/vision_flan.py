"""Vision-FLAN as rows: a human-written instruction about an image, and its answer.

Rows of one annotated picture, whatever their tasks, are one group. The set has no official split.
"""

from collections.abc import Iterator
from pathlib import Path

from agent import prompts
from finetune.data.layout import not_laid_out
from finetune.data.measured import size_of
from finetune.data.row import Dropped, Row, RowFormat
from tools.errors import BadInputError
from tools.ingest.layouts.vision_flan import LOOKS_FOR, Home, home_of, instruction, records

LICENCE = "by task: see Vision-FLAN's source data sets"


def read(root: Path, dropped: Dropped) -> Iterator[Row]:
    """One row a record."""
    if (home := home_of(root)) is None:
        raise not_laid_out(root, LOOKS_FOR)
    return _rows(home, dropped)


def _rows(home: Home, dropped: Dropped) -> Iterator[Row]:
    for record in records(home):
        try:
            known = instruction(record, home.folders)
        except BadInputError as e:
            dropped[str(e)] += 1
            continue
        if size_of(known.image, dropped) is not None:
            yield Row(
                name=known.name,
                image=known.image,
                prefix=prompts.answer(known.question),
                suffix=known.answer,
                group=known.found_in,
                source="vision-flan",
                licence=LICENCE,
                truth={"task": known.task, "answer": known.answer},
            )


FORMAT = RowFormat(
    "vision-flan", LOOKS_FOR, read, "to follow instructions about images of every kind"
)
