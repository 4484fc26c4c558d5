"""Tracing: nothing without keys, one trace a turn with them, never in the way of an answer."""

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from langfuse_recorder import langfuse_recorder
from llama_index.core.llms import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ImageBlock,
    MockLLM,
    TextBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent.settings import Settings, load_settings
from agent.tracing import NoTracer, Tracer, open_tracing
from agent.turn import Plan, UserTurn
from tools.trace import Trace

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TURN = UserTurn(
    turn_id="t1", session_id="s1", question="What is it?", images=("img-1",), asked_at=NOW
)
TYPE = "langfuse.observation.type"


def keys(url: str = "http://127.0.0.1:9") -> Settings:
    return load_settings(
        langfuse_public_key="pk-test", langfuse_secret_key="sk-test", langfuse_base_url=url
    )


@contextmanager
def tracing(settings: Settings, exporter=None) -> Iterator[Tracer]:
    tracer = open_tracing(settings, exporter)
    try:
        yield tracer
    finally:
        tracer.close()


def run_a_turn(tracer: Tracer) -> str:
    with tracer.turn(TURN) as traced:
        with tracer.stage("plan", "chain") as stage:
            stage.note(Plan(tools=("image_search",), reason="r", confidence=1, decided_by="rules"))
        with tracer.stage("image_search", "retriever", {"k": 6}) as stage:
            stage.note([], model="lite")
        with tracer.stage("answer", "generation") as stage:
            stage.note("A neutrophil.", model="lite")
        with tracer.stage("citations", "guardrail") as stage:
            stage.note(True)
        traced.note("A neutrophil.", status="grounded")
    return traced.trace_id


