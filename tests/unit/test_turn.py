"""The values of a turn: what they refuse, and that they survive JSON."""

from datetime import UTC, datetime

import pytest
from agent_fakes import CASES, PASSAGES
from pydantic import ValidationError

from agent.turn import GroundedAnswer, Plan, Sentence, ToolError, ToolResult, TurnRecord, UserTurn


def record(*cited: str) -> TurnRecord:
    turn = UserTurn(turn_id="t", session_id="s", question="?", asked_at=datetime.now(UTC))
    found = ToolResult(tool="image_search", evidence=tuple(CASES), latency_ms=1)
    failed = ToolResult(tool="describe_image", error=ToolError(kind="E", message="m"), latency_ms=2)
    sentence = Sentence(text="Two of three.", evidence_ids=cited)
    plan = Plan(tools=("image_search",), reason="r", confidence=1, decided_by="rules")
    answer = GroundedAnswer(sentences=(sentence,), status="grounded", confidence=0.5, model="m")
    return TurnRecord(
        trace_id="x", turn=turn, plan=plan, results=(found, failed), answer=answer,
        settings_hash="h", durations={"total": 0.1},
    )  # fmt: skip


def test_a_record_survives_json():
    made = record(CASES[0].evidence_id)
    assert TurnRecord.model_validate_json(made.model_dump_json()) == made


def test_a_citation_of_what_was_not_found_is_refused():
    with pytest.raises(ValidationError, match=PASSAGES[0].evidence_id):
        record(PASSAGES[0].evidence_id)


def test_a_claim_without_evidence_is_refused():
    with pytest.raises(ValidationError, match="claim without evidence"):
        Sentence(text="It is a neutrophil.")


def test_a_gap_needs_no_evidence():
    assert Sentence(text="Nothing was found.", kind="gap").evidence_ids == ()


@pytest.mark.parametrize("tools, outcome", [((), "tools"), (("image_search",), "out_of_scope")])
def test_a_plan_has_tools_or_a_reason_for_none(tools, outcome):
    with pytest.raises(ValidationError, match="outcome"):
        Plan(tools=tools, outcome=outcome, reason="r", confidence=1, decided_by="rules")
