"""What one browser tab knows of its session: the turns shown, the one under way, the next draft.

The session itself lives in the database under the id in the address (`?session=`), so that a
reload or another tab shows the same; this is the tab's copy. It draws nothing.
"""

import re
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from agent.turn import Feedback, TurnEvent, TurnRecord, UserTurn
from page.background import Job

if TYPE_CHECKING:
    from agent.assistant import Assistant

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
DEFAULT_QUESTION = "What does this image show?"


@dataclass(frozen=True)
class Upload:
    name: str
    data: bytes


@dataclass(frozen=True)
class Draft:
    """What the user wants to ask."""

    question: str
    uploads: tuple[Upload, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A question in the chat, with its answer or the reason why there is none."""

    question: str
    images: tuple[str, ...] = ()  # ids of the images that came with it
    record: TurnRecord | None = None
    problem: str | None = None
    again: Draft | None = None  # asked once more by "Try again"


@dataclass(frozen=True)
class Running:
    """The turn under way; its job goes on while the script runs anew."""

    draft: Draft
    turn: UserTurn
    job: "Job[TurnEvent, None]"
    started: float = field(default_factory=time.monotonic)


class Conversation:
    """The copy of one session that a tab holds."""

    def __init__(self, session_id: str, records: list[TurnRecord]) -> None:
        self.session_id = session_id
        self.shown: list[Shown] = []
        self.running: Running | None = None
        self.draft: Draft | None = None
        self.rated: set[str] = set()  # turns whose answer was rated
        self.reviewed: set[str] = set()  # turns whose findings or description were
        for record in records:
            self.add(record)

    def add(self, record: TurnRecord) -> None:
        """Show an answered turn, with those images that no earlier turn has shown."""
        fresh = self.fresh(record.turn.images)
        self.shown.append(Shown(record.turn.question, fresh, record))

    def remember(self, given: Iterable[Feedback]) -> None:
        """Note what was said of turns already."""
        for feedback in given:
            if feedback.rates:
                self.rated.add(feedback.turn_id)
            if feedback.reviews:
                self.reviewed.add(feedback.turn_id)

    def fresh(self, images: Sequence[str]) -> tuple[str, ...]:
        """Those of a turn's images that no earlier turn has shown."""
        before = {image for shown in self.shown for image in shown.images}
        return tuple(image for image in images if image not in before)

    def number(self, image_id: str) -> int | None:
        """Which image of the session it is, from 1, as the agent counts; None for a lone one."""
        turns = [shown.record.turn for shown in self.shown if shown.record]
        turns += [self.running.turn] if self.running else []
        order = list(dict.fromkeys(image for turn in turns for image in turn.images))
        return order.index(image_id) + 1 if image_id in order and len(order) > 1 else None

    def refuse(self, draft: Draft, problem: str, *, again: bool = True) -> None:
        """Show why a draft has no answer; with `again`, it may be asked once more."""
        self.shown.append(Shown(draft.question, problem=problem, again=draft if again else None))

    def retry(self, refused: Shown) -> None:
        """Ask once more, in place of what was refused."""
        self.shown.remove(refused)
        self.draft = refused.again

    def begin(self, assistant: "Assistant", draft: Draft) -> None:
        """Start a turn in the background. Raises BadImageError that names the upload."""
        for upload in draft.uploads:
            assistant.images.put(upload.data, upload.name)
        data = [upload.data for upload in draft.uploads]
        turn = assistant.new_turn(self.session_id, draft.question, data)
        self.running = Running(draft, turn, _answering(assistant, turn))

    def stop(self) -> None:
        """Cancel the turn under way."""
        if self.running:
            self.running.job.cancel()
            self.end(self.running)

    def end(self, running: Running) -> None:
        """Note that a turn ended before it had an answer."""
        self.running = None
        fresh = self.fresh(running.turn.images)
        self.shown.append(Shown(running.turn.question, fresh, None, "Stopped.", running.draft))


def _answering(assistant: "Assistant", turn: UserTurn) -> "Job[TurnEvent, None]":
    def work(publish: Callable[[TurnEvent], None], cancelled: Callable[[], bool]) -> None:
        for event in assistant.stream(turn, cancelled):
            publish(event)

    return Job(work)


def current(assistant: "Assistant") -> Conversation:
    """This tab's conversation, read from the database when its session is new to the tab."""
    talk = st.session_state.get("conversation")
    session_id = st.query_params.get("session", "")
    if talk and not session_id:  # back from another page, whose address has no session
        session_id = st.query_params["session"] = talk.session_id
    if not _SESSION_ID.fullmatch(session_id):
        session_id = st.query_params["session"] = uuid.uuid4().hex
    if talk is None or talk.session_id != session_id:
        records = assistant.history(session_id)
        talk = Conversation(session_id, records)
        for record in records:
            talk.remember(
                map(Feedback.model_validate_json, assistant.store.feedback(record.turn.turn_id))
            )
        st.session_state.conversation = talk
    return talk


def switch(session_id: str | None = None) -> None:
    """Go to a session, or to a new one; what is under way here is stopped."""
    talk = st.session_state.pop("conversation", None)
    if talk and talk.running:
        talk.running.job.cancel()
    st.query_params["session"] = session_id or uuid.uuid4().hex
