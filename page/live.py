"""The turn under way: its steps as they come, the answer as it is written, evidence as found.

Each look at the turn also lets Streamlit interrupt the script: Stop cancels the turn, any other
click only draws the page anew and the turn goes on. The page has a Stop button of its own, since
after Streamlit's the script may draw nothing more, not even that it was stopped.
"""

import time
from collections import defaultdict
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import StopException

from agent.turn import (
    AnswerDelta,
    PlanMade,
    ToolFinished,
    ToolName,
    ToolResult,
    ToolStarted,
    TurnDone,
    TurnEvent,
    TurnRecord,
)
from page import answer, turn
from page.conversation import Conversation, Running
from page.evidence import Numbers
from page.text import plain
from tools.errors import CytoscribeError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agent.assistant import Assistant


def follow(assistant: "Assistant", talk: Conversation, running: Running) -> None:
    """Draw the turn until it ends and is one of those shown."""
    turn.question(assistant, talk, running.turn.question, talk.fresh(running.turn.images))
    try:
        record = _watch(assistant, talk, running)
    except StopException:
        talk.stop()
        raise
    talk.running = None
    try:
        running.job.result()
    except CytoscribeError as error:
        talk.refuse(running.draft, str(error))
        return
    if record:
        talk.add(record)
    else:
        talk.end(running)


def _watch(assistant: "Assistant", talk: Conversation, running: Running) -> TurnRecord | None:
    record = None
    with st.chat_message("assistant"):
        st.button("Stop", key=f"stop-{running.turn.turn_id}", on_click=talk.stop)
        board = _Board(assistant, running)
        for event in running.job.follow():
            board.show(event)
            if isinstance(event, TurnDone):
                record = event.record
    return record


class _Board:
    """The places on the page that a turn under way fills."""

    def __init__(self, assistant: "Assistant", running: Running) -> None:
        self._assistant, self._running = assistant, running
        self._status = st.status("Working…", expanded=True)
        left, right = turn.columns(running.turn.turn_id)
        self._answer, self._panel = left.empty(), right.empty()
        self._started: dict[ToolName, list[DeltaGenerator]] = defaultdict(list)
        self._results: list[ToolResult] = []
        self._text = ""

    def show(self, event: TurnEvent | None) -> None:
        """Draw one event, or the passing of time."""
        seconds = time.monotonic() - self._running.started
        self._status.update(label=f"Working… {seconds:.0f} s")
        match event:
            case PlanMade(plan=plan):
                self._status.write(plain(answer.plan_line(plan)))
            case ToolStarted(tool=tool):
                line = self._status.empty()
                line.write(plain(f"… {answer.DOING[tool]}"))
                self._started[tool].append(line)
            case ToolFinished(result=result):
                self._finish(result)
            case AnswerDelta(text=text):
                self._text += text
                self._answer.html(answer.streaming(self._text))

    def _finish(self, result: ToolResult) -> None:
        started = self._started[result.tool]
        line = started.pop(0) if started else self._status.empty()
        line.write(plain(answer.result_line(result)))
        self._results.append(result)
        evidence = [e for result in self._results for e in result.evidence]
        numbers = Numbers(self._running.turn.turn_id, evidence)
        with self._panel.container():
            turn.draw_evidence(self._assistant, evidence, numbers, expanded=True)
