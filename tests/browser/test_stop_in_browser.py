"""Stopping a turn, on an assistant that takes its time."""

from pathlib import Path

import pytest
from page_server import page_server

SCRIPTED = Path(__file__).parents[1] / "unit" / "scripted_page.py"


@pytest.fixture(scope="module")
def served():
    command = ("streamlit", "run", str(SCRIPTED), "--server.port={port}")
    with page_server(*command) as server:
        yield server


def test_a_stopped_turn_says_so_and_can_be_asked_again(window):
    window.send("What cell is this?")
    window.stop()
    with window.next_outcome():
        window.press("Try again")
    assert "This is a neutrophil." in window.outcome() and not window.tracebacks()
