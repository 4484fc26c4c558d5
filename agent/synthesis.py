"""Write the answer from the evidence of a turn: extractive, every claim citing what it stands on.

What the image shows is said in the words of the model's findings, similar cases are counted, the
literature is quoted. A tool that failed or found nothing becomes a stated gap; what is seen and
what the similar cases are labelled is compared, and a contradiction is told. Nothing here looks at
an image or searches; it cannot know whether a passage is true.

The confidence of an answer is the mean over the planned parts, halved where image and cases
disagree: the image's part counts the probability of its main finding, the cases' part their mean
similarity times the share that agrees on a label, the literature's part the best probability that a
passage answers; a part with a gap counts 0. It orders answers; it is not calibrated.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from agent.cases import cases_part, unknown_image
from agent.comparing import comparison
from agent.literature import Rewriter, literature_part
from agent.material import Material, Part, clip, gap
from agent.premise import corrected, led
from agent.turn import GroundedAnswer, Sentence, ToolError, ToolName, ToolResult
from agent.wording import (
    SETTING,
    article,
    beside_cases,
    details,
    free_answer,
    headline,
    setting,
    sure,
)
from tools.describe_image import asks_for_a_diagnosis
from tools.evidence import DescriptionEvidence, Finding
from tools.protocols import TextEncoder

NOTICE = Sentence(text="Research use only; not a diagnosis.", kind="notice")
EXTRACTIVE = "extractive"

LEAST_TEXT_PROBABILITY = 0.5  # mean over its tokens; a description below is not told

UNSURE = "The model is not sure enough of anything in the image to claim it."
DIAGNOSIS = (
    "Whether this is a sign of disease cannot be told from this image here: the model is not asked"
    " for a diagnosis."
)
MARK_ONE = (
    "The image is a field of many cells, and what is said is about the field: mark one cell of it"
    " to ask about that cell alone."
)
_ONE_CELL = re.compile(
    r"\b(this|that|the|my|which|what|its) (\w+ )?(cell|leu[ck]ocyte|nucleus)\b", re.IGNORECASE
)
OUT_OF_SCOPE = (
    "This assistant answers questions about cell images, cases that resemble them and the"
    " literature; this question seems to be about something else."
)
PARTS: dict[ToolName, str] = {
    "describe_image": "The image could not be described",
    "image_search": "Similar cases could not be searched",
    "literature_search": "The literature could not be searched",
}
NOT_LOOKED_UP = (
    "The literature was not searched: it was asked for on what the image shows, and that is"
    " unknown."
)
WITHOUT_IMAGE: dict[ToolName, str] = {
    "describe_image": "There is no image to describe yet: add one and ask again.",
    "image_search": "There is no image to find similar cases for yet: add one and ask again.",
    "literature_search": "",
}
REASONS = {"StoreUnavailableError": "the database is not reachable"}


class Synthesis:
    """Writes answers part by part, so that the first sentences need not wait for the last."""

    def __init__(self, encoder: TextEncoder, rewriter: Rewriter | None = None) -> None:
        self._encoder, self._rewriter = encoder, rewriter

    @property
    def model(self) -> str:
        """What writes the sentences."""
        return f"{EXTRACTIVE} + {self._rewriter.name}" if self._rewriter else EXTRACTIVE

    def parts(self, material: Material) -> Iterator[Part]:
        """The parts in reading order; the last one is the notice."""
        if material.plan.outcome == "out_of_scope":
            yield Part((Sentence(text=OUT_OF_SCOPE, kind="gap"),))
        elif material.missing:
            yield Part((_no_such_image(material),))
        elif material.plan.outcome == "needs_image":
            yield Part((gap(WITHOUT_IMAGE["describe_image"]),))
        for result in material.of("describe_image"):
            yield _of(material, result, _failed(result) or _image_part(material, result))
        if compared := comparison(material):
            yield compared
        for result in material.of("image_search"):
            yield _of(material, result, _failed(result) or cases_part(material, result))
        for result in material.of("literature_search"):
            yield _failed(result) or literature_part(
                material, result, self._encoder, self._rewriter
            )
        if material.leaves_out("literature_search"):
            yield Part((gap(NOT_LOOKED_UP),))
        for tool in material.plan.unmet:
            yield Part((gap(WITHOUT_IMAGE[tool]),))
        yield Part((NOTICE,))

    def answer(self, material: Material, parts: Sequence[Part]) -> GroundedAnswer:
        """The whole answer, from the parts in the order they were written."""
        sentences = tuple(sentence for part in parts for sentence in part.sentences)
        claims = any(sentence.kind == "claim" for sentence in sentences)
        failed = bool(material.results) and all(result.error for result in material.results)
        return GroundedAnswer(
            sentences=sentences,
            status="grounded" if claims else "failed" if failed else "abstained",
            confidence=_confidence(parts, len(material.results) + len(material.plan.unmet)),
            model=self.model,
        )


def _of(material: Material, result: ToolResult, part: Part) -> Part:
    """The part, beginning with the name of its image where the turn is about several."""
    name = material.name(result.image_id)
    if not (name and part.sentences):
        return part
    first, *rest = part.sentences
    first = first.model_copy(update={"text": f"{name.capitalize()}: {first.text}"})
    return replace(part, sentences=(first, *rest))


def _no_such_image(material: Material) -> Sentence:
    numbers = " and ".join(str(n) for n in material.missing)
    return gap(f"There is no image {numbers} in this session; it has {len(material.shown)} so far.")


def topic_of(results: Sequence[ToolResult]) -> str | None:
    """What the described image shows, in a word or two: the subject of "its" and "that"."""
    for result in results:
        for evidence in result.evidence:
            if isinstance(evidence, DescriptionEvidence) and (main := headline(evidence)):
                return main.value
    return None


def _image_part(material: Material, result: ToolResult) -> Part:
    question = material.question
    if unknown := unknown_image(result):
        return Part((unknown,))
    seen = next(e for e in result.evidence if isinstance(e, DescriptionEvidence))
    told = [Sentence(text=text, evidence_ids=(seen.evidence_id,)) for text in _said(question, seen)]
    told += corrected(material.besides_literature, seen)
    if asks_for_a_diagnosis(material.besides_literature):
        told.append(gap(DIAGNOSIS))
    if _one_of_many(question, seen):
        told.append(gap(MARK_ONE))
    if not any(sentence.kind == "claim" for sentence in told):
        return Part((*told, gap(UNSURE)))
    return Part(tuple(told), _certainty(question, seen))


def _one_of_many(question: str, seen: DescriptionEvidence) -> bool:
    """Whether one cell is asked about where the image shows a field of them."""
    fields = any(f.name == "subject" and f.value == "blood smear field" for f in seen.findings)
    return fields and bool(_ONE_CELL.search(question))


def _said(question: str, seen: DescriptionEvidence) -> Iterator[str]:
    """What is told of an image: the answer, the main finding, others, else the description."""
    if answer := _own_answer(question, seen):
        yield f'Asked this, the model answers "{answer.value}" {sure(answer)}.'
    main = headline(seen)
    if main is not None:
        yield f"The model sees {article(main.value)} {sure(main)}{setting(seen, main)}."
    if further := details(question, seen, main):
        yield f"Further findings{beside_cases(seen)}: {'; '.join(further)}."
    if seen.comparison:
        yield seen.comparison
    little = main is None or main.name in SETTING
    if little and seen.text and (seen.probability or 0.0) >= LEAST_TEXT_PROBABILITY:
        yield f'It describes the image as "{seen.text}" (probability {seen.probability:.2f}).'


def _own_answer(question: str, seen: DescriptionEvidence) -> Finding | None:
    """The model's own words on the question, unless the question put them into its mouth."""
    answer = free_answer(question, seen)
    return None if answer is None or led(question, answer, seen) else answer


def _certainty(question: str, seen: DescriptionEvidence) -> float:
    """Probability of what was told first."""
    first = _own_answer(question, seen) or headline(seen)
    if first is None:
        first = next((f for f in seen.findings if f.origin == "seen"), None)
    return (first.probability if first else seen.probability) or 0.0


def _failed(result: ToolResult) -> Part | None:
    if result.error is None:
        return None
    return Part((gap(f"{PARTS[result.tool]}: {_reason(result.error)}."),))


def _reason(error: ToolError) -> str:
    return REASONS.get(error.kind, error.message.strip().rstrip("."))


def _confidence(parts: Sequence[Part], planned: int) -> float:
    if not planned:
        return 0.0
    mean = sum(part.confidence for part in parts) / planned
    return clip(mean / 2 if any(part.contradicted for part in parts) else mean)
