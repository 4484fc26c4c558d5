"""Things that can be counted in an image: how their number is asked for, openly and as a range."""

from collections.abc import Mapping

from tools.findings.question import Question
from tools.findings.schema import NUCLEI_RANGE, PLATELET_RANGE, RED_CELL_RANGE, WHITE_CELL_RANGE

# Things that can be counted and detected, with the open question that asks for their number.
COUNTS: Mapping[str, str] = {
    "red blood cell": "how many red blood cells are there?",
    "white blood cell": "how many white blood cells are there?",
    "platelet": "how many platelets are there?",
    "nucleus": "how many nuclei are there?",
}
PLURALS: Mapping[str, str] = {
    "red blood cell": "red blood cells",
    "white blood cell": "white blood cells",
    "platelet": "platelets",
    "nucleus": "nuclei",
}
RANGES: Mapping[str, tuple[Question, tuple[int, ...]]] = {  # upper bounds of all but the last
    "red blood cell": (RED_CELL_RANGE, (5, 10, 15, 20)),
    "white blood cell": (WHITE_CELL_RANGE, (0, 2)),
    "platelet": (PLATELET_RANGE, (0, 2)),
    "nucleus": (NUCLEI_RANGE, (10, 30, 80)),
}


def count_range(thing: str, count: int) -> tuple[Question, str]:
    """The range question of `thing` and the option that `count` falls into."""
    question, bounds = RANGES[thing]
    return question, question.options[sum(count > bound for bound in bounds)]
