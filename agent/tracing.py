"""Tracing: what a turn's stages tell of themselves, and who listens.

A turn is one trace: an agent observation over those of its stages. `agent.spans` records it, whole,
for Postgres always and for Langfuse when its two keys are set (`agent.langfuse_sink`). Without
either, nothing is recorded and nothing is imported.
"""

import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from agent.settings import Settings
from agent.turn import UserTurn
from tools.trace import Trace

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

# The observation types of Langfuse that a turn is made of.
StageKind = Literal["chain", "retriever", "embedding", "tool", "generation", "guardrail"]


class Observation:
    """What is known of a turn or a stage while it runs; this one forgets it."""

    def note(self, output: Any = None, **details: Any) -> None:
        """Record the outcome; `model` names what generated it, `usage` counts its tokens, `images`
        (JPEG by image id) go to Langfuse if a setting allows; other details are metadata."""

    def begun(self) -> None:
        """Record that the first piece of a streamed output is there."""


@dataclass(frozen=True)
class TracedTurn:
    """A turn under way; `trace_id` is 32 hex digits, recorded or not."""

    trace_id: str
    observation: Observation = field(default_factory=Observation)

    def note(self, output: Any = None, **details: Any) -> None:
        self.observation.note(output, **details)


class Tracer(Protocol):
    """Where turns are traced; enter its contexts in the thread or task that does the work."""

    def turn(
        self, turn: UserTurn, about: Mapping[str, str] | None = None
    ) -> AbstractContextManager[TracedTurn]:
        """A turn; `about` names what answers it: model, adapter, prompt_version, settings_hash."""

    def stage(
        self, name: str, kind: StageKind, input: Any = None
    ) -> AbstractContextManager[Observation]:
        """A part of the turn or stage under way; outside of any, nothing is recorded."""

    def close(self) -> None:
        """Send and save what waits, within seconds."""


class NoTracer:
    """Nobody listens."""

    def turn(
        self, turn: UserTurn, about: Mapping[str, str] | None = None
    ) -> AbstractContextManager[TracedTurn]:
        return nullcontext(TracedTurn(uuid.uuid4().hex))

    def stage(
        self, name: str, kind: StageKind, input: Any = None
    ) -> AbstractContextManager[Observation]:
        return nullcontext(Observation())

    def close(self) -> None:
        """Nothing waits."""


def open_tracing(
    settings: Settings,
    exporter: "SpanExporter | None" = None,
    save: Callable[[Trace], None] | None = None,
) -> Tracer:
    """A tracer for Langfuse, if both of its keys are set, and for `save`, if given.

    `exporter` takes the spans in Langfuse's place. Contacts nobody: whether the server is there and
    takes the keys is `cytoscribe doctor`'s question. One tracer at a time: LlamaIndex is
    instrumented for the whole process.
    """
    keys = settings.langfuse_public_key and settings.langfuse_secret_key
    if not keys and save is None:
        return NoTracer()
    from agent.spans import SpanTracer
    from agent.trace_archive import TraceArchive

    tracer = SpanTracer(TraceArchive(save) if save else None)
    if keys:
        from agent.langfuse_sink import LangfuseSink

        tracer.send_to(LangfuseSink(settings, tracer.provider, exporter))
    return tracer
