"""Ask about a part of an image: choose it by its edges, see it, and ask.

The part becomes an image of its own, so that it is described, measured and compared like any other.
"""

from typing import TYPE_CHECKING

import streamlit as st

from page.conversation import Conversation, Draft, Upload
from page.text import plain
from tools.errors import CytoscribeError
from tools.images import OpenedImage, Region, as_png, crop

if TYPE_CHECKING:
    from agent.assistant import Assistant

QUESTION = "What does this part of the image show, and which cases resemble it?"
_PREVIEW = 220  # pixels wide
Edges = tuple[float, float]  # percent of the image's side


@st.fragment
def draw(assistant: "Assistant", talk: Conversation, turn_id: str, image_id: str) -> None:
    """The form, folded; redrawn alone while the edges move."""
    with st.expander("Ask about a part of the image"):
        try:
            opened = assistant.images.open(image_id)
        except CytoscribeError as error:
            st.caption(plain(str(error)))
            return
        across = _edges("Left and right edge, % of the width", f"across-{turn_id}")
        down = _edges("Upper and lower edge, % of the height", f"down-{turn_id}")
        if across[0] == across[1] or down[0] == down[1]:
            st.caption("Move the edges apart.")
            return
        data = _part(opened, across, down)
        st.image(data, width=_PREVIEW, alt="The part that is asked about")
        question = st.text_input("Question", QUESTION, key=f"part-question-{turn_id}")
        if st.button("Ask about this part", key=f"part-{turn_id}"):
            talk.draft = Draft(question.strip() or QUESTION, (Upload("part.png", data),))
            st.rerun()


def _edges(label: str, key: str) -> Edges:
    chosen: Edges = st.slider(label, 0.0, 100.0, (25.0, 75.0), step=1.0, key=key)
    return chosen


def _part(opened: OpenedImage, across: Edges, down: Edges) -> bytes:
    """The part as a PNG file."""
    width, height = opened.pixels.size
    (left, right), (top, bottom) = across, down
    region = Region(
        round(width * left / 100), round(height * top / 100),
        round(width * right / 100), round(height * bottom / 100),
    )  # fmt: skip
    return as_png(crop(opened.pixels, region))
