"""A professional's review of what the model saw: right or wrong, the label, the description."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from agent.turn import Feedback, TurnRecord
from agent.wording import HEADLINES
from page.conversation import Conversation
from page.feedback import role_field, store
from page.text import plain, shortened
from tools.corrections import DESCRIPTION
from tools.describe_image import without_doubts
from tools.evidence import DescriptionEvidence, Finding
from tools.findings import BY_NAME, SUBJECT

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from agent.assistant import Assistant

RIGHT, WRONG = "right", "wrong"
_STORED = "Your review is stored beside what the model said; the newest one of a reviewer counts."
_LONGEST = 60  # characters of a finding shown before its mark


@st.fragment
def draw(assistant: "Assistant", talk: Conversation, record: TurnRecord) -> None:
    """The form, folded, wherever an image was described; redrawn alone."""
    seen = [e for e in record.evidence().values() if isinstance(e, DescriptionEvidence)]
    if not seen:
        return
    turn_id = record.turn.turn_id
    with st.expander("Review what the model saw"):
        place, below = st.empty(), st.empty()
        if turn_id in talk.reviewed:
            _stored(place, below, talk, turn_id)
            return
        with place.container():
            review = _form(assistant, turn_id, _chosen(turn_id, seen))
            kept = review is not None and store(assistant, review)
        if kept:
            talk.reviewed.add(turn_id)
            _stored(place, below, talk, turn_id)


def _stored(
    place: "DeltaGenerator", below: "DeltaGenerator", talk: Conversation, turn_id: str
) -> None:
    place.caption(_STORED)
    again = talk.reviewed.discard
    below.button("Review again", key=f"again-review-{turn_id}", on_click=again, args=(turn_id,))


def _chosen(turn_id: str, seen: Sequence[DescriptionEvidence]) -> DescriptionEvidence:
    """The image to review; asked for where there are several."""
    if len(seen) == 1:
        return seen[0]
    number = st.radio(
        "Image", range(len(seen)), format_func=lambda n: f"{n + 1}: {shortened(seen[n].text, 40)}",
        key=f"reviewed-{turn_id}",
    )  # fmt: skip
    return seen[number]


def _form(assistant: "Assistant", turn_id: str, seen: DescriptionEvidence) -> Feedback | None:
    """What was marked and written, once it is sent; nothing of it is needed but one thing."""
    key = f"{turn_id}-{seen.image_id}"
    marks, corrected = dict[str, bool](), dict[str, str]()
    for finding in seen.findings:
        if (right := _mark(finding, key)) is not None:
            marks[finding.name] = right
        if right is False and (truth := _truth(finding, key)):
            corrected[finding.name] = truth
    label = _label(key)
    description = _description(seen, marks, key)
    with st.container(horizontal=True):
        role = role_field(assistant, f"review-role-{key}")
        reviewer = st.text_input(
            "Your initials (optional)", key=f"initials-{key}", width=160,
            help="They tell the reviewers of an image apart. No account is needed.",
        )  # fmt: skip
    sent = st.button("Send review", key=f"send-review-{key}")
    if not sent:
        return None
    if not (marks or label or description):
        st.info("Nothing was marked or corrected yet.")
        return None
    return Feedback(
        feedback_id=uuid.uuid4().hex,
        turn_id=turn_id,
        image_id=seen.image_id,
        finding_marks=marks,
        corrected_findings=corrected,
        corrected_label=label,
        corrected_description=description,
        role=role,
        reviewer=reviewer.strip() or None,
        given_at=datetime.now(UTC),
    )


def _mark(finding: Finding, key: str) -> bool | None:
    said = f"{finding.name.replace('_', ' ')}: {finding.value} {finding.unit or ''}".strip()
    return _right(said, f"mark-{finding.name}-{key}")


def _right(said: str, key: str) -> bool | None:
    """Right, wrong, or not judged."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(plain(shortened(said, _LONGEST)), width="stretch")
        mark = st.segmented_control(
            said, (RIGHT, WRONG), key=key, label_visibility="collapsed", width="content"
        )
    return None if mark is None else mark == RIGHT


def _truth(finding: Finding, key: str) -> str | None:
    """What is true instead: an answer that the question allows, else any words."""
    what = f"{finding.name.replace('_', ' ')}, in truth"
    key = f"truth-{finding.name}-{key}"
    if question := BY_NAME.get(finding.name):
        options = [option for option in question.options if option != finding.value]
        chosen: str | None = st.selectbox(
            what, options, index=None, key=key, placeholder="not known"
        )
        return chosen
    words: str = st.text_input(what, key=key, placeholder="not known")
    return words.strip() or None


def _label(key: str) -> str | None:
    """The right name of what is shown, in the schema's words or in the reviewer's."""
    names = [name for name in HEADLINES if name != SUBJECT.name]
    known = dict.fromkeys(option for name in names for option in BY_NAME[name].options)
    label: str | None = st.selectbox(
        "Label", list(known), index=None, key=f"label-{key}", accept_new_options=True,
        placeholder="what the image shows, if the model named it wrong or not at all",
    )  # fmt: skip
    return (label or "").strip() or None


def _description(seen: DescriptionEvidence, marks: dict[str, bool], key: str) -> str | None:
    """The text as it should be, where it was changed; else a mark for it, where one was set."""
    text = without_doubts(seen.text)
    words: str = st.text_area("Description", text, key=f"description-{key}", height=100)
    if words.strip() != text:
        return words.strip() or None
    if (right := _right("the description", f"mark-{DESCRIPTION}-{key}")) is not None:
        marks[DESCRIPTION] = right
    return None
