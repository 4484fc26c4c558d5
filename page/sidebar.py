"""Beside the chat: sessions, the model, what the library holds and how to add to it."""

from typing import TYPE_CHECKING

import streamlit as st

from page import conversation
from page.text import plain, shortened
from tools.errors import StoreUnavailableError
from tools.starter import real_pictures

if TYPE_CHECKING:
    from agent.assistant import Assistant

_RECENT = 6
_INGEST = """cytoscribe ingest images FOLDER
cytoscribe ingest literature FILE
cytoscribe ingest pubmed --query "…" --max 50"""


def draw(assistant: "Assistant") -> None:
    """Draw the whole sidebar; an unreachable database only leaves gaps in it."""
    with st.sidebar:
        st.title("Cytoscribe")
        st.button(
            "New session", icon=":material/add:", on_click=conversation.switch, width="stretch"
        )
        st.subheader("Model")
        st.write(plain(assistant.model.name))
        try:
            _library(assistant)
            _recent(assistant)
        except StoreUnavailableError:
            st.warning("The database cannot be reached right now.")


def _library(assistant: "Assistant") -> None:
    counts = assistant.store.counts()
    images, simulated = counts["images"], counts["simulated_images"]
    st.subheader("Library")
    drawn = f" ({simulated:,} simulated)" if simulated else ""
    papers = f"{counts['articles']:,} articles, {counts['passages']:,} passages"
    st.write(f"{images:,} images{drawn}  \n{papers}")
    if images - simulated <= len(real_pictures()):
        st.info("Only the starter library is loaded.")
        with st.expander("Add your own images and papers"):
            st.code(_INGEST, language=None, wrap_lines=True)


def _recent(assistant: "Assistant") -> None:
    here = st.query_params.get("session")
    others = [s for s in assistant.store.sessions(_RECENT) if s[0] != here]
    if others:
        st.subheader("Recent sessions")
    for session_id, question, when in others:
        st.button(
            plain(shortened(question, 42)),
            key=f"session-{session_id}",
            help=f"{when:%Y-%m-%d %H:%M}",
            type="tertiary",
            on_click=conversation.switch,
            args=(session_id,),
        )
