"""The Traces page: what ran in a turn, inside what, for how long, and on what evidence."""

from typing import TYPE_CHECKING

import streamlit as st

from agent.turn import TurnRecord
from page import answer, turn
from page.evidence import Numbers
from page.text import plain, shortened
from page.trace_tree import summary, tree
from tools.errors import StoreUnavailableError

if TYPE_CHECKING:
    from agent.assistant import Assistant
    from tools.trace import Trace

LISTED = 50
TITLE = "Traces"


def draw(assistant: "Assistant") -> None:
    """The trace that the address names (`?trace=`), else the newest, and a list to choose from."""
    st.title(TITLE)
    try:
        found = _chosen(assistant)
        if found is None:
            st.info("There are no traces yet: ask something in the chat.")
            return
        _trace(assistant, found)
    except StoreUnavailableError:
        st.warning("The database cannot be reached right now.")


def _chosen(assistant: "Assistant") -> "Trace | None":
    listed = {trace.trace_id: trace for trace in assistant.store.traces(LISTED)}
    asked_for = st.query_params.get("trace", "")
    if asked_for and asked_for not in listed:
        older = {trace.trace_id: trace for trace in assistant.store.traces_named(asked_for)}
        if not older:
            st.warning(f"There is no trace {plain(asked_for)}.")
        listed = older | listed
    if not listed:
        return None
    ids = list(listed)
    chosen = st.selectbox(
        "Turn",
        ids,
        index=ids.index(asked_for) if asked_for in listed else 0,
        format_func=lambda trace_id: _line(listed[trace_id]),
    )
    return listed[chosen]


def _line(trace: "Trace") -> str:
    asked = shortened(str((trace.root.input or {}).get("question", "")), 90)
    failed = "failed: " if trace.root.error else ""
    seconds = f"{trace.root.duration_ms / 1000:.2f} s"
    return f"{trace.root.started_at:%Y-%m-%d %H:%M:%S} · {seconds} · {failed}{asked}"


def _trace(assistant: "Assistant", trace: "Trace") -> None:
    st.html(summary(trace))
    st.html(tree(trace))
    stored = assistant.store.turn(trace.turn_id)
    if stored is None:
        st.caption("The turn itself is not stored: it failed, or was asked again by a replay.")
        return
    record = TurnRecord.model_validate_json(stored)
    evidence = list(record.evidence().values())
    numbers = Numbers(record.turn.turn_id, evidence)
    left, right = turn.columns(record.turn.turn_id)
    with left:
        st.html(answer.final(record, numbers))
    with right:
        turn.draw_evidence(assistant, evidence, numbers, expanded=True)
