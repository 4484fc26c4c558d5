"""A score: one thing that was said or measured of a trace, as the tracing server takes it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from tools.evidence import Frozen


class Score(Frozen):
    """A value under a name; the same score always has the same id and time.

    Langfuse tells two scores apart by id, name and day: sending one twice changes nothing there.
    """

    score_id: str
    trace_id: str
    name: str
    value: float | str  # BOOLEAN: 0 or 1; CATEGORICAL: 1 to 500 characters
    data_type: Literal["BOOLEAN", "NUMERIC", "CATEGORICAL"]
    comment: str | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime
