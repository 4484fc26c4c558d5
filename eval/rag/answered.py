"""What a turn gave, as measures read it: words, contexts and ids out of the turn's record."""

from collections.abc import Sequence

from agent.turn import TurnRecord
from eval.rag.rows import Row
from tools.evidence import (
    CaseEvidence,
    DescriptionEvidence,
    Evidence,
    Frozen,
    LiteratureEvidence,
)


class Answered(Frozen):
    """A row's turn. Contexts are texts, best first; ids are of sources and images."""

    id: str
    kind: str
    question: str
    answer: str  # without the notice that stands below every answer
    claims: str  # the sentences that rest on evidence
    status: str
    tools: tuple[str, ...]  # as called
    article_ids: tuple[str, ...]  # retrieved
    cited_article_ids: tuple[str, ...]
    case_ids: tuple[str, ...]
    passages: tuple[str, ...]  # of the retrieved articles
    contexts: tuple[str, ...]  # all evidence in words
    image_id: str | None
    seconds: float
    trace_id: str


def answered(row: Row, record: TurnRecord, seconds: float) -> Answered:
    """The turn's record read for measuring."""
    evidence = list(record.evidence().values())
    cited = [e for e in evidence if e.evidence_id in record.answer.cited()]
    literature = [e for e in evidence if isinstance(e, LiteratureEvidence)]
    sentences = record.answer.sentences
    return Answered(
        id=row.id,
        kind=row.kind,
        question=row.question,
        answer=" ".join(s.text for s in sentences if s.kind != "notice"),
        claims=" ".join(s.text for s in sentences if s.kind == "claim"),
        status=record.answer.status,
        tools=tuple(result.tool for result in record.results),
        article_ids=_articles(literature),
        cited_article_ids=_articles([e for e in cited if isinstance(e, LiteratureEvidence)]),
        case_ids=tuple(e.image_id for e in evidence if isinstance(e, CaseEvidence)),
        passages=tuple(e.passage for e in literature),
        contexts=tuple(in_words(e) for e in evidence),
        image_id=next(iter(record.turn.images), None),
        seconds=seconds,
        trace_id=record.trace_id,
    )


def _articles(evidence: Sequence[LiteratureEvidence]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(e.source_id for e in evidence))


def in_words(evidence: Evidence) -> str:
    """A piece of evidence as a text that a sentence can be held against."""
    if isinstance(evidence, LiteratureEvidence):
        return f"{evidence.title}. {evidence.passage}" if evidence.title else evidence.passage
    if isinstance(evidence, CaseEvidence):
        labels = ", ".join(f"{name}: {value}" for name, value in evidence.labels.items())
        return f"Similar case ({evidence.similarity:.2f}): {evidence.caption} {labels}"
    return _seen(evidence)


def _seen(evidence: DescriptionEvidence) -> str:
    findings = "; ".join(
        f"{f.name}: {f.value}{f' {f.unit}' if f.unit else ''}"
        + (f" ({f.probability:.2f})" if f.probability is not None else " (measured)")
        for f in evidence.findings
    )
    told = (f"Seen in the image: {evidence.text}", findings, evidence.comparison)
    return ". ".join(part for part in told if part)
