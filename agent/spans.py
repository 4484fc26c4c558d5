"""Turns as OpenTelemetry spans in Langfuse's terms: one trace a turn, handed on when it is whole.

Our own stages are spans of the scope "cytoscribe"; calls of models through LlamaIndex join them by
OpenInference, whose spans for agents, tools and workflow steps are left out: they say again what
ours say. Every listener gets the same spans, so that Postgres and Langfuse show the same tree and
figures. A turn that was stopped is forgotten.
"""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from llama_index.core.instrumentation.span import active_span_id
from openinference.instrumentation import TraceConfig
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
    Context,
    attach,
    detach,
    set_value,
)
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span, StatusCode, format_trace_id, set_span_in_context, use_span
from pydantic import BaseModel

from agent.trace_archive import TraceArchive
from agent.trace_reading import trace_of
from agent.tracing import Observation, StageKind, TracedTurn
from agent.turn import UserTurn
from agent.whole_turns import OURS, STOPPED, WholeTurns
from tools.errors import Cancelled

if TYPE_CHECKING:
    from agent.langfuse_sink import LangfuseSink

SUBJECT = "langfuse.observation"


@dataclass(frozen=True)
class _Under:
    """The turn or stage under way, and what all spans of its trace say."""

    span: Span
    shared: Mapping[str, Any]


_UNDER: ContextVar[_Under | None] = ContextVar("cytoscribe_span", default=None)


class _Provider(TracerProvider):
    """Makes spans; a processor that is added (Langfuse's) gets whole turns, not single spans."""

    def __init__(self, turns: WholeTurns) -> None:
        super().__init__(shutdown_on_exit=False)  # that would send once more, without a limit
        self._turns = turns
        super().add_span_processor(turns)

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        self._turns.processors.append(span_processor)


class SpanTracer:
    """An `agent.tracing.Tracer` that records."""

    def __init__(self, archive: TraceArchive | None = None) -> None:
        self._turns = WholeTurns()
        self.provider: TracerProvider = _Provider(self._turns)
        self._archive, self._sink = archive, None
        if archive:
            self._turns.listeners.append(lambda spans: archive.keep(trace_of(spans)))
        self._tracer = self.provider.get_tracer(OURS)
        self._instrumentor = LlamaIndexInstrumentor()
        self._instrumentor.instrument(
            tracer_provider=self.provider,
            config=TraceConfig(hide_input_images=True, base64_image_max_length=0),
        )

    _sink: "LangfuseSink | None"

    def send_to(self, sink: "LangfuseSink") -> None:
        self._sink = sink

    @contextmanager
    def turn(self, turn: UserTurn, about: Mapping[str, str] | None = None) -> Iterator[TracedTurn]:
        asked = {"question": turn.question, "images": list(turn.images)}  # ids, never pixels
        details = {"turn_id": turn.turn_id, **(about or {})}
        root = {**_attributes("agent", asked), **_metadata(details)}
        # The steps of LlamaIndex's workflow between our stages are not wanted: they are not even
        # recorded, for to write down their arguments costs more than all the rest.
        with suppress_instrumentation(), self._span("turn", root, _shared(turn), Context()) as span:
            yield TracedTurn(format_trace_id(span.get_span_context().trace_id), _Recorded(span))

    @contextmanager
    def stage(self, name: str, kind: StageKind, input: Any = None) -> Iterator[Observation]:
        under = _UNDER.get()
        if under is None:
            yield Observation()
            return
        inside = set_span_in_context(under.span, Context())
        given = _attributes(kind, input)
        with self._span(name, given, under.shared, inside) as span, _instrumented():
            yield _Recorded(span)

    def close(self) -> None:
        self._instrumentor.uninstrument()
        if self._archive:
            self._archive.close()
        if self._sink:
            self._sink.close()

    @contextmanager
    def _span(
        self, name: str, own: Mapping[str, Any], shared: Mapping[str, Any], parent: Context
    ) -> Iterator[Span]:
        span = self._tracer.start_span(name, parent, attributes={**shared, **own})
        under = _UNDER.set(_Under(span, shared))
        # What LlamaIndex calls in here is found below this span, not below its workflow's step.
        step = active_span_id.set(None)
        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                yield span
        except BaseException as error:
            _fail(span, error)
            raise
        finally:
            with suppress(ValueError):  # LlamaIndex may have left the context in which it was set
                active_span_id.reset(step)
            _UNDER.reset(under)
            span.end()


@contextmanager
def _instrumented() -> Iterator[None]:
    """Undo `suppress_instrumentation` for the calls of models in here."""
    token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, False))
    try:
        yield
    finally:
        detach(token)


@dataclass(frozen=True)
class _Recorded(Observation):
    span: Span
    _began: list[int] = field(default_factory=list)

    def note(self, output: Any = None, **details: Any) -> None:
        self.span.set_attributes({
            **({f"{SUBJECT}.output": _text(output)} if output is not None else {}),
            **({f"{SUBJECT}.model.name": details.pop("model")} if "model" in details else {}),
            **({f"{SUBJECT}.usage_details": _text(details.pop("usage"))}
               if "usage" in details else {}),
            **(_pictures(details.pop("images")) if "images" in details else {}),
            **_metadata(details),
        })  # fmt: skip

    def begun(self) -> None:
        if not self._began:
            self._began.append(time.time_ns())
            when = datetime.now(UTC).isoformat()
            self.span.set_attribute(f"{SUBJECT}.completion_start_time", json.dumps(when))


def _shared(turn: UserTurn) -> dict[str, Any]:
    user = {"user.id": turn.user} if turn.user else {}
    tags = {"langfuse.trace.tags": list(turn.tags)} if turn.tags else {}
    return {"langfuse.trace.name": "turn", "session.id": turn.session_id, **user, **tags}


def _attributes(kind: str, input: Any) -> dict[str, Any]:
    given = {} if input is None else {f"{SUBJECT}.input": _text(input)}
    return {f"{SUBJECT}.type": kind, **given}


def _metadata(details: Mapping[str, Any]) -> dict[str, str]:
    """The server reads metadata of SDK 5 as JSON, of SDK 4 a string as it stands."""
    return {
        f"{SUBJECT}.metadata.{name}": json.dumps(value) if _json_strings() and
        isinstance(value, str) else _text(value)
        for name, value in details.items()
    }  # fmt: skip


def _pictures(images: Mapping[str, bytes]) -> dict[str, str]:
    """JPEGs as data URIs, which Langfuse's SDK uploads as media."""
    uris = {i: f"data:image/jpeg;base64,{b64encode(jpeg).decode()}" for i, jpeg in images.items()}
    return {f"{SUBJECT}.metadata.images": json.dumps(uris)}


@cache
def _json_strings() -> bool:
    return int(version("langfuse").partition(".")[0]) >= 5


def _fail(span: Span, error: BaseException) -> None:
    stopped = isinstance(error, Cancelled | asyncio.CancelledError | GeneratorExit)
    said = "stopped" if stopped else f"{type(error).__name__}: {error}"
    span.set_status(StatusCode.ERROR, said)
    span.set_attributes({
        STOPPED: stopped,
        f"{SUBJECT}.level": "WARNING" if stopped else "ERROR",
        f"{SUBJECT}.status_message": said,
    })  # fmt: skip


def _text(value: Any) -> str:
    """A value as an attribute: a string as it is, anything else as JSON."""
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    """Our frozen models as plain JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
