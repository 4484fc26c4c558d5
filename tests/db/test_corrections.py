"""The history of human labels in the database."""

from datetime import UTC, datetime

import psycopg
import pytest

from tools.corrections import Correction
from tools.errors import BadInputError
from tools.store import Store

pytestmark = pytest.mark.db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def turn(store: Store) -> str:
    store.save_turn(
        turn_id="t", session_id="s", trace_id="", asked_at=NOON, record="{}", evidence=()
    )
    return "t"


def correction(feedback_id: str = "f", turn_id: str = "t", **other) -> Correction:
    values = {
        "image_id": "img-1", "name": "cell_type", "model": "lite@1", "model_value": "neutrophil",
        "probability": 0.9, "human_value": "basophil", "reviewer": "ab", "role": "haematologist",
    } | other  # fmt: skip
    return Correction(
        feedback_id=feedback_id, turn_id=turn_id, session_id="s", given_at=NOON, **values
    )


def give(store: Store, *corrections: Correction) -> None:
    first = corrections[0]
    store.save_feedback(
        feedback_id=first.feedback_id, turn_id=first.turn_id, given_at=NOON, feedback="{}",
        corrections=corrections,
    )  # fmt: skip


def test_corrections_come_back_as_they_were_given(store, turn):
    first, second = correction(), correction(name="stain", model_value=None, probability=None)
    give(store, first, second)
    assert store.reviews() == [first, second]


def test_a_second_opinion_leaves_the_first_in_the_history(store, turn):
    first, second = correction("f1"), correction("f2", human_value="eosinophil")
    give(store, first)
    give(store, second)
    assert store.reviews() == [first, second]


def test_the_same_feedback_stored_twice_corrects_once(store, turn):
    give(store, correction())
    give(store, correction())
    assert len(store.reviews()) == 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE corrections SET human_value = 'x'",
        "DELETE FROM corrections",
        "TRUNCATE corrections",
        "DELETE FROM sessions",
    ],
)
def test_no_correction_is_ever_changed_or_lost(store, turn, database_url, change):
    give(store, correction())
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.IntegrityError):
        connection.execute(change)
    assert store.reviews() == [correction()]


def test_a_correction_of_no_turn_is_refused_with_its_feedback(store):
    with pytest.raises(BadInputError, match="no turn 't9'"):
        give(store, correction(turn_id="t9"))
    assert store.reviews() == [] and store.counts()["feedback"] == 0


def test_a_correction_that_says_nothing_is_refused_with_its_feedback(store, turn):
    with pytest.raises(psycopg.IntegrityError):
        give(store, correction(model_value=None, human_value=None))
    assert store.counts()["feedback"] == 0
