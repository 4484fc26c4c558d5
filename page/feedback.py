"""Thumbs, a comment and a role, sent once for a turn."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from agent.turn import Feedback
from page.conversation import Conversation
from page.text import plain
from tools.errors import CytoscribeError

if TYPE_CHECKING:
    from agent.assistant import Assistant


_THANKS = "Thank you, your feedback is stored."


@st.fragment
def draw(assistant: "Assistant", talk: Conversation, turn_id: str) -> None:
    """The form, or a thank-you once it was sent; redrawn alone, so that no answer is disturbed."""
    place = st.empty()
    if turn_id in talk.rated:
        place.caption(_THANKS)
        return
    with place.container():
        feedback = _form(assistant, turn_id)
        stored = feedback is not None and store(assistant, feedback)
    if stored:
        talk.rated.add(turn_id)
        place.caption(_THANKS)


def _form(assistant: "Assistant", turn_id: str) -> Feedback | None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Is this answer right and useful?", width="content")
        thumb = st.feedback("thumbs", key=f"thumb-{turn_id}")
    if thumb is None:
        return None
    form = st.form(f"feedback-{turn_id}", border=False)
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        comment = st.text_input("Comment (optional)", key=f"comment-{turn_id}", width=220)
        role = role_field(assistant, f"role-{turn_id}")
        sent = st.form_submit_button("Send feedback")
    if not sent:
        return None
    return Feedback(
        feedback_id=uuid.uuid4().hex,
        turn_id=turn_id,
        helpful=bool(thumb),
        comment=comment.strip() or None,
        role=role,
        given_at=datetime.now(UTC),
    )


def role_field(assistant: "Assistant", key: str) -> str | None:
    """Who speaks, without an account."""
    role: str = st.text_input(
        "Your role (optional)",
        assistant.settings.expert_role or "",
        key=key,
        placeholder="haematologist, …",
        width=160,
    )
    return role.strip() or None


def store(assistant: "Assistant", feedback: Feedback) -> bool:
    """Keep the feedback; False, and said why, where that failed."""
    try:
        assistant.give_feedback(feedback)
    except CytoscribeError as error:
        st.error(f"Not stored: {plain(str(error))} Please send it again.")
        return False
    return True
