"""Whole answers judged: the first claims are right or wrong, what claims nothing is apart."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from agent_fakes import case, passage

from agent.turn import GroundedAnswer, Plan, Sentence, ToolResult, TurnRecord, UserTurn
from eval.pubmedqa.questions import Question
from eval.trust.answers import OF_IMAGES, Asked, Judged, drawn, figures, judge
from eval.truth import Known
from tools.evidence import DescriptionEvidence, Finding

MONOCYTE = Known(Path("a.png"), "cell", {"cell_type": "monocyte"})


def sees(value, name="cell_type", status="described"):
    found = (Finding(name=name, value=value, probability=0.9),)
    return DescriptionEvidence(image_id="img-0", text="", findings=found, model="m", status=status)


def record(*claims, kind="claim") -> TurnRecord:
    """An answer of one sentence a piece of evidence."""
    said = tuple(Sentence(text="It is.", evidence_ids=(e.evidence_id,), kind=kind) for e in claims)
    return TurnRecord(
        trace_id="0", settings_hash="0", durations={},
        turn=UserTurn(turn_id="t", session_id="s", question="?", asked_at=datetime.now(UTC)),
        plan=Plan(tools=("describe_image",), reason="r", confidence=1, decided_by="rules"),
        results=(ToolResult(tool="describe_image", evidence=claims, latency_ms=1),),
        answer=GroundedAnswer(sentences=said, status="grounded", confidence=0.9, model="m"),
    )  # fmt: skip


def test_what_is_seen_is_held_against_the_truth():
    asked = Asked("?", MONOCYTE)
    assert judge(record(sees("monocyte")), asked) is True
    assert judge(record(sees("basophil")), asked) is False
    assert judge(record(sees("single blood cell", "subject")), asked) is True


def test_cases_are_judged_where_nobody_looked_and_not_beside_what_is_seen():
    cases = (case(1, "monocyte"), case(2, "monocyte"), case(3, "basophil"))
    assert judge(record(*cases), Asked("?", MONOCYTE)) is True
    assert judge(record(sees("basophil"), *cases), Asked("?", MONOCYTE)) is False


def test_the_first_passage_cited_is_of_the_article_or_is_wrong():
    asked = Asked("?", None, "pmid:1")
    assert judge(record(passage("1", "x"), passage("2", "y")), asked) is True
    assert judge(record(passage("2", "y"), passage("1", "x")), asked) is False


def test_an_answer_is_right_when_all_it_claims_is():
    asked = Asked("?", MONOCYTE, "pmid:1")
    assert judge(record(sees("monocyte"), passage("1", "x")), asked) is True
    assert judge(record(sees("monocyte"), passage("2", "x")), asked) is False
    assert judge(record(sees("monocyte")), asked) is True  # the literature was left open


def test_what_is_shown_and_not_claimed_is_not_judged():
    assert judge(record(sees("basophil"), kind="gap"), Asked("?", MONOCYTE)) is None


def test_each_image_is_asked_about_and_each_question_put_once():
    questions = [Question(str(n), f"Is {n}?", (), ()) for n in range(3)]
    rows = list(drawn([MONOCYTE] * 8, questions))
    assert [row.about for row in rows] == [*(["image"] * 3 + ["both"]) * 2, *["literature"] * 3]
    assert rows[3].question == OF_IMAGES[3].format("Is 0?") and rows[3].article == "pmid:0"
    assert rows[7].article == "pmid:1"


def test_figures_leave_out_what_claims_nothing_and_what_has_no_number():
    told = figures([
        Judged("image", 0.9, True), Judged("image", 0.7, False), Judged("both", None, True),
        Judged("literature", 0.0, None),
    ])  # fmt: skip
    assert (told["asked"], told["claim_nothing"], told["not_calibrated"]) == (4, 1, 1)
    assert told["answers"] == 2 and told["ece"] == pytest.approx((0.1 + 0.7) / 2)
    assert list(told["by_what"]) == ["image"]
