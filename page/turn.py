"""One question and its answer in the chat, once the turn has ended."""

import io
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from agent.turn import TurnRecord
from page import answer, feedback, region, review
from page.conversation import Conversation, Draft, Shown, Upload
from page.evidence import Numbers, panels
from page.text import plain
from tools.errors import CytoscribeError, StoreUnavailableError
from tools.evidence import Evidence

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agent.assistant import Assistant

_PICTURE_SIDE = 320  # pixels


def draw(assistant: "Assistant", talk: Conversation, shown: Shown, *, newest: bool) -> None:
    """A turn that has ended; only the newest has its evidence unfolded."""
    question(assistant, talk, shown.question, shown.images)
    with st.chat_message("assistant"):
        if shown.record:
            _answered(assistant, talk, shown.record, newest=newest)
        elif shown.problem:
            _refused(talk, shown)


def question(assistant: "Assistant", talk: Conversation, words: str, images: Sequence[str]) -> None:
    """The user's words and pictures."""
    with st.chat_message("user"):
        st.write(plain(words))
        if images:
            with st.container(horizontal=True):
                for image_id in images:
                    _picture(assistant, image_id, talk.number(image_id))


def _picture(assistant: "Assistant", image_id: str, number: int | None) -> None:
    try:
        data, caption = _upload(image_id, assistant)
    except CytoscribeError as error:
        st.caption(plain(str(error)))
        return
    named = f"image {number}, {caption}" if number else caption
    st.image(data, caption=plain(named), alt=f"Your image {image_id}", width=220)


@st.cache_data(max_entries=256, show_spinner=False)
def _upload(image_id: str, _assistant: "Assistant") -> tuple[bytes, str]:
    """A stored upload as a browser can show it, and what was converted to open it."""
    opened = _assistant.images.open(image_id)
    pixels = opened.pixels.copy()
    pixels.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
    file = io.BytesIO()
    pixels.save(file, "PNG")
    return file.getvalue(), "; ".join(opened.notes) or "your image"


@st.cache_data(max_entries=4096, show_spinner=False)
def _thumbnail(image_id: str, _assistant: "Assistant") -> bytes | None:
    jpeg: bytes | None = _assistant.store.thumbnail(image_id)
    return jpeg


def _thumbnail_if_reachable(assistant: "Assistant", image_id: str) -> bytes | None:
    try:
        return _thumbnail(image_id, assistant)
    except StoreUnavailableError:
        return None


def _refused(talk: Conversation, shown: Shown) -> None:
    st.error(plain(shown.problem or ""))
    if shown.again:
        st.button("Try again", key=f"again-{id(shown)}", on_click=talk.retry, args=(shown,))


def _answered(
    assistant: "Assistant", talk: Conversation, record: TurnRecord, *, newest: bool
) -> None:
    seconds = sum(result.latency_ms for result in record.results) / 1000
    with st.status(f"Answered in {seconds:.1f} s", state="complete"):
        st.write(plain(answer.plan_line(record.plan)))
        for result in record.results:
            st.write(plain(answer.result_line(result)))
    evidence = list(record.evidence().values())
    numbers = Numbers(record.turn.turn_id, evidence)
    if newest and _missed_the_database(record):
        st.warning("The database could not be reached, so parts of the answer are missing.")
        st.button("Ask again", on_click=_ask_again, args=(assistant, talk, record))
    left, right = columns(record.turn.turn_id)
    with left:
        st.html(answer.final(record, numbers))
        feedback.draw(assistant, talk, record.turn.turn_id)
        review.draw(assistant, talk, record)
        if newest and len(record.turn.images) == 1:
            region.draw(assistant, talk, record.turn.turn_id, record.turn.images[0])
    with right:
        draw_evidence(assistant, evidence, numbers, expanded=newest)


def _missed_the_database(record: TurnRecord) -> bool:
    errors = [result.error for result in record.results if result.error]
    return any(error.kind == StoreUnavailableError.__name__ for error in errors)


def _ask_again(assistant: "Assistant", talk: Conversation, record: TurnRecord) -> None:
    images = record.turn.images
    uploads = tuple(Upload(i, assistant.images.path(i).read_bytes()) for i in images)
    talk.draft = Draft(record.turn.question, uploads)


def columns(turn_id: str) -> "tuple[DeltaGenerator, DeltaGenerator]":
    """A place for the answer, and one beside it that scrolls by itself for the evidence."""
    left, right = st.columns(2, gap="medium")
    return left, right.container(key=f"evidence-{turn_id}")


def draw_evidence(
    assistant: "Assistant", evidence: Sequence[Evidence], numbers: Numbers, *, expanded: bool
) -> None:
    for panel in panels(evidence, numbers, partial(_thumbnail_if_reachable, assistant)):
        with st.expander(panel.title, expanded=expanded):
            st.html(panel.html)
