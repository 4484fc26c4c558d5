"""A trace as HTML: nothing of it is markup, every bar lies on the time line."""

import re
from datetime import UTC, datetime, timedelta

from page.trace_tree import summary, tree
from tools.trace import Observed, Trace

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)


def observed(name: str, kind: str, start: float, ms: float, **more) -> Observed:
    """One that began `start` ms after the turn."""
    began = BEGAN + timedelta(milliseconds=start)
    told = {"observation_id": name, "parent_id": "turn", "name": name, "kind": kind}
    return Observed(**told | {"started_at": began, "duration_ms": ms} | more)


TRACE = Trace(
    trace_id="1" * 32, turn_id="t", session_id="<s>", about={"prompt_version": "abc"},
    observations=(
        observed("turn", "agent", 0, 1000, parent_id=None, input={"question": "<script>x"}),
        observed("tool", "tool", 100, 400, error="ValueError: <b>no</b>"),
        observed("write", "generation", 200, 100, parent_id="tool", model="lite",
                 usage={"input": 1234, "output": 7, "total": 1241}),
        observed("late", "guardrail", 1000, 500),
    ),
)  # fmt: skip


def test_every_text_is_escaped():
    shown = tree(TRACE) + summary(TRACE)
    assert "<script>" not in shown and "&lt;script&gt;x" in shown
    assert "ValueError: &lt;b&gt;no" in shown and "&lt;s&gt;" in shown


def test_rows_stand_below_what_they_ran_in_with_tokens_and_time():
    rows = re.findall(r"<tr class=\"(\w+)\"><td style=\"padding-left:([\d.]+)rem", tree(TRACE))
    assert [(kind, float(depth)) for kind, depth in rows] == [
        ("agent", 0.4), ("tool", 1.7), ("generation", 3.0), ("guardrail", 1.7)
    ]  # fmt: skip
    assert "<td>1,234 → 7</td><td>100.0</td>" in tree(TRACE)
    assert "1,234 input, 7 output" in summary(TRACE) and "prompt version" in summary(TRACE)


def test_no_bar_leaves_the_time_line():
    bars = re.findall(r"margin-left:([\d.]+)%;width:([\d.]+)%", tree(TRACE))
    assert bars[1] == ("10.00", "40.00")
    assert all(float(left) + float(width) <= 100.01 for left, width in bars)
