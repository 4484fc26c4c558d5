"""Write the answer from the evidence of a turn: extractive, every claim citing what it stands on.

What the image shows is said in the words of the model's findings, similar cases are counted, the
literature is quoted. A tool that failed or found nothing becomes a stated gap; what is seen and
what the similar cases are labelled is compared, and a contradiction is told. Nothing here looks at
an image or searches; it cannot know whether a passage is true.

How sure the whole is follows from what each part says first: `agent/confidence.py`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from agent.calibration import ImageCalibration, LiteratureCalibration
from agent.cases import cases_of, cases_part, unknown_image
from agent.comparing import comparison
from agent.confidence import (
    NOTHING_CLAIMED,
    Certainty,
    in_words,
    of_image,
    together,
    unmeasured,
)
from agent.literature import Rewriter, literature_part
from agent.material import Material, Part, gap
from agent.premise import corrected, led
from agent.turn import GroundedAnswer, Plan, Sentence, ToolError, ToolName, ToolResult
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
NOT_READ = (
    "The question could not be read in full, as the text encoder failed ({failure}): what else it"
    " asks for is missing here."
)
WITHOUT_IMAGE: dict[ToolName, str] = {
    "describe_image": "There is no image to describe yet: add one and ask again.",
    "image_search": "There is no image to find similar cases for yet: add one and ask again.",
    "literature_search": "",
}
REASONS = {"StoreUnavailableError": "the database is not reachable"}


class Synthesis:
    """Writes answers part by part, so that the first sentences need not wait for the last."""

    def __init__(
        self,
        encoder: TextEncoder,
        rewriter: Rewriter | None = None,
        calibration: ImageCalibration | None = None,
    ) -> None:
        """`calibration` is that of the model that looks; None: it has none."""
        self._encoder, self._rewriter, self._calibration = encoder, rewriter, calibration
        self._of_literature = LiteratureCalibration.shipped()

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
            yield _of(material, result, _failed(result) or self._image(material, result))
        if compared := comparison(material):
            yield compared
        for result in material.of("image_search"):
            yield _of(
                material, result,
                _failed(result) or cases_part(material, result, self._calibration),
            )  # fmt: skip
        for result in material.of("literature_search"):
            yield _failed(result) or literature_part(
                material, result, self._encoder, self._rewriter, self._of_literature
            )
        if material.leaves_out("literature_search"):
            yield Part((gap(NOT_LOOKED_UP),))
        yield from _left_out(material.plan)
        yield Part((NOTICE,))

    def answer(self, material: Material, parts: Sequence[Part]) -> GroundedAnswer:
        """The whole answer, from the parts in the order they were written."""
        sentences = tuple(sentence for part in parts for sentence in part.sentences)
        claims = any(sentence.kind == "claim" for sentence in sentences)
        failed = bool(material.results) and all(result.error for result in material.results)
        status: Literal["grounded", "abstained", "failed"]
        status = "grounded" if claims else "failed" if failed else "abstained"
        sure = together([p.certainty for p in parts if p.certainty]) if claims else NOTHING_CLAIMED
        return GroundedAnswer(
            sentences=sentences,
            status=status,
            confidence=sure.probability,
            likelihood=in_words(sure.probability) if claims and sure.probability else None,
            confidence_explained=sure.explained,
            model=self.model,
        )

    def _image(self, material: Material, result: ToolResult) -> Part:
        """What is told of an image, and how likely what is told first is right."""
        part = _image_part(material, result)
        if not any(sentence.kind == "claim" for sentence in part.sentences):
            return part
        seen = next(e for e in result.evidence if isinstance(e, DescriptionEvidence))
        return replace(part, certainty=self._certainty(material, seen, result.image_id))

    def _certainty(
        self, material: Material, seen: DescriptionEvidence, image_id: str | None
    ) -> Certainty:
        image = material.name(image_id) or "the image"
        if answer := _own_answer(material.question, seen):
            return unmeasured(answer.name, image)
        if (main := headline(seen)) is None:
            return unmeasured("description", image)
        return of_image(self._calibration, main, cases_of(material, image_id), image)


def _left_out(plan: Plan) -> Iterator[Part]:
    """What the question asks for and no tool was called for."""
    if plan.failure:
        yield Part((gap(NOT_READ.format(failure=plan.failure)),))
    for tool in plan.unmet:
        yield Part((gap(WITHOUT_IMAGE[tool]),))


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
    return Part(tuple(told))


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


def _failed(result: ToolResult) -> Part | None:
    if result.error is None:
        return None
    return Part((gap(f"{PARTS[result.tool]}: {_reason(result.error)}."),))


def _reason(error: ToolError) -> str:
    return REASONS.get(error.kind, error.message.strip().rstrip("."))
