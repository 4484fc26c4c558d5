"""What a review says of each thing that the model said of an image.

A mark, a corrected finding, the label and the description become corrections: the model's value
and the human's, side by side. It stores nothing.
"""

from collections.abc import Iterator, Mapping

from agent.turn import Feedback, TurnRecord
from agent.wording import HEADLINES, headline
from tools.corrections import CLASS, DESCRIPTION, MEASURED, Correction
from tools.describe_image import ANSWER, without_doubts
from tools.errors import BadInputError
from tools.evidence import DescriptionEvidence, Finding
from tools.findings import BY_NAME


def corrections(feedback: Feedback, record: TurnRecord) -> list[Correction]:
    """The corrections that a review of the turn holds; none where it reviews nothing.

    Raises:
        BadInputError: it speaks of an image or a finding that the turn does not have, or marks
            right what its label corrects.
    """
    if not feedback.reviews:
        return []
    seen = reviewed(feedback.image_id, record)
    said = {f.name: f for f in seen.findings}
    return [
        Correction(
            feedback_id=feedback.feedback_id,
            turn_id=feedback.turn_id,
            session_id=record.turn.session_id,
            image_id=seen.image_id,
            name=f"{ANSWER}:{record.turn.question}" if name == ANSWER else name,
            human_value=value,
            reviewer=_reviewer(feedback, record),
            role=feedback.role,
            given_at=feedback.given_at,
            **_of_the_model(name, seen, said),
        )
        for name, value in _true_values(feedback, seen, said)
    ]


def reviewed(image_id: str | None, record: TurnRecord) -> DescriptionEvidence:
    """What was said of that image in the turn; BadInputError where that is nothing."""
    every = [e for e in record.evidence().values() if isinstance(e, DescriptionEvidence)]
    found = [e for e in every if image_id in (None, e.image_id)]
    if len(found) == 1 or (found and image_id):
        return found[-1]
    known = ", ".join(e.image_id for e in every) or "none"
    raise BadInputError(f"name the image that was reviewed, not {image_id!r}; described: {known}")


def label_name(label: str, seen: DescriptionEvidence) -> str:
    """The question that a label answers, first the one that names what is seen; else CLASS."""
    main = headline(seen)
    names = (main.name, *HEADLINES) if main else HEADLINES
    return next((name for name in names if label in BY_NAME[name].options), CLASS)


def _true_values(
    feedback: Feedback, seen: DescriptionEvidence, said: Mapping[str, Finding]
) -> Iterator[tuple[str, str | None]]:
    """Name and true value of everything reviewed; None: wrong, and no more is known."""
    truth: dict[str, str | None] = dict(feedback.corrected_findings)
    for name, right in feedback.finding_marks.items():
        if name != DESCRIPTION and name not in said:
            raise BadInputError(f"{name!r} was marked, and nothing of it was found in the image")
        told = _of_the_model(name, seen, said)["model_value"]
        truth.setdefault(name, str(told) if right else None)
    if feedback.corrected_label:
        name = label_name(feedback.corrected_label, seen)
        if feedback.finding_marks.get(name) and said[name].value != feedback.corrected_label:
            raise BadInputError(f"{name} is marked right, and the label says otherwise")
        truth[name] = feedback.corrected_label
    if feedback.corrected_description:
        truth[DESCRIPTION] = feedback.corrected_description
    yield from truth.items()


def _of_the_model(
    name: str, seen: DescriptionEvidence, said: Mapping[str, Finding]
) -> dict[str, str | float | None]:
    """The model's side: its value, how sure it was, and who it is."""
    if name == DESCRIPTION:
        text = without_doubts(seen.text)
        return {"model_value": text, "probability": seen.probability, "model": seen.model}
    found = said.get(name)
    if found is None:
        return {"model_value": None, "probability": None, "model": seen.model}
    model = MEASURED if found.origin == "measured" else seen.model
    return {"model_value": found.value, "probability": found.probability, "model": model}


def _reviewer(feedback: Feedback, record: TurnRecord) -> str:
    initials = " ".join((feedback.reviewer or "").split()).casefold()
    return initials or f"session {record.turn.session_id}"
