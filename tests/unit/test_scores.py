"""Feedback as scores, and what the server says to a score."""

from datetime import UTC, datetime

import pytest
from langfuse_recorder import langfuse_recorder

from agent.score_api import ScoreApi
from agent.scores import LONGEST_VALUE, scores
from agent.settings import load_settings
from agent.turn import Feedback
from tools.errors import BadInputError, RefusedScoreError, RemoteServiceError
from tools.score import Score

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
TRACE = "0" * 31 + "1"


def said(**words) -> list[tuple[str, float | str, str]]:
    feedback = Feedback(feedback_id="f", turn_id="t", given_at=NOW, **words)
    return [(s.name, s.value, s.data_type) for s in scores(feedback, TRACE)]


def score(**changes) -> Score:
    feedback = Feedback(feedback_id="f", turn_id="t", helpful=True, comment="é", given_at=NOW)
    (one,) = scores(feedback, TRACE)
    return one.model_copy(update=changes)


def api(url: str, mask: str = "nothing") -> ScoreApi:
    return ScoreApi(
        load_settings(
            langfuse_public_key="pk",
            langfuse_secret_key="sk",
            langfuse_base_url=url,
            langfuse_mask=mask,
        )
    )


def test_each_thing_that_was_said_is_a_score():
    assert said(
        helpful=False, finding_marks={"cell_type": False, "nucleus_shape": True},
        corrected_findings={"granules": "few"}, corrected_label="monocyte",
        corrected_description="A monocyte.", comment="no",
    ) == [
        ("user_feedback", 0.0, "BOOLEAN"),
        ("finding_cell_type", 0.0, "BOOLEAN"),
        ("finding_nucleus_shape", 1.0, "BOOLEAN"),
        ("corrected_granules", "few", "CATEGORICAL"),
        ("corrected_label", "monocyte", "CATEGORICAL"),
        ("corrected_description", "A monocyte.", "CATEGORICAL"),
    ]  # fmt: skip


def test_a_comment_is_a_score_of_its_own_only_without_a_thumb():
    assert said(comment="clear") == [("user_comment", "clear", "CATEGORICAL")]
    assert said() == []


def test_a_long_text_is_cut_as_a_value_and_kept_as_a_detail():
    text = "x" * 1000
    feedback = Feedback(feedback_id="f", turn_id="t", corrected_description=text, given_at=NOW)
    (one,) = scores(feedback, TRACE)
    assert one.value == "x" * LONGEST_VALUE and one.details["corrected_description"] == text


def test_the_same_feedback_gives_the_same_scores():
    assert score() == score() and score().score_id == "f-user_feedback"


@pytest.mark.parametrize("lists_only", [False, True])
def test_a_score_arrives_in_langfuses_words(lists_only):
    with langfuse_recorder() as server, api(server.url + "/") as langfuse:
        server.lists_only = lists_only
        langfuse.post(score())
    assert server.scores == [
        {"id": "f-user_feedback", "traceId": TRACE, "name": "user_feedback", "value": 1.0,
         "dataType": "BOOLEAN", "comment": "é", "timestamp": "2026-01-02T03:00:00+00:00",
         "metadata": {"feedback_id": "f", "turn_id": "t", "finding_marks": {},
                      "corrected_findings": {},
                      "given_at": "2026-01-02T03:00:00Z"}}
    ]  # fmt: skip


def test_what_identifies_a_person_is_masked_as_in_traces():
    feedback = Feedback(
        feedback_id="f", turn_id="t", comment="Call Mr Smith", reviewer="AB", given_at=NOW
    )
    with langfuse_recorder() as server:
        for mask in ("identifiers", "text"):
            with api(server.url, mask) as langfuse:
                langfuse.post(next(scores(feedback, TRACE)))
    one, two = server.scores
    assert one["value"] == one["comment"] == "Call [NAME]" and one["id"] == "f-user_comment"
    assert two["value"] == two["comment"] == "[TEXT, 13 characters]"
    assert b'"AB"' not in server.raw and b"Smith" not in server.raw


@pytest.mark.parametrize(
    ("mode", "words"), [("fail", "500"), ("keys", "LANGFUSE_SECRET_KEY"), ("hang", "Timeout")]
)
def test_a_server_that_takes_nothing_is_named_with_the_reason(mode, words):
    with (
        langfuse_recorder(mode) as server,
        api(server.url) as langfuse,
        pytest.raises(RemoteServiceError, match=f"{server.url}.*{words}"),
    ):
        langfuse.post(score())


def test_a_score_that_is_not_taken_is_told_from_a_server_that_takes_none():
    with (
        langfuse_recorder("invalid") as server,
        api(server.url) as langfuse,
        pytest.raises(RefusedScoreError, match="f-user_feedback"),
    ):
        langfuse.post(score())


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no such host", "nonsense"])
def test_an_address_that_nobody_answers_at_is_named(url):
    with api(url) as langfuse, pytest.raises(RemoteServiceError, match=url):
        langfuse.post(score())


def test_without_keys_it_is_said_which_to_set():
    with pytest.raises(BadInputError, match="LANGFUSE_PUBLIC_KEY"):
        ScoreApi(load_settings(langfuse_public_key="pk"))
