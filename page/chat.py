"""The chat of one tab: take what is asked, draw what was answered, follow what is under way."""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from page import conversation, examples, live, sidebar, turn
from page.conversation import DEFAULT_QUESTION, Conversation, Draft, Upload
from page.text import plain
from tools.errors import BadImageError, CytoscribeError
from tools.images import SUFFIXES

if TYPE_CHECKING:
    from agent.assistant import Assistant

NOTICE = "Research use only — not for diagnosis."


def dress() -> None:
    """Title, style, and the notice that is always in sight."""
    st.set_page_config("Cytoscribe", page_icon="🔬", layout="wide")
    st.html(Path(__file__).with_name("style.css"))
    st.bottom.html(f'<p class="research-only">{NOTICE}</p>')


def chat(assistant: "Assistant") -> None:
    """The conversation of this tab, with a place to ask."""
    talk = _conversation(assistant)
    sidebar.draw(assistant)
    _take_input(assistant, talk)
    draft = None
    if not talk.running:  # else it waits until the turn under way is answered
        draft, talk.draft = talk.draft, None
    with st.empty():  # one place, so that the welcome goes as soon as something is asked
        if not (talk.shown or talk.running or draft):
            examples.draw(talk)
    for shown in talk.shown:
        turn.draw(assistant, talk, shown, newest=shown is talk.shown[-1])
    if draft:
        _begin(assistant, talk, draft)
    if talk.running:
        live.follow(assistant, talk, talk.running)
        st.rerun()


def _conversation(assistant: "Assistant") -> Conversation:
    try:
        return conversation.current(assistant)
    except CytoscribeError as error:
        st.error(plain(str(error)))
        st.button("Try again")
        st.stop()


def _take_input(assistant: "Assistant", talk: Conversation) -> None:
    typed = st.chat_input(
        "Ask about a cell image",
        accept_file="multiple",
        file_type=SUFFIXES,
        max_upload_size=assistant.settings.max_upload_mb,
    )
    if typed:
        uploads = tuple(Upload(file.name, file.getvalue()) for file in typed.files)
        talk.draft = Draft(typed.text.strip() or DEFAULT_QUESTION, uploads)


def _begin(assistant: "Assistant", talk: Conversation, draft: Draft) -> None:
    try:
        talk.begin(assistant, draft)
    except CytoscribeError as error:
        talk.refuse(draft, str(error), again=not isinstance(error, BadImageError))
        st.rerun()
