"""Gathers the spans of a turn until its root ends, and hands them on together.

Only a whole turn shows which spans repeat others, and whether it was stopped. It knows neither
Langfuse nor Postgres.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanContext

OURS = "cytoscribe"  # the scope of our own spans
STOPPED = "cytoscribe.stopped"  # attribute of a turn that must be forgotten

KIND = "openinference.span.kind"
LLM = "LLM"
CALLS = frozenset({LLM, "EMBEDDING", "RETRIEVER", "RERANKER"})  # kinds that ours do not repeat
# A helper of LlamaIndex's function callers that calls no model; its tokens would be billed twice.
GUESSED = "._prepare_chat_with_tools"
SHARED = ("langfuse.trace.name", "session.id", "user.id", "langfuse.trace.tags")

Spans = Sequence[ReadableSpan]


class WholeTurns(SpanProcessor):
    """A processor of all spans for listeners of whole turns; the root comes first.

    `processors` are those of other tracing libraries: they are told of ended spans only.
    """

    def __init__(self) -> None:
        self.listeners: list[Callable[[Spans], None]] = []
        self.processors: list[SpanProcessor] = []
        self._lock = threading.Lock()
        self._open: dict[int, list[ReadableSpan]] = {}  # by trace id

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if span.parent is None and _scope(span) == OURS:
            with self._lock:
                self._open[span.context.trace_id] = []

    def on_end(self, span: ReadableSpan) -> None:
        context = _context(span)
        with self._lock:
            spans = self._open.get(context.trace_id)
            if spans is None:
                return
            spans.append(_as_it_ended(span))
            if span.parent is not None:
                return
            del self._open[context.trace_id]
        if not (span.attributes or {}).get(STOPPED):
            self._hand_on(kept(spans))

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return all(processor.force_flush(timeout_millis) for processor in self.processors)

    def _hand_on(self, spans: Spans) -> None:
        for listener in self.listeners:
            listener(spans)
        for processor in self.processors:
            for span in spans:
                processor.on_end(span)


def kept(spans: Spans) -> list[ReadableSpan]:
    """Our spans and calls of models, each below the nearest one that is kept; the root first, the
    others in the order in which they began."""
    (root,) = (span for span in spans if span.parent is None)
    shared = {k: v for k, v in (root.attributes or {}).items() if k in SHARED}
    parents = {_context(s).span_id: s.parent.span_id for s in spans if s.parent}
    wanted = {_context(s).span_id: _context(s) for s in spans if _wanted(s)}
    for outer in _outer_calls(spans, parents):
        wanted.pop(outer, None)

    def above(span: ReadableSpan) -> SpanContext:
        found = (i for i in _ancestors(span, parents) if i in wanted)
        return wanted[next(found, _context(root).span_id)]  # its parent may not have ended

    below = [s for s in spans if s is not root and _context(s).span_id in wanted]
    ordered = sorted(below, key=lambda s: s.start_time or 0)
    return [root, *(_copy(s, shared, above(s)) for s in ordered)]


def _ancestors(span: ReadableSpan, parents: Mapping[int, int]) -> Iterator[int]:
    span_id = parents.get(_context(span).span_id)
    while span_id is not None:
        yield span_id
        span_id = parents.get(span_id)


def _outer_calls(spans: Spans, parents: Mapping[int, int]) -> set[int]:
    """A call by way of another (`complete` by `chat`) would count the tokens of that twice."""
    calls = [s for s in spans if (s.attributes or {}).get(KIND) == LLM]
    ids = {_context(s).span_id for s in calls}
    return {i for s in calls for i in _ancestors(s, parents) if i in ids}


def _wanted(span: ReadableSpan) -> bool:
    called = (span.attributes or {}).get(KIND) in CALLS
    return (called or _scope(span) == OURS) and not span.name.endswith(GUESSED)


def _as_it_ended(span: ReadableSpan) -> ReadableSpan:
    """OpenInference ends the span of a stream at the moment when the stream was handed over."""
    return span if _scope(span) == OURS else _copy(span, {}, span.parent, time.time_ns())


def _copy(
    span: ReadableSpan, more: Mapping[str, Any], parent: Any, end_time: int | None = None
) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=parent,
        resource=span.resource,
        attributes={**(span.attributes or {}), **more},
        events=span.events,
        links=span.links,
        kind=span.kind,
        status=span.status,
        start_time=span.start_time,
        end_time=end_time or span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _scope(span: ReadableSpan) -> str:
    return span.instrumentation_scope.name if span.instrumentation_scope else ""


def _context(span: ReadableSpan) -> SpanContext:
    context: SpanContext | None = span.context
    assert context is not None
    return context
