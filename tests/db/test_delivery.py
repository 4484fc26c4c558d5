"""Scores on a real database and a real (misbehaving) server: each arrives, and once."""

import logging
import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from langfuse_recorder import Recorder, langfuse_recorder

from agent.__main__ import cytoscribe
from agent.delivery import Delivery
from agent.score_api import ScoreApi
from agent.settings import load_settings
from tools.errors import BadInputError, RefusedScoreError, RemoteServiceError
from tools.score import Score
from tools.store import Store, migrate
from tools.store.scores import LONGEST_PAUSE

pytestmark = pytest.mark.db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENDER = Path(__file__).with_name("sender.py")


def score(name: str, value: float = 1.0) -> Score:
    return Score(
        score_id=name, trace_id="0" * 32, name=name, value=value, data_type="BOOLEAN",
        created_at=NOON,
    )  # fmt: skip


def fill(store: Store, count: int) -> set[str]:
    store.save_scores(score(f"s{n:03}") for n in range(count))
    return {f"s{n:03}" for n in range(count)}


def received(server: Recorder) -> Counter[str]:
    return Counter(s["id"] for s in server.scores)


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@contextmanager
def delivering(store: Store, url: str) -> Iterator[Delivery]:
    settings = load_settings(
        langfuse_public_key="pk", langfuse_secret_key="sk", langfuse_base_url=url
    )
    with ScoreApi(settings) as api, Delivery(store, api.post) as delivery:
        yield delivery


def test_feedback_and_its_scores_are_stored_together_or_not_at_all(store: Store):
    with pytest.raises(BadInputError, match="no turn 't9'"):
        store.save_feedback(
            feedback_id="f", turn_id="t9", given_at=NOON, feedback="{}", scores=[score("a")]
        )
    assert store.unsent_scores().count == 0


def test_what_waits_is_sent_and_then_what_comes(store: Store):
    names = fill(store, 3)
    with langfuse_recorder() as server, delivering(store, server.url) as delivery:
        eventually(lambda: set(received(server)) == names)
        store.save_scores([score("new")])
        delivery.wake()
        eventually(lambda: received(server)["new"] == 1)
    assert store.unsent_scores().count == 0 and store.seconds_to_next_score() is None


def test_what_was_said_just_before_the_end_is_still_sent(store: Store):
    with langfuse_recorder() as server:
        with delivering(store, server.url):
            store.save_scores([score("last words")])
        assert received(server) == {"last words": 1}


@pytest.mark.parametrize("mode", ["fail", "hang", "keys"])
def test_all_arrives_once_when_a_bad_server_is_good_again(store: Store, mode: str):
    names = fill(store, 5)
    with langfuse_recorder(mode) as server, delivering(store, server.url) as delivery:
        eventually(lambda: store.unsent_scores().last_error is not None)
        assert store.unsent_scores().count == 5
        server.mode = "answer"
        store.try_scores_now()
        delivery.wake()
        eventually(lambda: store.unsent_scores().count == 0)
    assert received(server) == dict.fromkeys(names, 1)


def test_a_server_that_was_not_there_gets_all_when_it_is(store: Store):
    names = fill(store, 5)
    with delivering(store, "http://127.0.0.1:9"):
        eventually(lambda: store.unsent_scores().last_error is not None)
    with langfuse_recorder() as server, delivering(store, server.url):
        eventually(lambda: store.unsent_scores().count == 0)
    assert received(server) == dict.fromkeys(names, 1)


def dead(_: Score) -> None:
    raise RemoteServiceError("no answer")


def test_after_a_failure_all_wait(store: Store):
    fill(store, 3)
    with pytest.raises(RemoteServiceError):
        store.send_next_score(dead)
    store.try_scores_now()
    with pytest.raises(RemoteServiceError):
        store.send_next_score(dead)
    assert not store.send_next_score(dead)


def test_after_each_failure_a_score_waits_longer_up_to_a_limit(store: Store):
    fill(store, 1)
    pauses = []
    for _ in range(12):
        with pytest.raises(RemoteServiceError):
            store.send_next_score(dead)
        pauses.append(math.ceil(store.seconds_to_next_score() or 0))
        store.try_scores_now()
    assert pauses[:4] == [1, 2, 4, 8] and pauses[-1] == LONGEST_PAUSE


def test_a_refused_score_waits_and_the_others_go(store: Store):
    fill(store, 3)
    taken = []

    def post(one: Score) -> None:
        if one.name == "s001":
            raise RefusedScoreError("not this one")
        taken.append(one.name)

    while store.send_next_score(post):
        pass
    left = store.unsent_scores()
    assert taken == ["s000", "s002"] and (left.count, left.last_error) == (1, "not this one")


