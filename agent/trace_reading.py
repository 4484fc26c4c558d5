"""Reads the spans of a turn back as a `tools.trace.Trace`.

Ours are read by Langfuse's names of attributes, those of models called through LlamaIndex by
OpenInference's (its semantic conventions).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id

from agent.whole_turns import KIND
from tools.trace import Observed, Trace

SUBJECT = "langfuse.observation"
METADATA = f"{SUBJECT}.metadata."
KINDS = {"LLM": "generation", "EMBEDDING": "embedding"}  # the others are retrievers
TOKENS = {"prompt": "input", "completion": "output", "total": "total"}
UNKEPT = ("images",)  # pixels are kept nowhere but in the library


def trace_of(spans: Sequence[ReadableSpan]) -> Trace:
    """The trace of a turn from its spans, the root first."""
    observations = tuple(map(_observed, spans))
    shared: Mapping[str, Any] = spans[0].attributes or {}
    about = dict(observations[0].metadata)
    assert spans[0].context is not None
    return Trace(
        trace_id=format_trace_id(spans[0].context.trace_id),
        turn_id=about.pop("turn_id"),
        session_id=shared["session.id"],
        user_id=shared.get("user.id"),
        tags=tuple(shared.get("langfuse.trace.tags", ())),
        about={name: str(value) for name, value in about.items()},
        observations=observations,
    )


def _observed(span: ReadableSpan) -> Observed:
    told: Mapping[str, Any] = span.attributes or {}
    start, end = span.start_time or 0, span.end_time or 0
    assert span.context is not None
    return Observed(
        observation_id=format_span_id(span.context.span_id),
        parent_id=format_span_id(span.parent.span_id) if span.parent else None,
        name=span.name,
        started_at=datetime.fromtimestamp(start / 1e9, UTC),
        duration_ms=max(0, end - start) / 1e6,
        error=None if span.status.is_ok or span.status.is_unset else span.status.description,
        **(_called(told) if KIND in told else _ours(told, start)),
    )


def _ours(told: Mapping[str, Any], start: int) -> dict[str, Any]:
    metadata = {
        name.removeprefix(METADATA): value_of(value)
        for name, value in told.items()
        if name.startswith(METADATA) and name.removeprefix(METADATA) not in UNKEPT
    }
    if first := told.get(f"{SUBJECT}.completion_start_time"):
        began = datetime.fromisoformat(json.loads(first)).timestamp() - start / 1e9
        metadata["first_output_ms"] = round(began * 1000, 3)
    return {
        "kind": told[f"{SUBJECT}.type"],
        "model": told.get(f"{SUBJECT}.model.name"),
        "usage": json.loads(told.get(f"{SUBJECT}.usage_details", "{}")),
        "input": value_of(told.get(f"{SUBJECT}.input")),
        "output": value_of(told.get(f"{SUBJECT}.output")),
        "metadata": metadata,
    }


def _called(told: Mapping[str, Any]) -> dict[str, Any]:
    counts = {ours: told.get(f"llm.token_count.{theirs}") for theirs, ours in TOKENS.items()}
    return {
        "kind": KINDS.get(told[KIND], "retriever"),
        "model": told.get("llm.model_name") or told.get("embedding.model_name"),
        "usage": {name: count for name, count in counts.items() if count is not None},
        "input": value_of(told.get("input.value")),
        "output": value_of(told.get("output.value")),
    }


def value_of(text: Any) -> Any:
    """What an attribute says: JSON, where it looks like it, else the string."""
    if not isinstance(text, str) or text[:1] not in ("{", "[", '"'):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
