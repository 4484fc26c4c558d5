"""`cytoscribe trace` and `replay` on the traces of real turns."""

import json
from pathlib import Path

import pytest
from agent_fakes import SureModel, png
from langfuse_recorder import langfuse_recorder
from test_agent_turns import THREE, ask
from test_traces import keys, traced

from agent.__main__ import run
from agent.assistant import Assistant
from agent.commands.replay import in_words, replayed
from agent.tracing import open_tracing
from agent.turn import TurnRecord
from tools.embedders import load_text_encoder
from tools.errors import BadInputError
from tools.protocols import TextEncoder

pytestmark = pytest.mark.db

ABOUT_JOHN = (
    "What cell is this and what do similar cases show? Patient John Smith, MRN 1234567, 2024-03-05"
)
PRIVATE = ("John", "1234567", "2024-03-05", "u1", "img-")


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return load_text_encoder("minilm")


@pytest.fixture
def answered(store, encoder, tmp_path, database_url, monkeypatch) -> TurnRecord:
    """A turn in the database that the commands open."""
    monkeypatch.setenv("CYTOSCRIBE_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    with traced(store, encoder, tmp_path) as assistant:
        return ask(assistant, ABOUT_JOHN, png(), session="ward-3")


def said(capsys, *words: str | Path) -> str:
    assert run(["trace", *map(str, words)]) == 0
    return str(capsys.readouterr().out)


def test_traces_are_listed_and_shown_by_the_first_digits_or_the_turn(answered, capsys):
    assert answered.trace_id[:12] in said(capsys, "list")
    (line,) = said(capsys, "list", "--json", "--session", "ward-3").splitlines()
    assert json.loads(line)["question"] == ABOUT_JOHN
    assert said(capsys, "list", "--session", "none").startswith("There are no traces")
    shown = said(capsys, "show", answered.trace_id[:8])
    assert "turn (agent)" in shown and "    describe (generation)  sure" in shown
    whole = json.loads(said(capsys, "show", answered.turn.turn_id, "--json"))
    assert whole["trace_id"] == answered.trace_id


def test_a_trace_that_is_not_there_is_named(answered, capsys):
    assert run(["trace", "show", "zzz"]) == 1
    assert "no trace 'zzz'" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["identifiers", "text"])
def test_an_export_hides_what_identifies(answered, capsys, tmp_path, level):
    out = tmp_path / "traces.jsonl"
    said(capsys, "export", "--mask", level, "--out", out)
    text = out.read_text()
    assert not [private for private in (*PRIVATE[:4], "ward-3") if private in text]
    assert ("What cell is this" in text) == (level == "identifiers")
    (told,) = [json.loads(line) for line in text.splitlines()]
    assert told["trace_id"] == answered.trace_id and told["mask"] == level
    assert told["record"]["answer"]["status"] == "grounded" and told["images"] == {}
    assert told["observations"][0]["start_ms"] == 0 < told["observations"][0]["duration_ms"]
    kept = {e["evidence_id"] for r in told["record"]["results"] for e in r["evidence"]}
    assert {i for s in told["record"]["answer"]["sentences"] for i in s["evidence_ids"]} <= kept


def test_an_export_is_masked_unless_it_is_told_otherwise(answered, capsys, monkeypatch):
    assert "John" not in said(capsys, "export", answered.trace_id)
    assert "John" in said(capsys, "export", answered.trace_id, "--mask", "nothing")
    monkeypatch.setenv("CYTOSCRIBE_EXPORT_MASK", "nothing")
    assert "John" in said(capsys, "export")


def test_thumbnails_of_cases_are_exported_only_if_asked_for(store, answered, encoder, capsys):
    with traced_again(store, encoder, answered, SureModel()) as assistant:
        record = ask(assistant, "What do similar cases show?", png())
    assert json.loads(said(capsys, "export", record.trace_id))["images"] == {}
    told = json.loads(said(capsys, "export", record.trace_id, "--images"))
    shown = {c["image_id"] for r in told["record"]["results"] for c in r["evidence"]}
    assert set(told["images"]) == shown != set()


def test_what_goes_to_langfuse_is_masked_by_its_own_setting(store, encoder, tmp_path):
    with langfuse_recorder() as server:
        chosen = keys(server) | {"langfuse_mask": "identifiers"}
        with traced(store, encoder, tmp_path, **chosen) as assistant:
            record = ask(assistant, ABOUT_JOHN, png(), session="ward-3")
        assert {span["trace"] for span in server.spans} == {record.trace_id}
        attributes = str([span["attributes"] for span in server.spans])
    assert not [word for word in ("John", "1234567", "ward-3", "'u1'") if word in attributes]
    assert "What cell is this" in attributes
    trace = store.trace(record.trace_id)
    assert trace is not None and trace.root.input["question"] == ABOUT_JOHN


def traced_again(store, encoder, record: TurnRecord, model: SureModel) -> Assistant:
    """Another assistant over the same library and images."""
    from agent.settings import Settings

    settings = Settings(data_dir=Path.cwd(), starter_library=False, _env_file=None)
    tracer = open_tracing(settings, save=store.save_trace)
    return Assistant(settings, store, model, encoder, tracer=tracer)


def test_a_replay_shows_what_another_model_changes_and_leaves_the_session(store, encoder, answered):
    with traced_again(store, encoder, answered, SureModel()) as assistant:
        ask(assistant, THREE, session="ward-3")
    model = SureModel({"subject": "single blood cell", "cell_type": "monocyte"}, name="other")
    with traced_again(store, encoder, answered, model) as assistant:
        found = replayed(assistant, answered.trace_id)
        assert len(assistant.history("ward-3")) == 2
    changed = {c.name.partition(": ")[2]: (c.before, c.after) for c in found.findings}
    assert changed["cell_type"] == ("neutrophil 0.90", "monocyte 0.90")
    assert changed["nucleus_shape"] == ("multilobed 0.90", None)
    assert ("model", "sure", "other") in {(c.name, c.before, c.after) for c in found.answered}
    assert {change.name for change in found.seconds} == set(answered.durations)
    assert [change.name for change in found.plan] == ["image_search failed"]  # no embeddings
    words = "\n".join(in_words(found))
    assert "+ The model sees a monocyte" in words
    again = store.trace(found.replayed_trace_id)
    assert again is not None and again.tags == ("a", "b", "replay")
    assert again.session_id.startswith("replay-")


def test_a_replay_by_the_same_model_differs_only_in_time(store, encoder, answered):
    with traced_again(store, encoder, answered, SureModel()) as assistant:
        found = replayed(assistant, answered.turn.turn_id)
    again = traced_again(store, encoder, answered, SureModel())
    with again as assistant, pytest.raises(BadInputError, match="has no record"):
        replayed(assistant, found.replayed_trace_id)
    assert not (found.plan or found.findings or found.evidence or found.sentences)
