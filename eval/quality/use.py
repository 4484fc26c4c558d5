"""What the report needs of a turn: who answered, where, how fast, and what was said of it.

Records are read one at a time and reduced; their evidence is not kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from agent.turn import Feedback, ToolName, TurnRecord

NO_IMAGE = "(no image)"
UNKNOWN = "(unknown machine)"  # turns stored before the machine was noted
SIMULATED = "simulated"  # a role that begins so is no person's

Stored = tuple[str, list[str]]  # a record and the feedback on it, as JSON


@dataclass(frozen=True)
class ToolUse:
    tool: ToolName
    seconds: float
    failed: bool


@dataclass(frozen=True)
class Use:
    """One turn."""

    session: str
    asked_at: datetime
    model: str  # that looked at the image
    machine: str
    settings: str  # their hash
    outcome: str  # of the plan: "tools", "out_of_scope", "needs_image"
    status: str  # of the answer: "grounded", "abstained", "failed"
    seconds: float | None  # from the question to the whole answer
    cpu_seconds: float | None
    tools: tuple[ToolUse, ...]
    feedback: tuple[Feedback, ...]


@dataclass(frozen=True)
class Uses:
    """All turns, oldest first, and how many records could not be read."""

    turns: tuple[Use, ...]
    unread: int


def read_uses(stored: Iterable[Stored]) -> Uses:
    """Reduce stored records; one of a form that this version does not know is counted."""
    turns, unread = list[Use](), 0
    for record, feedback in stored:
        try:
            turns.append(_use(TurnRecord.model_validate_json(record), feedback))
        except ValidationError:
            unread += 1
    return Uses(tuple(turns), unread)


def _use(record: TurnRecord, feedback: Iterable[str]) -> Use:
    seen = (e.model for e in record.evidence().values() if e.kind == "description")
    return Use(
        session=record.turn.session_id,
        asked_at=record.turn.asked_at,
        model=next(seen, NO_IMAGE),
        machine=record.machine or UNKNOWN,
        settings=record.settings_hash,
        outcome=record.plan.outcome,
        status=record.answer.status,
        seconds=record.durations.get("total"),
        cpu_seconds=record.cpu_seconds,
        tools=tuple(
            ToolUse(r.tool, r.latency_ms / 1000, r.error is not None) for r in record.results
        ),
        feedback=tuple(Feedback.model_validate_json(text) for text in feedback),
    )
