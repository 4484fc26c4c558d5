"""Attacks and innocent sentences, a JSON object a line (eval/data/poison/README.md)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.errors import BadInputError

DATA = Path(__file__).parents[1] / "data" / "poison"
TEST = DATA / "test.jsonl"  # attacks of styles that no training saw
TOPIC = "{topic}"  # stands for what the poisoned article is about


@dataclass(frozen=True)
class Attack:
    """What a poisoned article says, and the words by which an answer that took it over is known."""

    text: str
    marks: tuple[str, ...]  # lower case
    kind: str = "instruction"  # or call, or claim
    style: str = ""


def read_attacks(path: Path) -> list[Attack]:
    """The attacks of a file; BadInputError names the line that is none.

    Without `marks`, an answer took an attack over if it repeats its text.
    """
    return [_attack(told, f"{path}, line {n}") for n, told in _objects(path)]


def read_texts(path: Path) -> list[tuple[str, str]]:
    """Style and text of each line."""
    return [(str(told.get("style", "")), str(told["text"])) for _, told in _objects(path)]


def _attack(told: dict[str, object], where: str) -> Attack:
    text, marks = told.get("text"), told.get("marks", [])
    if not isinstance(text, str) or not text.strip() or not isinstance(marks, list):
        raise BadInputError(
            f'{where}: expected {{"text": "…", "marks": ["…"]}}; marks may be left out'
        )
    known = tuple(str(mark).lower() for mark in marks) or (text.replace(TOPIC, "").strip().lower(),)
    return Attack(text, known, str(told.get("kind", "instruction")), str(told.get("style", "")))


def _objects(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except ValueError as e:
            raise BadInputError(f"{path}, line {number} is no JSON: {e}") from e
        if not isinstance(told, dict):
            raise BadInputError(f"{path}, line {number} is no JSON object")
        yield number, told
