"""Say what a vision-language model sees in a cell image: free text, and findings that were asked.

Findings are the answers to the closed questions of `tools/findings`, scored by the model as suffix
log-probabilities. First what the image shows, then only the questions that make sense for it. What
falls below the least probability is not claimed, and of an image that is unlike all that the model
was taught (a chart, a photograph, a blank) nothing is. How well the probabilities are calibrated is
the model's matter; this module reports them as they are.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.evidence import CaseEvidence, DescriptionEvidence, Finding
from tools.findings import (
    CELL_TYPE,
    KINDS,
    QUESTIONS,
    SUBJECT,
    SUBJECT_KINDS,
    Question,
    claimed,
    restated,
)
from tools.images import OpenedImage
from tools.protocols import Familiarity, Generated, ImageFeatures, VisionModel
from tools.weighing import CaseRule

ANSWER = "answer"  # name of the finding that holds the model's own words on the user's question
_UNCERTAIN = "Uncertain: "  # begins what a text says of its gaps
UNKNOWN_IMAGE = "This does not look like a cell image I can describe."


# What the closed questions answer anyway, or what asks for nothing in particular.
_GENERAL = re.compile(
    r"\b(describe|identify|classify|caption|name)\b|"
    r"\b(what|which) (type of |kind of )?(\w+ )?(cells?|tissue|stain(ing)?|modality)\b|"
    r"\bwhat('s| is| are) (this|that|it|these|shown|here|in (this|the))\b|"
    r"\bwhat (do|can) (you|we|i) see\b|\bwhat does \w+( \w+)? (show|look like)\b",
    re.IGNORECASE,
)
_DIAGNOSIS = re.compile(
    r"\b(malignan\w+|benign|cancer\w*|tumou?rs?|leuk(a?e)mi\w+|lymphoma\w*|diagnos\w+|disease\w*|"
    r"patholog\w+|abnormal\w*|normal|healthy|infect\w+|prognos\w+|treat\w*)\b",
    re.IGNORECASE,
)


def asks_for_a_diagnosis(words: str) -> bool:
    """Whether the words ask for a judgement that no model here was trained to give."""
    return bool(_DIAGNOSIS.search(words))


def particular_question(words: str) -> str:
    """The words, where they ask something of the image that is worth asking the model; else ""."""
    general = _GENERAL.search(words) or asks_for_a_diagnosis(words)
    return "" if general else words.strip()


def never() -> bool:
    """Nobody cancels."""
    return False


def describe_image(
    image: OpenedImage,
    features: ImageFeatures,
    model: VisionModel,
    min_probability: float,
    question: str | None = None,
    cancelled: Callable[[], bool] = never,
) -> DescriptionEvidence:
    """`describe_images` for a single image."""
    ids = [image.image_id]
    return describe_images(ids, features, model, min_probability, question, cancelled)[0]


def describe_images(
    image_ids: Sequence[str],
    features: ImageFeatures,
    model: VisionModel,
    min_probability: float,
    question: str | None = None,
    cancelled: Callable[[], bool] = never,
    advice: "Advice | None" = None,
) -> list[DescriptionEvidence]:
    """What is seen in each image of one vision pass, in order.

    `question`, where given, is also put to the model in the user's words; its answer becomes the
    finding `answer` if it is probable enough. `text` is what the model wrote without the statements
    that no finding bears out; a metric of generated text takes `generated_text`. An image that the
    model does not know is not described: its evidence says so, as its status does. `advice`, where
    given, weighs the attributes with those of similar cases, and the text says what was weighed.
    Raises Cancelled once `cancelled` says so.
    """
    likeness = features.familiarity or [None] * features.n
    if all(is_strange(each) for each in likeness):
        return [
            abstained(image_id, each, model.name)
            for image_id, each in zip(image_ids, likeness, strict=True)
        ]
    texts = model.describe(features, cancelled)
    answers = model.answer(features, question, cancelled) if question else [None] * features.n
    seen = _asked(features, model, min_probability, cancelled)
    counted = seen.take(advice) if advice else [()] * features.n
    said = zip(image_ids, texts, answers, counted, likeness, strict=True)
    return [
        abstained(image_id, each, model.name)
        if is_strange(each)
        else _evidence(
            image_id,
            text,
            (*_answered(answer, min_probability), *seen.findings(row)),
            model.name,
            each,
            cases,
        )
        for row, (image_id, text, answer, cases, each) in enumerate(said)
    ]


@dataclass(frozen=True)
class Advice:
    """The similar cases of each image, closest first, and how they weigh."""

    rule: CaseRule
    cases: Sequence[Sequence[CaseEvidence]]


def is_strange(likeness: Familiarity | None) -> bool:
    """Whether an image was found to be of no kind that the model knows."""
    return likeness is not None and not likeness.known


def abstained(image_id: str, likeness: Familiarity | None, model: str) -> DescriptionEvidence:
    """What is said of an image about which nothing can be said."""
    return DescriptionEvidence(
        image_id=image_id,
        text=UNKNOWN_IMAGE,
        model=model,
        status="abstained",
        familiarity=likeness.probability if likeness else None,
    )


def _evidence(
    image_id: str,
    written: Generated,
    found: tuple[Finding, ...],
    model: str,
    likeness: Familiarity | None,
    cases: Sequence[CaseEvidence],
) -> DescriptionEvidence:
    """The text says only what the findings bear out, and names what it is unsure of."""
    values = {f.name: f.value for f in found}
    kept = claimed(restated(written.text, values) if cases else written.text, values)
    unsure = f"{_UNCERTAIN}{', '.join(kept.uncertain)}." if kept.uncertain else ""
    return DescriptionEvidence(
        image_id=image_id,
        text=f"{kept.text} {unsure}".strip(),
        generated_text=written.text,
        findings=found,
        model=model,
        probability=written.probability,
        familiarity=likeness.probability if likeness else None,
        weighed_with=tuple(case.image_id for case in cases),
    )


def without_doubts(text: str) -> str:
    """A description's text without its last words, on what was uncertain."""
    return text.partition(_UNCERTAIN)[0].strip()


