"""The Traces page in a real browser, over the turns of the chat beside it."""

import io

import pytest
from PIL import Image
from trace_window import TraceWindow

from page.examples import FULL_QUESTION
from tools import simulate


@pytest.fixture
def traces(browser) -> TraceWindow:
    return TraceWindow(browser)


def drawn() -> bytes:
    file = io.BytesIO()
    Image.fromarray(simulate.draw("cell", 7, "neutrophil").pixels).save(file, "PNG")
    return file.getvalue()


def test_a_turn_of_the_chat_is_found_with_its_tree_times_and_evidence(window, traces, tmp_path):
    picture = tmp_path / "cell.png"
    picture.write_bytes(drawn())
    said = window.ask(FULL_QUESTION, picture)
    traces.open()
    rows = traces.rows()
    assert rows[0].name == "turn" and rows[0].kind == "agent"
    assert {"plan", "describe_image", "literature_search", "embed_query", "citations"} <= {
        row.name for row in rows
    }
    assert all(0 <= row.ms <= rows[0].ms for row in rows)
    described = next(row for row in rows if row.name == "describe")
    assert described.depth > rows[0].depth and described.tokens
    assert said.split("[")[0] in traces.answer()
    assert traces.evidence_titles() and not window.tracebacks()


def test_the_link_below_an_answer_leads_to_its_trace(window, traces):
    window.ask("What is known about the neutrophil nucleus?")
    trace_id = traces.linked()
    window.ask("Which papers are about monocytes?")
    traces.open(trace_id)
    assert trace_id in traces.about()


def test_a_trace_that_is_not_there_is_named_and_another_shown(window, traces):
    window.ask("What is known about the neutrophil nucleus?")
    traces.open("f" * 32)
    assert "There is no trace ffff" in window.page_text() and traces.rows()
