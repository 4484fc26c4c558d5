"""Tracing: each turn as one Langfuse trace, when its two keys are set; otherwise nothing at all.

A trace is an agent observation (the turn) over those of its stages and over what OpenInference
records of LlamaIndex. Langfuse is a sink: sending happens on background threads with short limits,
what a dead server does not take is dropped, and no answer waits. Images are never sent. What must
not be lost (scores of feedback) goes another way: see agent/delivery.py.
"""

import atexit
import os
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel

from agent.settings import Settings
from agent.turn import UserTurn

if TYPE_CHECKING:
    from langfuse import Langfuse
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

# The observation types of Langfuse that a turn is made of.
StageKind = Literal["chain", "retriever", "embedding", "tool", "generation", "guardrail"]

SECONDS_TO_SEND = 2  # limit of one request; Langfuse's own default lets an exit take minutes
SECONDS_TO_CLOSE = 5  # what is unsent by then is dropped
SPANS_A_BATCH = 512
BASE64_IMAGE = re.compile(r"(?:data:image/[\w.+-]+;base64,)?[A-Za-z0-9+/_-]{512,}={0,2}")


class Observation:
    """What is known of a turn or a stage while it runs; this one forgets it."""

    def note(self, output: Any = None, **details: Any) -> None:
        """Record the outcome; `model` names what generated it, other details are metadata."""


@dataclass(frozen=True)
class TracedTurn:
    """A turn under way; `trace_id` is 32 hex digits, there with and without Langfuse."""

    trace_id: str
    observation: Observation = field(default_factory=Observation)

    def note(self, output: Any = None, **details: Any) -> None:
        self.observation.note(output, **details)


class Tracer(Protocol):
    """Where turns are traced; enter its contexts in the thread or task that does the work."""

    def turn(self, turn: UserTurn) -> AbstractContextManager[TracedTurn]: ...

    def stage(
        self, name: str, kind: StageKind, input: Any = None
    ) -> AbstractContextManager[Observation]: ...

    def close(self) -> None:
        """Send what waits, for at most SECONDS_TO_CLOSE."""


class NoTracer:
    """No keys, no tracing."""

    def turn(self, turn: UserTurn) -> AbstractContextManager[TracedTurn]:
        return nullcontext(TracedTurn(uuid.uuid4().hex))

    def stage(
        self, name: str, kind: StageKind, input: Any = None
    ) -> AbstractContextManager[Observation]:
        return nullcontext(Observation())

    def close(self) -> None:
        """Nothing waits."""


def open_tracing(settings: Settings, exporter: "SpanExporter | None" = None) -> Tracer:
    """Langfuse's tracer if both of its keys are set; `exporter` takes the spans in its place.

    Contacts nobody: whether the server is there and takes the keys is `cytoscribe doctor`'s
    question. One tracer at a time: LlamaIndex is instrumented for the whole process.
    """
    if not (settings.langfuse_public_key and settings.langfuse_secret_key):
        return NoTracer()
    return LangfuseTracer(settings, exporter)


class LangfuseTracer:
    """Turns as Langfuse traces (SDK 4.18 to 5)."""

    def __init__(self, settings: Settings, exporter: "SpanExporter | None" = None) -> None:
        from openinference.instrumentation import TraceConfig
        from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
        from opentelemetry.sdk.trace import TracerProvider

        self._key = settings.langfuse_public_key or ""
        # A provider of our own: the default one sends once more at exit, without a limit.
        provider = TracerProvider(shutdown_on_exit=False)
        self._langfuse = _client(settings, provider, exporter)
        self._instrumentor = LlamaIndexInstrumentor()
        self._instrumentor.instrument(
            tracer_provider=provider,
            config=TraceConfig(hide_input_images=True, base64_image_max_length=0),
        )
        # Started now, because no thread can be started while the interpreter exits.
        self._closing = threading.Event()
        self._sender = threading.Thread(target=self._send_at_the_end, daemon=True)
        self._sender.start()
        atexit.register(self.close)  # goes before Langfuse's own hook, which has no limit

    @contextmanager
    def turn(self, turn: UserTurn) -> Iterator[TracedTurn]:
        from langfuse import propagate_attributes

        asked = {"question": turn.question, "images": list(turn.images)}  # ids, never pixels
        with (
            propagate_attributes(session_id=turn.session_id, trace_name="turn"),
            self._langfuse.start_as_current_observation(
                name="turn", as_type="agent", input=asked, metadata={"turn_id": turn.turn_id}
            ) as observation,
        ):
            yield TracedTurn(observation.trace_id, _Langfuse(observation))

    @contextmanager
    def stage(self, name: str, kind: StageKind, input: Any = None) -> Iterator[Observation]:
        with self._langfuse.start_as_current_observation(
            name=name, as_type=kind, input=_plain(input)
        ) as observation:
            yield _Langfuse(observation)

    def close(self) -> None:
        from langfuse._client.resource_manager import LangfuseResourceManager

        atexit.unregister(self.close)
        self._instrumentor.uninstrument()
        self._closing.set()
        self._sender.join(SECONDS_TO_CLOSE)
        # Langfuse keeps one client a key, shut down or not: forget it, so that the same key can
        # be used again in this process.
        LangfuseResourceManager._instances.pop(self._key, None)

    def _send_at_the_end(self) -> None:
        self._closing.wait()
        self._langfuse.shutdown()


@dataclass(frozen=True)
class _Langfuse(Observation):
    observation: Any  # a LangfuseSpan or one of its kin

    def note(self, output: Any = None, **details: Any) -> None:
        model = {"model": details.pop("model")} if "model" in details else {}
        metadata = {"metadata": _plain(details)} if details else {}
        self.observation.update(output=_plain(output), **model, **metadata)


def _client(settings: Settings, provider: Any, exporter: "SpanExporter | None") -> "Langfuse":
    from langfuse import Langfuse

    os.environ["LANGFUSE_MEDIA_UPLOAD_ENABLED"] = "false"  # the only switch there is
    secret = settings.langfuse_secret_key
    return Langfuse(
        public_key=settings.langfuse_public_key,
        secret_key=secret.get_secret_value() if secret else None,
        base_url=settings.langfuse_base_url,
        timeout=SECONDS_TO_SEND,
        flush_at=SPANS_A_BATCH,
        tracer_provider=provider,
        span_exporter=exporter,
        should_export_span=_wanted,
        mask_otel_spans=_without_images,
    )


def _wanted(span: "ReadableSpan") -> bool:
    """Langfuse's choice, less the spans it would bill guessed tokens for."""
    from langfuse.span_filter import is_default_export_span

    return is_default_export_span(span) and not span.name.endswith("._prepare_chat_with_tools")


def _without_images(*, params: Any) -> Any:
    """Cut base64 out of what instrumented libraries recorded."""
    from langfuse.types import MaskOtelSpansResult, OtelSpanPatch

    patches = {}
    for identifier, span in params.spans.items():
        cut = {
            key: BASE64_IMAGE.sub("[image]", value)
            for key, value in span.attributes.items()
            if isinstance(value, str) and BASE64_IMAGE.search(value)
        }
        if cut:
            patches[identifier] = OtelSpanPatch(set_attributes=cut)
    return MaskOtelSpansResult(span_patches=patches) if patches else None


def _plain(value: Any) -> Any:
    """A value as Langfuse serialises it: our frozen models as plain JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
