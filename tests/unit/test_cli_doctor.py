"""Doctor: what fails is named with what to do; nothing else is kept from being checked."""

import socket
from datetime import UTC, datetime

import pytest
from langfuse_recorder import langfuse_recorder

from agent.commands import doctor
from agent.settings import load_settings
from tools.store.scores import UnsentScores


def keys(url, secret="sk-test"):
    return load_settings(
        langfuse_public_key="pk-test", langfuse_secret_key=secret, langfuse_base_url=url
    )


def test_the_environment_of_the_tests_has_what_is_needed():
    assert doctor.python().ok and doctor.packages().ok


def test_a_folder_that_cannot_be_made_fails_with_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    check = doctor.data_folder(load_settings(data_dir=tmp_path / "file" / "data"))
    assert not check.ok and "CYTOSCRIBE_DATA_DIR" in check.fix


def test_a_taken_port_fails_with_what_to_do():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        check = doctor.port(load_settings(port=server.getsockname()[1]))
    assert not check.ok and "CYTOSCRIBE_PORT" in check.fix


def test_half_of_langfuses_keys_are_noticed():
    check = doctor.langfuse(load_settings(langfuse_public_key="pk-test"))
    assert not check.ok and "LANGFUSE_SECRET_KEY" in check.fix


def test_a_langfuse_that_is_not_there_is_named():
    check = doctor.langfuse(keys("http://127.0.0.1:9"))
    assert not check.ok and "http://127.0.0.1:9 does not answer" in check.detail


@pytest.mark.parametrize(("mode", "status"), [("answer", 200), ("fail", 500), ("keys", 401)])
def test_a_langfuse_that_answers_is_asked_with_the_keys(mode, status):
    with langfuse_recorder(mode) as server:
        check = doctor.langfuse(keys(server.url))
    assert check.ok is (status == 200) and str(status) in check.detail


def test_scores_that_wait_are_told_with_the_reason():
    since = datetime(2026, 1, 2, tzinfo=UTC)
    failed = UnsentScores(3, since, "the server refuses the keys (401)")
    assert doctor.scores(load_settings(), UnsentScores(0, None, None)).ok
    assert doctor.scores(keys("http://x"), UnsentScores(1, since, None)).ok
    assert doctor.scores(load_settings(), failed).detail == (
        "3 unsent since 2026-01-02 00:00: Langfuse's keys are not set"
    )
    check = doctor.scores(keys("http://x"), failed)
    assert not check.ok and "(401)" in check.detail and "feedback send" in check.fix


def test_a_missing_model_fails_and_the_encoder_is_still_checked(tmp_path):
    settings = load_settings(
        model=str(tmp_path / "none"), database_url="postgresql://127.0.0.1:9/x"
    )
    found = {check.name: check for check in doctor.checks(settings)}
    assert not found["model"].ok and str(tmp_path / "none") in found["model"].detail
    assert not found["database"].ok and found["text encoder"].ok
