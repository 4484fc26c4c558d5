"""Rows of APTOS 2019: the grade of diabetic retinopathy in a fundus photograph.

The official metric is the quadratic weighted kappa of the grades. The test set has no diagnoses,
and nothing tells which photographs are of one patient: a group is a photograph.
"""

from collections.abc import Iterator
from pathlib import Path

from agent.prompts import answer
from finetune.data.layout import not_laid_out
from finetune.data.row import Dropped, Row, RowFormat
from tools.errors import BadInputError
from tools.ingest.layouts.aptos import GRADES, LICENCE, LOOKS_FOR, grade, is_home, photographs

QUESTION = "how severe is the diabetic retinopathy in this fundus photograph?"


def read(root: Path, dropped: Dropped) -> Iterator[Row]:
    """One row a photograph."""
    if not is_home(root):
        raise not_laid_out(root, LOOKS_FOR)
    return _rows(root, dropped)


def _rows(root: Path, dropped: Dropped) -> Iterator[Row]:
    prefix = answer(QUESTION)
    for fundus in photographs(root):
        try:
            known = grade(fundus)
        except BadInputError as e:
            dropped[str(e)] += 1
            continue
        if not fundus.path.is_file():
            dropped["its image is not there"] += 1
            continue
        yield Row(
            name=fundus.name,
            image=fundus.path,
            prefix=prefix,
            suffix=GRADES[known],
            group=fundus.name,
            source="aptos",
            licence=LICENCE,
            truth={"diagnosis": str(known)},
        )


FORMAT = RowFormat("aptos", LOOKS_FOR, read, "the grade of diabetic retinopathy, 0 to 4")
