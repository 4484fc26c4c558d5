"""The Traces page on a scripted assistant: which trace is drawn, and what is said without one."""

from datetime import UTC, datetime

import pytest
from scripted_page import ANSWER, RESULTS, ScriptedAssistant
from streamlit.testing.v1 import AppTest

from agent.turn import Plan, TurnRecord, UserTurn
from tools.errors import StoreUnavailableError
from tools.trace import Observed, Trace

ASKED = datetime(2026, 1, 2, tzinfo=UTC)


def trace(digit: str) -> Trace:
    root = Observed(
        observation_id=digit, name="turn", kind="agent", started_at=ASKED, duration_ms=5,
        input={"question": f"Question {digit}?"},
    )  # fmt: skip
    ids = {"trace_id": digit * 32, "turn_id": f"t{digit}", "session_id": "s"}
    return Trace(**ids, observations=(root,))


class Traced(ScriptedAssistant):
    """Holds traces; only the first one's turn has a record."""

    def __init__(self, *kept: Trace) -> None:
        super().__init__()
        self.kept = list(kept)

    def traces(self, limit: int) -> list[Trace]:
        if self.trouble:
            raise self.trouble
        return self.kept[:limit]

    def traces_named(self, name: str) -> list[Trace]:
        return [one for one in self.kept if one.trace_id.startswith(name)]

    def turn(self, turn_id: str) -> str | None:
        if turn_id != "t1":
            return None
        asked = UserTurn(turn_id="t1", session_id="s", question="Question 1?", asked_at=ASKED)
        plan = Plan(tools=("describe_image",), reason="r", confidence=1, decided_by="rules")
        told = {"trace_id": "1" * 32, "turn": asked, "plan": plan, "results": RESULTS}
        record = TurnRecord(**told, answer=ANSWER, settings_hash="0", durations={"total": 1.0})
        return record.model_dump_json()


def page() -> None:
    import streamlit as st

    from page import traces

    traces.draw(st.session_state["assistant"])


def opened(assistant: Traced, trace_id: str = "") -> AppTest:
    shown = AppTest.from_function(page, default_timeout=20)
    shown.session_state["assistant"] = assistant
    if trace_id:
        shown.query_params["trace"] = trace_id
    return shown.run()


def html(shown: AppTest) -> str:
    return "".join(element.proto.body for element in shown.get("html"))


def test_the_newest_trace_is_drawn_with_its_answer_and_evidence():
    shown = opened(Traced(trace("1"), trace("2")))
    assert not shown.exception
    assert "1" * 32 in html(shown) and 'class="trace"' in html(shown)
    assert "This is a neutrophil." in html(shown) and 'class="gallery"' in html(shown)


def test_the_trace_of_the_address_is_drawn_and_another_can_be_chosen():
    shown = opened(Traced(trace("1"), trace("2")), "2" * 32)
    assert "2" * 32 in html(shown) and "not stored" in shown.caption[0].value
    shown.selectbox[0].select_index(0).run()
    assert "1" * 32 in html(shown)


@pytest.mark.parametrize("kept", [(), (trace("1"),)])
def test_what_is_not_there_is_said(kept):
    shown = opened(Traced(*kept), "f" * 32)
    assert not shown.exception and "There is no trace" in shown.warning[0].value
    assert bool(shown.info) == (not kept)


def test_a_database_that_is_away_is_said():
    assistant = Traced()
    assistant.trouble = StoreUnavailableError("away")
    assert "cannot be reached" in opened(assistant).warning[0].value
