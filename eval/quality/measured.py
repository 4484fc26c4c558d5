"""What the evaluations measured: figures read from the JSON that each `cytoscribe eval …` writes.

A file is one of ours by its "command": "eval …". A figure is a number with its interval beside it
(`key` and `key_ci`), on its top level; the same key among its `controls` is what it must beat. It
knows no evaluation by its inside, so that a new one is shown without a change here.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from eval.figures import MEANINGS as DESCRIPTIONS
from eval.rag.measured import MEANINGS as RAG
from tools.evidence import Frozen

Section = Literal["accuracy", "retrieval", "routing", "other"]
SECTIONS: Mapping[str, Section] = {  # of a command's figures, unless the figure says otherwise
    "eval descriptions": "accuracy",
    "eval questions": "accuracy",
    "eval similar": "retrieval",
    "eval rag": "retrieval",
    "eval pubmedqa": "retrieval",
    "eval literature": "retrieval",
    "eval retrieval": "retrieval",
    "eval routing": "routing",
}
ROUTING = ("tool_call", "routing")  # how the figures of routing begin, whoever measures them
UNITS = ("images", "questions", "queries", "rows", "turns")  # what an evaluation counts
MEANINGS: Mapping[str, str] = {**DESCRIPTIONS, **RAG}  # in the order of the tables
LARGEST = 50_000_000  # bytes of a file that is opened


class Figure(Frozen):
    key: str
    says: str  # in words
    value: float
    ci: tuple[float, float]
    n: int | None  # images, questions
    controls: dict[str, float]


class Measured(Frozen):
    """The figures of one file that belong to one section."""

    command: str
    section: Section
    file: str  # its name
    model: str | None
    data: str  # what was measured on
    date: str | None
    figures: tuple[Figure, ...]


def read_measured(folder: Path) -> tuple[Measured, ...]:
    """All results below a folder, in the order of their names; what is not ours is passed over."""
    return tuple(one for path in sorted(folder.rglob("*.json")) for one in _read(path))


def _read(path: Path) -> Iterator[Measured]:
    told = _ours(path)
    if told is None:
        return
    command = str(told["command"])
    by: dict[Section, list[Figure]] = {}
    for figure in _figures(told):
        by.setdefault(_section(command, figure), []).append(figure)
    for section, figures in by.items():
        yield Measured(
            command=command,
            section=section,
            file=path.name,
            model=told.get("model"),
            data=_data(told),
            date=str(told.get("date") or told.get("measured_at") or "")[:10] or None,
            figures=tuple(figures),
        )


def _ours(path: Path) -> Mapping[str, Any] | None:
    """What a file holds, if one of our evaluations wrote it."""
    if path.stat().st_size > LARGEST:
        return None
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    command = told.get("command") if isinstance(told, dict) else None
    return told if isinstance(command, str) and command.startswith("eval ") else None


def _section(command: str, figure: Figure) -> Section:
    return "routing" if figure.key.startswith(ROUTING) else SECTIONS.get(command, "other")


def _data(told: Mapping[str, Any]) -> str:
    """The set in words, with no path of the machine it was measured on."""
    places = (told.get("dataset"), told.get("root"), told.get("split"))
    return ", ".join(Path(str(place)).name for place in places if place)


def _figures(told: Mapping[str, Any]) -> Iterator[Figure]:
    keys = [key for key in told if _is_figure(told, key)]
    order = list(MEANINGS)
    for key in sorted(keys, key=lambda k: order.index(k) if k in order else len(order)):
        controls = {
            name: float(of[key])
            for name, of in told.get("controls", {}).items()
            if isinstance(of, dict) and isinstance(of.get(key), int | float)
        }
        n = told.get("measured_on", {}).get(key, next((told[u] for u in UNITS if u in told), None))
        yield Figure(
            key=key, says=MEANINGS.get(key, key.replace("_", " ")), value=told[key],
            ci=tuple(told[f"{key}_ci"]), n=n, controls=controls,
        )  # fmt: skip


def _is_figure(told: Mapping[str, Any], key: str) -> bool:
    value, ci = told[key], told.get(f"{key}_ci")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if key.endswith("_constant") and key not in MEANINGS:
        return False  # what always saying the same would score
    return number and isinstance(ci, list) and len(ci) == 2 and None not in ci
