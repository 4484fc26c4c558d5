"""What a review says of each thing that the model said."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from scripted_page import ANSWER, RESULTS, SEEN

from agent.reviewing import corrections
from agent.turn import Feedback, Plan, ToolResult, TurnRecord, UserTurn
from tools.corrections import Correction, counting
from tools.errors import BadInputError
from tools.evidence import Finding

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def record(*seen) -> TurnRecord:
    plan = Plan(tools=("describe_image",), reason="asked", confidence=1, decided_by="rules")
    turn = UserTurn(turn_id="t", session_id="s", question="What is it?", asked_at=NOW)
    looked = ToolResult(tool="describe_image", evidence=seen or (SEEN,), latency_ms=1)
    return TurnRecord(
        trace_id="0", turn=turn, plan=plan, results=(looked, *RESULTS[1:]), settings_hash="0",
        answer=ANSWER.model_copy(update={"sentences": ()}), durations={},
    )  # fmt: skip


def given(**said) -> Feedback:
    return Feedback(feedback_id="f", turn_id="t", given_at=NOW, **said)


def truths(**said) -> dict[str, tuple[str | None, str | None]]:
    """Name -> what the model said, what is true."""
    return {c.name: (c.model_value, c.human_value) for c in corrections(given(**said), record())}


def test_a_thumb_corrects_nothing():
    assert corrections(given(helpful=True), record()) == []


def test_the_models_value_and_the_humans_stand_side_by_side():
    (one,) = corrections(given(corrected_findings={"cell_type": "basophil"}), record())
    assert (one.model_value, one.human_value, one.probability) == ("neutrophil", "basophil", 0.93)
    assert (one.image_id, one.model, one.right) == (SEEN.image_id, SEEN.model, False)


def test_right_repeats_the_value_and_wrong_without_a_truth_says_no_more():
    marks = {"cell_type": True, "nucleus_shape": False}
    assert truths(finding_marks=marks) == {
        "cell_type": ("neutrophil", "neutrophil"),
        "nucleus_shape": ("multilobed", None),
    }


def test_what_was_measured_is_not_said_to_be_the_models():
    (one,) = corrections(given(finding_marks={"nuclear_area": False}), record())
    assert one.model == "measured"


def test_a_label_answers_the_question_that_names_what_is_seen():
    assert truths(corrected_label="basophil") == {"cell_type": ("neutrophil", "basophil")}
    assert truths(corrected_label="target cell") == {"red_cell_type": (None, "target cell")}
    assert truths(corrected_label="hairy cell") == {"class": (None, "hairy cell")}


def test_a_description_is_corrected_without_what_it_said_of_its_doubts():
    doubtful = SEEN.model_copy(update={"text": "a cell Uncertain: cell type.", "evidence_id": ""})
    doubtful = type(SEEN).model_validate(doubtful.model_dump())
    (one,) = corrections(given(corrected_description="a basophil"), record(doubtful))
    assert (one.name, one.model_value, one.human_value) == ("description", "a cell", "a basophil")


def test_the_models_own_words_are_kept_with_the_question():
    free = SEEN.model_dump(exclude={"evidence_id", "findings"})
    seen = type(SEEN)(findings=(Finding(name="answer", value="two", probability=0.8),), **free)
    (one,) = corrections(given(corrected_findings={"answer": "three"}), record(seen))
    assert one.name == "answer:What is it?" and one.model_value == "two"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"finding_marks": {"stain": True}}, "'stain' was marked"),
        ({"image_id": "img-1", "corrected_label": "x"}, "not 'img-1'; described: img-0123"),
        ({"finding_marks": {"cell_type": True}, "corrected_label": "basophil"}, "says otherwise"),
    ],
)
def test_a_review_of_what_was_not_said_or_at_odds_with_itself_is_refused(said, why):
    with pytest.raises(BadInputError, match=why):
        corrections(given(**said), record())


def test_a_finding_cannot_be_right_and_corrected():
    with pytest.raises(ValidationError, match="marked right and corrected: stain"):
        given(finding_marks={"stain": True}, corrected_findings={"stain": "fluorescent dye"})


def test_of_several_images_the_reviewed_one_must_be_named():
    other = type(SEEN).model_validate(
        SEEN.model_dump(exclude={"evidence_id"}) | {"image_id": "img-2"}
    )
    with pytest.raises(BadInputError, match="name the image"):
        corrections(given(corrected_label="basophil"), record(SEEN, other))
    (one,) = corrections(given(corrected_label="basophil", image_id="img-2"), record(SEEN, other))
    assert one.image_id == "img-2"


def test_initials_tell_reviewers_apart_and_a_session_stands_in_for_them():
    names = [
        corrections(given(corrected_label="basophil", reviewer=r), record())[0].reviewer
        for r in (" A.  B. ", "a. b.", None)
    ]
    assert names == ["a. b.", "a. b.", "session s"]


def test_the_newest_correction_of_a_reviewer_counts():
    (first,) = corrections(given(corrected_label="basophil", reviewer="a"), record())
    later = first.model_copy(
        update={"human_value": "eosinophil", "given_at": NOW.replace(year=2027)}
    )
    other = first.model_copy(update={"reviewer": "b"})
    assert counting([later, first, other]) == [later, other]
    assert Correction.model_validate_json(first.model_dump_json()) == first
