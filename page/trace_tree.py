"""A trace as HTML: its tree with a time line; every text is escaped."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from tools.trace import Observed, Trace

LONGEST = 2000  # characters of an input or output; the export has all
KINDS = ("agent", "chain", "retriever", "embedding", "tool", "generation", "guardrail")


def summary(trace: Trace) -> str:
    """Whose turn, by what, with how many tokens."""
    told = {
        "trace": trace.trace_id,
        "session": trace.session_id,
        "user": trace.user_id,
        "tags": ", ".join(trace.tags),
        **{name.replace("_", " "): value for name, value in trace.about.items()},
        "tokens": ", ".join(f"{count:,} {name}" for name, count in trace.tokens().items()),
        "error": trace.root.error,
    }
    shown = (f"<b>{escape(k)}</b> {escape(str(v))}" for k, v in told.items() if v)
    return f'<p class="trace-about">{" · ".join(shown)}</p>'


def tree(trace: Trace) -> str:
    """A row for each observation, indented below what it ran in."""
    heads = "".join(f"<th>{head}</th>" for head in ("Observation", "Kind", "Tokens", "ms", "When"))
    rows = "".join(_row(trace, depth, observed) for depth, observed in trace.tree())
    return f'<table class="trace"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _row(trace: Trace, depth: int, observed: Observed) -> str:
    start, length = trace.place(observed)
    left = min(start, 0.995)
    bar = f'<i style="margin-left:{left:.2%};width:{max(min(length, 1 - left), 0.005):.2%}"></i>'
    failed = f'<p class="failed">{escape(observed.error)}</p>' if observed.error else ""
    model = f' <span class="quiet">{escape(observed.model)}</span>' if observed.model else ""
    kind = observed.kind if observed.kind in KINDS else "other"
    return (
        f'<tr class="{kind}"><td style="padding-left:{0.4 + 1.3 * depth:.1f}rem">'
        f"<details><summary>{escape(observed.name)}{model}</summary>"
        f"{''.join(_details(observed))}</details>{failed}</td>"
        f"<td>{escape(observed.kind)}</td><td>{_tokens(observed)}</td>"
        f'<td>{observed.duration_ms:,.1f}</td><td><span class="when">{bar}</span></td></tr>'
    )


def _details(observed: Observed) -> Iterator[str]:
    """What went in and came out."""
    told = {"input": observed.input, "output": observed.output, **observed.metadata}
    for name, value in told.items():
        if value not in (None, "", [], {}):
            yield f"<b>{escape(name)}</b><pre>{escape(_text(value))}</pre>"


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def _tokens(observed: Observed) -> str:
    read, wrote = observed.usage.get("input"), observed.usage.get("output")
    return f"{read or 0:,} → {wrote or 0:,}" if observed.usage else ""
