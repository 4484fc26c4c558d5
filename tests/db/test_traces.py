"""Traces of whole turns: in Postgres always, and in Langfuse the same."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from agent_fakes import SureModel, png
from langfuse_recorder import Recorder, langfuse_recorder
from test_agent_turns import THREE, ask, fill

from agent.assistant import Assistant
from agent.settings import Settings
from agent.tracing import open_tracing
from tools.embedders import load_text_encoder
from tools.errors import Cancelled, StoreUnavailableError
from tools.evidence import DescriptionEvidence
from tools.images import OpenedImage
from tools.protocols import TextEncoder
from tools.store import Store
from tools.trace import Observed, Trace

pytestmark = pytest.mark.db

ROOT = Observed(
    observation_id="a" * 16, name="turn", kind="agent", started_at=datetime(2026, 1, 2, tzinfo=UTC),
    duration_ms=12.5, input={"question": "What is it?"}, output="A cell.", metadata={"n": 1},
)  # fmt: skip
LEAF = ROOT.model_copy(
    update={"observation_id": "b" * 16, "parent_id": "a" * 16, "usage": {"input": 3, "output": 2},
            "kind": "generation", "model": "lite", "error": "ValueError: no"}
)  # fmt: skip
TRACE = Trace(
    trace_id="1" * 32, turn_id="t1", session_id="s1", user_id="u1", tags=("ward-3",),
    about={"model": "lite@1234"}, observations=(ROOT, LEAF),
)  # fmt: skip


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return load_text_encoder("minilm")


class CountingModel(SureModel):
    """Says how many tokens it read and wrote."""

    def describe(self, *asked):
        counted = [("prompt_tokens", 60), ("tokens", 7)]
        written = super().describe(*asked)
        for text in written:
            for name, count in counted:
                object.__setattr__(text, name, count)
        return written


def measured(seen: DescriptionEvidence, image: OpenedImage) -> DescriptionEvidence:
    return seen


@contextmanager
def traced(store: Store, encoder: TextEncoder, folder: Path, **options) -> Iterator[Assistant]:
    chosen = {"data_dir": folder, "starter_library": False, "user": "u1", "trace_tags": "a, b"}
    settings = Settings(**chosen | options, _env_file=None)
    model = CountingModel()
    fill(store, model, encoder)
    tracer = open_tracing(settings, save=store.save_trace)
    with Assistant(settings, store, model, encoder, tracer=tracer, measurer=measured) as assistant:
        yield assistant


def keys(server: Recorder) -> dict[str, str]:
    return {
        "langfuse_public_key": "pk-traces", "langfuse_secret_key": "sk-traces",
        "langfuse_base_url": server.url,
    }  # fmt: skip


def sent(server: Recorder) -> list[tuple]:
    """Each observation as the server was told it, in the order in which they began."""
    prefix = "langfuse.observation"
    spans = sorted(server.spans, key=lambda s: (bool(s["parent"]), s["start"]))
    return [
        (
            span["trace"], span["id"], span["parent"] or None, span["name"],
            span["attributes"][f"{prefix}.type"],
            (span["end"] - span["start"]) / 1e6,
            span["attributes"].get(f"{prefix}.model.name"),
            json.loads(span["attributes"].get(f"{prefix}.usage_details", "{}")),
            span["attributes"]["session.id"], span["attributes"]["user.id"],
            span["attributes"]["langfuse.trace.tags"],
        )
        for span in spans
    ]  # fmt: skip


def kept(trace: Trace) -> list[tuple]:
    return [
        (
            trace.trace_id, o.observation_id, o.parent_id, o.name, o.kind, o.duration_ms, o.model,
            o.usage, trace.session_id, trace.user_id, list(trace.tags),
        )
        for o in trace.observations
    ]  # fmt: skip


def test_tokens_are_summed_by_model_from_a_day_on(store: Store):
    store.save_trace(TRACE)
    store.save_trace(TRACE.model_copy(update={"trace_id": "2" * 32, "turn_id": "t2"}))
    assert store.tokens() == [("lite", 2, 6, 4)]
    assert store.tokens(datetime(2026, 1, 3, tzinfo=UTC)) == []


def test_a_trace_comes_back_as_it_was_by_its_id_or_its_turns(store):
    store.save_trace(TRACE)
    store.save_trace(TRACE)
    assert store.trace(TRACE.trace_id) == TRACE
    assert store.traces_named("1111") == store.traces_named("t1") == [TRACE]
    assert store.trace("none") is None
    assert TRACE.tokens() == {"input": 3, "output": 2}


def test_traces_are_listed_newest_first_and_by_session(store):
    for n, session in enumerate(("s1", "s2", "s1")):
        later = ROOT.model_copy(update={"started_at": datetime(2026, 1, 2, n, tzinfo=UTC)})
        told = {"trace_id": str(n), "session_id": session, "observations": (later,)}
        store.save_trace(TRACE.model_copy(update=told))
    assert [trace.trace_id for trace in store.traces(9)] == ["2", "1", "0"]
    assert [trace.trace_id for trace in store.traces(1, session_id="s2")] == ["1"]


def test_a_turn_is_a_tree_of_plan_tools_answer_and_guardrail(store, encoder, tmp_path):
    with traced(store, encoder, tmp_path) as assistant:
        record = ask(assistant, THREE, png())
    trace = store.trace(record.trace_id)
    assert trace is not None and [trace] == store.traces_named(record.turn.turn_id)
    assert sorted((depth, o.kind, o.name) for depth, o in trace.tree()) == [
        (0, "agent", "turn"),
        (1, "chain", "plan"),
        (1, "generation", "answer"),
        (1, "guardrail", "citations"),
        (1, "retriever", "image_search"),
        (1, "retriever", "literature_search"),
        (1, "tool", "describe_image"),
        (2, "embedding", "embed_image"),
        (2, "embedding", "embed_query"),
        (2, "embedding", "look"),
        (2, "generation", "closed_questions"),
        (2, "generation", "closed_questions"),
        (2, "generation", "closed_questions"),
        (2, "generation", "describe"),
        (2, "tool", "measure"),
    ]
    assert trace.tokens() == {"input": 60, "output": 7, "total": 67}
    assert trace.about["model"] == "sure" and trace.about["settings_hash"] == record.settings_hash
    assert (trace.user_id, trace.tags, trace.session_id) == ("u1", ("a", "b"), "s")
    assert trace.root.input["question"] == THREE and trace.root.output["status"] == "grounded"


def test_durations_hold_what_ran_inside(store, encoder, tmp_path):
    with traced(store, encoder, tmp_path) as assistant:
        record = ask(assistant, THREE, png())
    trace = store.trace(record.trace_id)
    assert trace is not None
    by_id = {o.observation_id: o for o in trace.observations}
    for inner in trace.observations[1:]:
        outer = by_id[inner.parent_id]
        assert inner.started_at >= outer.started_at and inner.duration_ms <= outer.duration_ms
    answer = next(o for o in trace.observations if o.name == "answer")
    assert 0 < answer.metadata["first_output_ms"] <= answer.duration_ms


def test_langfuse_and_postgres_hold_the_same_tree_and_figures(store, encoder, tmp_path):
    with langfuse_recorder() as server:
        with traced(store, encoder, tmp_path, **keys(server)) as assistant:
            record = ask(assistant, THREE, png())
        trace = store.trace(record.trace_id)
        assert trace is not None and len(trace.observations) == 15
        assert sent(server) == kept(trace)


@pytest.mark.parametrize("allowed", [False, True])
def test_thumbnails_of_cases_are_media_only_if_a_setting_allows(store, encoder, tmp_path, allowed):
    with langfuse_recorder() as server:
        chosen = keys(server) | {"langfuse_case_images": allowed}
        with traced(store, encoder, tmp_path, **chosen) as assistant:
            record = ask(assistant, "What do similar cases show?", png())
        assert (len(server.media) > 0) == (b"langfuseMedia" in server.raw) == allowed
        assert b"data:image" not in server.raw
    trace = store.trace(record.trace_id)
    assert trace is not None and "data:image" not in trace.model_dump_json()


def test_a_turn_that_fails_by_a_bug_leaves_its_trace(store, encoder, tmp_path):
    with traced(store, encoder, tmp_path) as assistant:
        assistant.model.fails = TypeError("ours")
        with pytest.raises(TypeError):
            ask(assistant, THREE, png())
    (trace,) = store.traces(9)
    assert trace.root.error and "TypeError: ours" in trace.root.error
    assert "TypeError: ours" in [o.error for o in trace.observations if o.name == "describe"]


def test_a_stopped_turn_leaves_no_trace(store, encoder, tmp_path):
    stop = threading.Event()
    with langfuse_recorder() as server:
        with traced(store, encoder, tmp_path, **keys(server)) as assistant:
            turn = assistant.new_turn("s", THREE, [png()])
            with pytest.raises(Cancelled):
                for _ in assistant.stream(turn, stop.is_set):
                    stop.set()
            answered = ask(assistant, THREE, png())
        assert {span["trace"] for span in server.spans} == {answered.trace_id}
    assert [trace.trace_id for trace in store.traces(9)] == [answered.trace_id]


def test_a_trace_waits_while_the_database_is_away(store, encoder, tmp_path):
    away, saved = [True], []

    def save(trace: Trace) -> None:
        if away.pop() if away else False:
            raise StoreUnavailableError("away")
        saved.append(trace.trace_id)

    settings = Settings(data_dir=tmp_path, _env_file=None)
    tracer = open_tracing(settings, save=save)
    with Assistant(settings, store, SureModel(), encoder, tracer=tracer) as assistant:
        asked = [ask(assistant, "What is a neutrophil?").trace_id for _ in range(2)]
    assert saved == asked