def _answered(answer: Generated | None, min_probability: float) -> tuple[Finding, ...]:
    if answer is None or not answer.text or answer.probability < min_probability:
        return ()
    return (Finding(name=ANSWER, value=answer.text, probability=answer.probability),)


def findings(
    features: ImageFeatures,
    model: VisionModel,
    min_probability: float,
    cancelled: Callable[[], bool] = never,
) -> list[tuple[Finding, ...]]:
    """The findings of each image; what is known of it decides what else is asked.

    All questions that can be asked at a time go to the model at once: for a cell those of every
    image, its type, and its attributes (three passes cost a lite checkpoint a tenth more than two
    would, and spare a large one the attributes of a platelet).
    """
    answers = _asked(features, model, min_probability, cancelled)
    return [tuple(answers.findings(row)) for row in range(features.n)]


def _asked(
    features: ImageFeatures, model: VisionModel, least: float, cancelled: Callable[[], bool]
) -> "_Answers":
    answers = _Answers(least)
    while asked := [q for q in QUESTIONS if answers.needed(q, range(features.n))]:
        each = model.score_all(features, [(q.prompt, q.options) for q in asked], cancelled)
        answers.scores.update(zip((q.name for q in asked), each, strict=True))
    return answers


class _Answers:
    """What was answered so far, and what it says of the questions that remain."""

    def __init__(self, least: float) -> None:
        self.scores: dict[str, NDArray[np.float64]] = {}  # name: (n images, n options)
        self._least = least

    def findings(self, row: int) -> Iterator[Finding]:
        applying = (q for q in QUESTIONS if self._applies(q, row))
        return (found for question in applying if (found := self._sure(question, row)))

    def take(self, advice: Advice) -> list[Sequence[CaseEvidence]]:
        """Weigh the attributes with similar cases; those that counted for each image."""
        counted: list[Sequence[CaseEvidence]] = []
        for row, cases in enumerate(advice.cases):
            cell_type = self._sure(CELL_TYPE, row) if self._applies(CELL_TYPE, row) else None
            seen = {name: of_all[row] for name, of_all in self.scores.items()}
            found = advice.rule.agreeing(cases, cell_type.value, seen) if cell_type else ()
            for question in QUESTIONS:
                if found and question.cell_types and question.name in seen:
                    pooled = advice.rule.weighed(seen[question.name], question, found)
                    self.scores[question.name][row] = pooled
            counted.append(found)
        return counted

    def needed(self, question: Question, rows: Iterable[int]) -> bool:
        return question.name not in self.scores and any(self._applies(question, r) for r in rows)

    def _applies(self, question: Question, row: int) -> bool:
        """Of an image of unknown kind only what every image can be asked."""
        subject = self._sure(SUBJECT, row)
        if subject is None:
            return question.applies_to == KINDS
        cell_type = self._sure(CELL_TYPE, row)
        return question.applies(
            SUBJECT_KINDS[subject.value], cell_type.value if cell_type else None
        )

    def _sure(self, question: Question, row: int) -> Finding | None:
        if question.name not in self.scores:
            return None
        return _finding(question, self.scores[question.name][row], self._least)


def _finding(question: Question, scores: NDArray[np.float64], least: float) -> Finding | None:
    best = int(scores.argmax())
    probability = min(float(scores[best]), 1.0)  # a rounding above 1 is not a probability
    if probability < least:
        return None
    value = question.options[best]
    return Finding(
        name=question.name,
        value=value,
        unit=question.unit,
        probability=probability,
        ontology_id=question.ontology_id(value),
    )
