"""The trace of a turn as values: what ran, inside what, for how long, on what and with what result.

The terms are Langfuse's: a trace is a tree of observations. It knows nothing of how they are
recorded or kept.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pydantic import Field

from tools.evidence import Frozen


class Observed(Frozen):
    """One observation that has ended."""

    observation_id: str
    parent_id: str | None = None
    name: str  # "literature_search"
    kind: str  # agent, chain, retriever, embedding, tool, generation, guardrail
    started_at: datetime
    duration_ms: float = Field(ge=0)
    model: str | None = None
    usage: dict[str, int] = Field(default_factory=dict)  # tokens: input, output, total
    input: Any = None  # plain JSON, as all that follows
    output: Any = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    error: str | None = None

    def evidence(self) -> list[dict[str, Any]]:
        """The evidence that a tool found; of the other observations none."""
        found = self.output.get("evidence") if isinstance(self.output, dict) else None
        return list(found or ())


class Trace(Frozen):
    """A whole turn: its root is the turn itself."""

    trace_id: str
    turn_id: str
    session_id: str
    user_id: str | None = None
    tags: tuple[str, ...] = ()
    about: dict[str, str] = Field(default_factory=dict)  # model, adapter, prompt_version, …
    observations: tuple[Observed, ...]  # in the order in which they began, the root first

    @property
    def root(self) -> Observed:
        return self.observations[0]

    def place(self, observed: Observed) -> tuple[float, float]:
        """When it began and how long it took, as shares of the turn's duration."""
        whole = self.root.duration_ms or 1.0
        since = (observed.started_at - self.root.started_at).total_seconds() * 1000
        return since / whole, observed.duration_ms / whole

    def tokens(self) -> dict[str, int]:
        """Tokens of all observations together: input, output, total."""
        each = [observed.usage for observed in self.observations]
        counted = (n for n in ("input", "output", "total") if any(n in usage for usage in each))
        return {name: sum(usage.get(name, 0) for usage in each) for name in counted}

    def tree(self) -> Iterator[tuple[int, Observed]]:
        """Depth and observation, parents before their children."""

        def below(parent: str | None, depth: int) -> Iterator[tuple[int, Observed]]:
            for observed in self.observations:
                if observed.parent_id == parent:
                    yield depth, observed
                    yield from below(observed.observation_id, depth + 1)

        return below(None, 0)