def test_a_score_is_sent_again_only_when_it_changed(store: Store):
    taken = []
    for value in (1.0, 1.0, 0.0):
        store.save_scores([score("a", value)])
        while store.send_next_score(lambda one: taken.append((one.value, one.created_at))):
            pass
    assert taken == [(1.0, NOON), (0.0, NOON)]


def test_senders_side_by_side_send_each_score_once(store: Store, database_url: str):
    names = fill(store, 40)
    with langfuse_recorder() as server, ExitStack() as stack:
        for _ in range(4):
            own = stack.enter_context(Store(database_url))
            stack.enter_context(delivering(own, server.url))
        eventually(lambda: store.unsent_scores().count == 0)
    assert received(server) == dict.fromkeys(names, 1)


def test_a_sender_killed_in_the_middle_loses_nothing(store: Store, database_url: str):
    names = fill(store, 60)
    with langfuse_recorder() as server:
        server.seconds = 0.05
        sender = subprocess.Popen([sys.executable, str(SENDER), database_url, server.url])
        eventually(lambda: len(server.scores) >= 5)
        sender.kill()
        sender.wait()
        assert store.unsent_scores().count > 0
        server.seconds = 0.0
        with delivering(store, server.url):
            eventually(lambda: store.unsent_scores().count == 0)
    again = [name for name, count in received(server).items() if count > 1]
    assert set(received(server)) == names
    assert len(again) <= 1  # what was under way when it was killed; its id is the same


def test_a_hanging_server_does_not_hold_up_the_end(store: Store):
    fill(store, 50)
    with langfuse_recorder("hang") as server, delivering(store, server.url):
        eventually(lambda: server.raw != b"")
    assert store.unsent_scores().count == 50


def test_wrong_keys_are_logged_once(store: Store, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING)
    fill(store, 1)
    with langfuse_recorder("keys") as server, delivering(store, server.url) as delivery:
        for attempts in (1, 2):
            eventually(lambda: attempted(store) >= attempts)  # noqa: B023
            store.try_scores_now()
            delivery.wake()
    told = [r.getMessage() for r in caplog.records if r.name == "agent.delivery"]
    assert len(told) == 1 and "LANGFUSE_SECRET_KEY" in told[0]


def attempted(store: Store) -> int:
    with psycopg.connect(store.url) as connection:
        row = connection.execute("SELECT max(attempts) FROM scores").fetchone()
    return int(row[0]) if row else 0


@pytest.mark.parametrize(("mode", "code"), [("answer", 0), ("keys", 1)])
def test_the_command_sends_what_waits_and_tells(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch, mode: str, code: int
):
    fill(store, 3)
    with langfuse_recorder(mode) as server:
        monkeypatch.setenv("CYTOSCRIBE_DATABASE_URL", database_url)
        monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", "pk")
        monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk")
        monkeypatch.setenv("LANGFUSE_BASE_URL", server.url)
        told = CliRunner().invoke(cytoscribe, ["feedback", "send"])
    assert told.exit_code == code
    assert ("3 scores sent" if code == 0 else "3 still wait: http://127.0.0.1") in told.stdout


def test_feedback_from_before_there_were_scores_is_sent_too(empty_database_url: str, tmp_path):
    (ours,) = Path("migrations").glob("*_scores.sql")
    for path in (p for p in Path("migrations").glob("*.sql") if p < ours):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    migrate(empty_database_url, tmp_path)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("INSERT INTO sessions VALUES ('s', now())")
        connection.execute("INSERT INTO turns VALUES ('t', 's', 'trace', now(), '{}')")
        for said in (
            '{"helpful": false, "comment": "no", "corrected_label": "monocyte", "role": null}',
            '{"helpful": null, "comment": "clear", "corrected_label": null}',
            '{"helpful": null, "comment": null, "corrected_label": null}',
        ):
            connection.execute(
                "INSERT INTO feedback VALUES (gen_random_uuid(), 't', now(), %s)", (said,)
            )
    sent: list[Score] = []
    with Store(empty_database_url) as store:
        store.migrate()
        while store.send_next_score(sent.append):
            pass
    assert sorted((s.name, s.value, s.comment) for s in sent) == [
        ("corrected_label", "monocyte", "no"),
        ("user_comment", "clear", "clear"),
        ("user_feedback", 0, "no"),
    ]
    assert {s.trace_id for s in sent} == {"trace"}
