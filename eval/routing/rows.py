"""Questions with the tools they ask for, a JSON object a line (eval/data/routing/README.md).

`history` may be questions as plain text, messages with `role` and `content`, or turns with
`question` and `tools`; where a turn does not tell its tools, the planner under test is asked.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.router import INTENTS, Planner
from agent.routing_features import ORDER, Situation
from agent.turn import Plan, ToolName
from tools.errors import BadInputError

DATA = Path(__file__).parents[1] / "data" / "routing"
LABELS: tuple[str, ...] = (*INTENTS, "needs_image")


@dataclass(frozen=True)
class Earlier:
    """A turn before; `tools` is None where the file does not tell them."""

    question: str
    tools: tuple[ToolName, ...] | None = None


@dataclass(frozen=True)
class Row:
    """A question, what the session knows, and what is expected."""

    question: str
    has_image: bool
    history: tuple[Earlier, ...]
    expected: frozenset[str]
    asks: tuple[str, ...] = ()  # what the words ask for, image or not; to train on
    group: str = ""  # the voice

    def situation(self, planner: Planner | None = None) -> Situation:
        """What the session tells; turns whose tools are not known are put to the planner."""
        now = Situation(self.has_image)
        for turn in self.history:
            tools = turn.tools
            if tools is None:
                tools = planner.route(turn.question, now).tools if planner else ()
            now = Situation(self.has_image, tools, (*now.earlier, turn.question))
        return now


def read_rows(path: Path) -> tuple[Row, ...]:
    """The rows of a JSON-lines file; BadInputError names the line that is not understood."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise BadInputError(f"{path} is not readable text ({e})") from e
    rows = tuple(_line(path, n, line) for n, line in enumerate(lines, 1) if line.strip())
    if not rows:
        raise BadInputError(f"{path} holds no question")
    return rows


def planned(plan: Plan) -> frozenset[str]:
    """A plan as a set of LABELS."""
    return frozenset(plan.tools) if plan.outcome == "tools" else frozenset((plan.outcome,))


def _line(path: Path, number: int, line: str) -> Row:
    try:
        return _row(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise BadInputError(
            f"{path}, line {number}: {e!r}; a line is an object with question, has_image, history"
            f" and expected, which names {', '.join(LABELS)}"
        ) from e


def _row(told: dict[str, Any]) -> Row:
    return Row(
        question=str(told["question"]),
        has_image=bool(told.get("has_image")),
        history=tuple(filter(None, map(_earlier, told.get("history") or ()))),
        expected=frozenset(_known(told["expected"], LABELS)),
        asks=tuple(_known(told.get("asks") or (), INTENTS)),
        group=str(told.get("group", "")),
    )


def _earlier(turn: Any) -> Earlier | None:
    """A turn of any of the known forms; what an assistant said is passed over."""
    if isinstance(turn, str):
        return Earlier(turn)
    if turn.get("role", "user") != "user":
        return None
    told = next((turn[key] for key in ("tools", "expected") if key in turn), None)
    words = next((turn[key] for key in ("question", "content", "text") if key in turn), None)
    if not isinstance(words, str):
        raise KeyError("a turn of the history has no question")
    if told is None:
        return Earlier(words)
    named = _known(told, LABELS)
    return Earlier(words, tuple(tool for tool in ORDER if tool in named))


def _known(told: Any, among: Sequence[str]) -> list[str]:
    names = told.replace("+", ",").split(",") if isinstance(told, str) else list(told)
    named = [str(name).strip() for name in names]
    if unknown := [name for name in named if name not in among]:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(among)}")
    return named
