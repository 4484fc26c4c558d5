"""First questions for a newcomer, one of them on an image that we draw."""

import io

import streamlit as st
from PIL import Image

from page.conversation import Conversation, Draft, Upload
from tools import simulate

FULL_QUESTION = (
    "What cell is this, what do similar cases show, and what does the literature say about it in "
    "tumours?"
)
_WELCOME = (
    "Attach one or more microscopy images below and ask a question. The answer stands on what the "
    "model sees, on similar labelled cases and on PubMed passages. No image at hand? Try:"
)
_EXAMPLES = (  # label, question, kind and variant of image to draw
    (
        "A drawn white blood cell: what is it, and what is written of it?",
        FULL_QUESTION,
        ("cell", "neutrophil"),
    ),
    ("Drawn fluorescent nuclei: how many?", "How many nuclei are there?", ("nuclei", None)),
    (
        "No image: ask the literature",
        "What does the literature say about neutrophils and tumours?",
        None,
    ),
)


def draw(talk: Conversation) -> None:
    """A welcome, and buttons that ask."""
    with st.container():
        st.header("Ask about a cell image")
        st.write(_WELCOME)
        for label, question, drawing in _EXAMPLES:
            st.button(label, on_click=_ask, args=(talk, question, drawing))


def _ask(talk: Conversation, question: str, drawing: tuple[str, str | None] | None) -> None:
    talk.draft = Draft(question, (_drawn(*drawing),) if drawing else ())


def _drawn(kind: str, variant: str | None) -> Upload:
    """A simulated image as an upload (PNG)."""
    file = io.BytesIO()
    Image.fromarray(simulate.draw(kind, 7, variant).pixels).save(file, "PNG")
    return Upload(f"simulated-{kind}.png", file.getvalue())