def test_without_keys_langfuse_is_not_even_imported():
    code = (
        "import sys; from agent.tracing import open_tracing; from agent.settings import Settings; "
        "open_tracing(Settings(langfuse_public_key='only one')).close(); "
        "sys.exit('langfuse' in sys.modules or 'opentelemetry' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_keys_a_turn_still_has_a_trace_id_of_32_hex_digits():
    tracer = NoTracer()
    assert int(run_a_turn(tracer), 16) >= 0


def test_a_turn_is_one_trace_with_its_stages_below_it():
    exporter = InMemorySpanExporter()
    with tracing(keys(), exporter) as tracer:
        trace_id = run_a_turn(tracer)
    spans = {s.name: s for s in exporter.get_finished_spans()}
    kinds = {name: s.attributes[TYPE] for name, s in spans.items()}
    assert kinds == {
        "turn": "agent", "plan": "chain", "image_search": "retriever", "answer": "generation",
        "citations": "guardrail",
    }  # fmt: skip
    assert {s.parent.span_id for n, s in spans.items() if n != "turn"} == {
        spans["turn"].context.span_id
    }
    assert {format(s.context.trace_id, "032x") for s in spans.values()} == {trace_id}
    assert {s.attributes["session.id"] for s in spans.values()} == {"s1"}


def test_llama_index_calls_join_the_trace_without_their_images():
    exporter, pixels = InMemorySpanExporter(), b"\x89PNG not to be sent" * 200
    message = ChatMessage(
        blocks=[ImageBlock(image=pixels, image_mimetype="image/png"), TextBlock(text="?")]
    )
    with tracing(keys(), exporter) as tracer, tracer.turn(TURN) as traced:
        Wrapping().chat([message])  # outside of a stage: not ours
        with tracer.stage("answer", "generation"):
            Wrapping().chat([message])
    spans = exporter.get_finished_spans()
    assert [s.name for s in spans] == ["turn", "answer", "Wrapping.chat"]
    assert {format(s.context.trace_id, "032x") for s in spans} == {traced.trace_id}
    encoded = base64.b64encode(pixels).decode()[40:104]
    assert not [s.name for s in spans if encoded in str(dict(s.attributes))]


def test_spans_that_would_be_billed_guessed_tokens_are_left_out():
    exporter = InMemorySpanExporter()
    billed = "X._prepare_chat_with_tools"
    with tracing(keys(), exporter) as t, t.turn(TURN), t.stage(billed, "generation"):
        pass
    assert [s.name for s in exporter.get_finished_spans()] == ["turn"]


def test_a_trace_reaches_the_server():
    with langfuse_recorder() as server, tracing(keys(server.url)) as tracer:
        trace_id = run_a_turn(tracer)
    assert {s["trace"] for s in server.spans} == {trace_id}


def test_the_same_keys_can_be_opened_again():
    for _ in range(2):
        exporter = InMemorySpanExporter()
        with tracing(keys(), exporter) as tracer:
            run_a_turn(tracer)
        assert len(exporter.get_finished_spans()) == 5


@pytest.mark.parametrize("mode", ["refuse", "hang", "fail"])
def test_a_dead_server_delays_neither_the_turn_nor_the_end_and_is_told_in_a_line(mode, caplog):
    with langfuse_recorder(mode) as server:
        url = "http://127.0.0.1:9" if mode == "refuse" else server.url
        tracer = open_tracing(keys(url))
        assert ends(lambda: run_a_turn(tracer))
        assert ends(tracer.close)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1 and said[0].startswith(f"Langfuse at {url} ")


def ends(work: Callable[[], object]) -> bool:
    """Whether work comes to its end at all: Langfuse's own limits let it take minutes."""
    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    return not thread.is_alive()


def test_a_process_that_forgets_to_close_still_ends_soon():
    code = (
        "import sys; sys.path.insert(0, 'tests/unit'); sys.path.insert(0, 'tests')\n"
        "from test_tracing import *\n"
        "run_a_turn(open_tracing(keys(sys.argv[1])))"
    )
    with langfuse_recorder("hang") as server:
        command = [sys.executable, "-c", code, server.url]
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # else minutes


def test_an_error_inside_a_stage_is_ours_and_is_raised():
    with (
        tracing(keys(), InMemorySpanExporter()) as tracer,
        pytest.raises(ZeroDivisionError),
        tracer.turn(TURN),
        tracer.stage("plan", "chain"),
    ):
        1 / 0  # noqa: B018


class Wrapping(MockLLM):
    """Answers a completion by way of its chat, as some of LlamaIndex's models do, and counts."""

    def complete(self, prompt: str, formatted: bool = False, **asked: object) -> CompletionResponse:
        return CompletionResponse(text=self.chat([ChatMessage(content=prompt)]).message.content)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **asked: object) -> ChatResponse:
        counted = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
        said = ChatMessage(role="assistant", content="Lobes.")
        return ChatResponse(message=said, additional_kwargs=counted)


def test_tokens_of_a_model_called_through_llama_index_are_counted_once():
    saved = list[Trace]()
    tracer = open_tracing(Settings(_env_file=None), save=saved.append)
    with tracer.turn(TURN), tracer.stage("answer", "generation") as stage:
        stage.note(Wrapping().complete("?").text, model="any")
    tracer.close()
    (trace,) = saved
    assert [(depth, o.kind, o.name) for depth, o in trace.tree()] == [
        (0, "agent", "turn"),
        (1, "generation", "answer"),
        (2, "generation", "Wrapping.chat"),
    ]
    assert trace.tokens() == {"input": 11, "output": 5, "total": 16}


def test_a_streamed_call_lasts_until_its_stream_ends():
    saved = list[Trace]()
    tracer = open_tracing(Settings(_env_file=None), save=saved.append)
    with tracer.turn(TURN), tracer.stage("answer", "generation") as stage:
        pieces = MockLLM().stream_complete("one two three")
        stage.begun()
        first = next(pieces)
        middle = datetime.now(UTC)
        *_, last = pieces
    tracer.close()
    (call,) = [o for o in saved[0].observations if o.name.startswith("MockLLM")]
    ended = call.started_at + timedelta(milliseconds=call.duration_ms)
    assert call.started_at < middle < ended and last.text.startswith(first.text)


def test_a_stage_outside_of_a_turn_is_not_recorded():
    saved = list[Trace]()
    tracer = open_tracing(Settings(_env_file=None), save=saved.append)
    with tracer.stage("plan", "chain") as stage:
        stage.note("nothing")
    tracer.close()
    assert not saved
