"""Feedback as scores, in the words of Langfuse. It stores and sends nothing."""

from collections.abc import Iterator
from typing import Literal

from agent.turn import Feedback
from tools.score import Score

LONGEST_VALUE = 500  # characters that Langfuse takes; the details hold the whole text


def scores(feedback: Feedback, trace_id: str) -> Iterator[Score]:
    """One score for each thing that was said; its details are all that was said with it."""
    details = feedback.model_dump(mode="json", exclude_none=True, exclude={"comment", "helpful"})
    for name, value in _said(feedback):
        kind: Literal["BOOLEAN", "CATEGORICAL"] = (
            "BOOLEAN" if isinstance(value, bool) else "CATEGORICAL"
        )
        yield Score(
            score_id=f"{feedback.feedback_id}-{name}",
            trace_id=trace_id,
            name=name,
            value=value[:LONGEST_VALUE] if isinstance(value, str) else float(value),
            data_type=kind,
            comment=feedback.comment,
            details=details,
            created_at=feedback.given_at,
        )


def _said(feedback: Feedback) -> Iterator[tuple[str, bool | str]]:
    if feedback.helpful is not None:
        yield "user_feedback", feedback.helpful
    elif feedback.comment:
        yield "user_comment", feedback.comment
    for finding, right in feedback.finding_marks.items():
        yield f"finding_{finding}", right
    for finding, value in feedback.corrected_findings.items():
        yield f"corrected_{finding}", value
    if feedback.corrected_label:
        yield "corrected_label", feedback.corrected_label
    if feedback.corrected_description:
        yield "corrected_description", feedback.corrected_description
