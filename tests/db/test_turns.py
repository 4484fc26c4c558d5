"""Turns, their evidence and feedback."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tools.errors import BadInputError
from tools.evidence import CaseEvidence, Evidence
from tools.store import Store

pytestmark = pytest.mark.db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASE = CaseEvidence(
    image_id="img-1", caption="a cell", labels={}, similarity=0.5, source="s", licence="CC0"
)


def save(store: Store, number: int, session: str = "s", *evidence: Evidence) -> str:
    """Save the turn of that many minutes after noon; return its record."""
    record = json.dumps({"turn": {"question": f"Question {number}?"}, "p": 0.1})
    store.save_turn(
        turn_id=f"t{number}",
        session_id=session,
        trace_id=f"trace{number}",
        asked_at=NOON + timedelta(minutes=number),
        record=record,
        evidence=evidence,
    )
    return record


def test_turns_come_back_oldest_first(store: Store):
    second, first = save(store, 2), save(store, 1)
    save(store, 3, "another session")
    assert [json.loads(r) for r in store.turns("s")] == [json.loads(r) for r in (first, second)]
    assert json.loads(store.turn("t2") or "") == json.loads(second)
    assert store.turn("none") is None
    assert store.turns("none") == []


def test_sessions_are_listed_newest_first_by_their_first_question(store: Store):
    save(store, 1, "old")
    save(store, 2, "new")
    save(store, 3, "old")
    assert [(s, q) for s, q, _ in store.sessions(9)] == [
        ("new", "Question 2?"),
        ("old", "Question 1?"),
    ]
    assert store.sessions(1) == [("new", "Question 2?", NOON + timedelta(minutes=2))]


def test_a_turn_saved_again_replaces_the_first_with_its_evidence(store: Store, database_url: str):
    save(store, 1, "s", CASE, CASE)
    save(store, 1, "s", CASE)
    assert len(store.turns("s")) == 1
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT evidence_id, kind, content FROM evidence").fetchall()
    assert rows == [(CASE.evidence_id, "case", CASE.model_dump(mode="json"))]


def test_a_turn_that_is_not_json_is_refused_whole(store: Store):
    with pytest.raises(BadInputError):
        store.save_turn(
            turn_id="t", session_id="s", trace_id="", asked_at=NOON, record="{", evidence=()
        )
    assert store.counts()["sessions"] == 0


def test_feedback_given_again_under_its_id_replaces_the_first(store: Store):
    save(store, 1)
    for verdict in ("true", "false"):
        store.save_feedback(feedback_id="f", turn_id="t1", given_at=NOON, feedback=verdict)
    assert store.feedback("t1") == ["false"]


def test_feedback_on_no_turn_is_refused(store: Store):
    with pytest.raises(BadInputError, match="no turn 't9'"):
        store.save_feedback(feedback_id="f", turn_id="t9", given_at=NOON, feedback="{}")


def test_all_turns_are_read_with_their_feedback_oldest_first(store: Store):
    second, first = save(store, 2, "b"), save(store, 1)
    for name, minute in (("late", 9), ("early", 8)):
        when = NOON + timedelta(minutes=minute)
        store.save_feedback(
            feedback_id=name, turn_id="t1", given_at=when, feedback=json.dumps({"by": name})
        )
    told = [
        (json.loads(r), [json.loads(f)["by"] for f in fs]) for r, fs in store.turns_with_feedback()
    ]
    assert told == [(json.loads(first), ["early", "late"]), (json.loads(second), [])]
    since = NOON + timedelta(minutes=2)
    assert [json.loads(r) for r, _ in store.turns_with_feedback(since)] == [json.loads(second)]


def test_an_ingest_job_keeps_its_numbers(store: Store, database_url: str):
    job = store.start_job("images", "/cells")
    store.update_job(job, 5, 2)
    store.finish_job(job, "cancelled")
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT kind, path, state, done, skipped FROM ingest_jobs")
        assert rows.fetchall() == [("images", "/cells", "cancelled", 5, 2)]
