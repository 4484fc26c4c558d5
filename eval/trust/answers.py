"""Whole answers to questions on held-out images and articles: how sure they are, and how right.

The questions go through whole turns, as a user's do, in a library of other images of the set and of
PubMedQA's abstracts, without those of every second question asked. An answer is right when each of
its first claims is: the image shows what is said first of it (or, where nobody looked, what most
similar cases are), and the first passage cited is of the article that answers. What an answer
leaves open is not judged; one that claims nothing is counted apart.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.assistant import Assistant
from agent.build import open_assistant
from agent.cases import labels_of, resembling
from agent.settings import Settings
from agent.turn import TurnRecord
from agent.wording import headline
from eval.abstention.asked import Corpus
from eval.abstention.measuring import fill
from eval.commands.scratch import scratch
from eval.evaluation import Request, chosen, read_truths
from eval.pubmedqa.questions import Question, asked, read_questions, read_truth
from eval.trust.run import Told, calibration
from eval.truth import Known, Truths, find_images
from eval.watching import Watch, unwatched
from tools.evidence import CaseEvidence, DescriptionEvidence, LiteratureEvidence
from tools.findings import SUBJECT_KINDS
from tools.images import open_image, thumbnail
from tools.library import ImageRecord
from tools.protocols import VisionModel
from tools.store import Store

LIBRARY, BATCH = 600, 16  # images; those looked at a time
OF_IMAGES = (
    "What cell is this?",
    "What cell is this, and what do similar cases show?",
    "Which cases of the library resemble this one?",
    "What cell is this, and what does the literature say: {}",
)
ABOUT = ("image", "literature", "both")


@dataclass(frozen=True)
class Asked:
    """A question, what its image shows, and the article that answers it."""

    question: str
    known: Known | None = None
    article: str | None = None  # source id

    @property
    def about(self) -> str:
        return "both" if self.known and self.article else "image" if self.known else "literature"


@dataclass(frozen=True)
class Judged:
    """How sure an answer is, and whether it is right; None: it claims nothing that is known."""

    about: str
    confidence: float | None
    right: bool | None


def answers(
    settings: Settings, request: Request, pubmedqa: Path, ids: Path, watch: Watch = unwatched
) -> list[Judged]:
    """The images of the request and the questions of `ids`, asked and judged."""
    questions = read_questions(pubmedqa)
    asked_of = asked(questions, read_truth(ids))
    rows = list(drawn(_known(request, watch), asked_of))
    with scratch(settings) as (own, folder), open_assistant(own) as assistant:
        with watch("Filling the library with images", LIBRARY) as step:
            _add_images(assistant.store, assistant.model, list(_others(request)), step)
        articles = folder / "articles.json"
        gone = {question.pmid for question in asked_of[1::2]}
        articles.write_text(json.dumps(_without(pubmedqa, gone)), "utf-8")
        fill([Corpus(articles, "pubmedqa", "pubmedqa")], assistant.store, assistant.encoder, watch)
        with watch("Asking", len(rows)) as step:
            return [_judged(assistant, row, number, step) for number, row in enumerate(rows)]


def figures(judged: Sequence[Judged]) -> Told:
    """Calibration and risk of the answers that claim something, all and by what they are about."""
    claiming = [one for one in judged if one.right is not None]
    by_what = {about: _figures([j for j in claiming if j.about == about]) for about in ABOUT}
    return {
        "asked": len(judged),
        "claim_nothing": len(judged) - len(claiming),
        "not_calibrated": sum(one.confidence is None for one in claiming),
        **_figures(claiming),
        "by_what": {about: told for about, told in by_what.items() if told},
    }


def _figures(judged: Sequence[Judged]) -> Told:
    answered = [[(one.confidence, bool(one.right))] for one in judged if one.confidence is not None]
    return calibration(answered) if answered else {}


def drawn(images: Sequence[Known], questions: Sequence[Question]) -> Iterator[Asked]:
    """A question on each image, in four ways by turns, and each question on the literature."""
    ways = len(OF_IMAGES)
    for number, known in enumerate(images):
        wording, question = OF_IMAGES[number % ways], questions[number // ways % len(questions)]
        own = "{}" in wording
        yield Asked(wording.format(question.text), known, f"pmid:{question.pmid}" if own else None)
    for question in questions:
        yield Asked(question.text, None, f"pmid:{question.pmid}")


def judge(record: TurnRecord, row: Asked) -> bool | None:
    """Whether all of its first claims are right; None where it claims nothing that is known."""
    told = [*_of_image(record, row.known), *_of_literature(record, row.article)]
    return all(told) if told else None


def _of_image(record: TurnRecord, known: Known | None) -> Iterator[bool]:
    claimed = {i for s in record.answer.sentences if s.kind == "claim" for i in s.evidence_ids}
    evidence = [e for i, e in record.evidence().items() if i in claimed]
    seen = (e for e in evidence if isinstance(e, DescriptionEvidence) and e.status == "described")
    if known is None:
        return
    if main := next((main for e in seen if (main := headline(e))), None):
        subject = main.name == "subject"
        yield (
            SUBJECT_KINDS[main.value] == known.kind
            if subject
            else _is(known, main.name, main.value)
        )
    elif cases := resembling([e for e in evidence if isinstance(e, CaseEvidence)]):
        name, labels = labels_of(cases)
        yield _is(known, name, labels.most_common(1)[0][0])


def _is(known: Known, name: str, value: str) -> bool:
    return known.facts.get(name) == value


def _of_literature(record: TurnRecord, article: str | None) -> Iterator[bool]:
    found = record.evidence()
    for sentence in record.answer.sentences:
        cited = [e for i in sentence.evidence_ids if isinstance(e := found[i], LiteratureEvidence)]
        if sentence.kind == "claim" and cited:
            yield any(e.source_id == article for e in cited)
            return


def _judged(assistant: Assistant, row: Asked, number: int, step: Any) -> Judged:
    images = [row.known.path.read_bytes()] if row.known else []
    record = assistant.ask(assistant.new_turn(f"trust-{number}", row.question, images))
    step(1)
    return Judged(row.about, record.answer.confidence, judge(record, row))


def _known(request: Request, watch: Watch) -> list[Known]:
    images, split = chosen(request)
    truths = Truths(request.dataset, request.root, rows=split.rows, stated=request.stated())
    return [image for image in read_truths(truths, images, watch)[0] if image.facts]


def _others(request: Request) -> Iterator[Known]:
    """Images of the set that the request's split does not name, drawn by its seed."""
    everything = Request(request.dataset, request.root, request.split)
    held_out = {image.path for image in chosen(everything)[0]}
    found = find_images(request.dataset, request.root)
    rest = [image for image in found if image.path not in held_out]
    truths = Truths(request.dataset, request.root, stated=request.stated())
    for image in random.Random(request.seed).sample(rest, min(LIBRARY, len(rest))):
        yield truths.read(image)


def _add_images(store: Store, model: VisionModel, images: Sequence[Known], step: Any) -> None:
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        opened = [open_image(k.path, max_pixels=10**8, max_bytes=10**8) for k in batch]
        vectors = model.embed_image(model.look([o.pixels for o in opened]))
        records = [
            ImageRecord(
                image_id=o.image_id, path=str(k.path), width=o.pixels.width, height=o.pixels.height,
                labels={n: v for n, v in k.facts.items() if ":" not in n}, source="evaluation",
                licence="as the set", thumbnail=thumbnail(o.pixels),
            )
            for k, o in zip(batch, opened, strict=True)
        ]  # fmt: skip
        store.add_images(records, model.name, vectors)
        step(len(batch))


def _without(pubmedqa: Path, gone: set[str]) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(pubmedqa.read_text("utf-8"))
    return {pmid: entry for pmid, entry in told.items() if pmid not in gone}
