"""The literature in an answer: which passages answer, and what is quoted of them."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.calibration import LiteratureCalibration
from agent.confidence import of_literature
from agent.material import Material, Part, gap
from agent.turn import Sentence, ToolResult
from agent.wording import quote, source, split_sentences
from tools.evidence import LiteratureEvidence
from tools.literature_search import stands
from tools.protocols import TextEncoder
from tools.untrusted import quotable, without_pmids

# The probability that a passage answers, by tools/support.py: more likely than not. Out of fold,
# 93% of PubMedQA's questions are not answered once their abstract is taken out of the library, and
# 93% are answered from it when it is there.
LEAST_SUPPORT = 0.5
# Cosine, for passages without such a probability. Of 250 PubMedQA questions MiniLM places 98% of
# their own abstracts above, and 59% of the closest abstract of another question (often related).
LEAST_PASSAGE_SIMILARITY = 0.4
QUOTED_PASSAGES = 3
NO_ENCODER = "the text encoder stopped working"
_log = logging.getLogger(__name__)


class Rewriter(Protocol):
    """A text model that puts literature into its own words, citing each sentence."""

    @property
    def name(self) -> str: ...

    def rewrite(self, question: str, passages: Sequence[LiteratureEvidence]) -> "Rewritten":
        """Sentences that the passages they cite bear out; none where it failed."""


@dataclass(frozen=True)
class Rewritten:
    """What a text model wrote and the passages bear out."""

    sentences: tuple[Sentence, ...] = ()
    dropped: int = 0  # sentences that they do not


def literature_part(
    material: Material,
    result: ToolResult,
    encoder: TextEncoder,
    rewriter: Rewriter | None,
    calibration: LiteratureCalibration,
) -> Part:
    """What the passages found say, or that none answers; retracted ones are named, not used."""
    passages = [e for e in result.evidence if isinstance(e, LiteratureEvidence)]
    retracted = tuple(_retracted(e) for e in passages if e.retracted)
    standing = [e for e in passages if stands(e)]
    refused = (_refused(e) for e in passages if not e.retracted and e not in standing)
    told = (*retracted, *refused)
    support = _likeliest(standing)
    if not support:
        return Part((_no_passage(material.query, standing), *told))
    written = rewriter.rewrite(material.question, support) if rewriter else Rewritten()
    sentences = written.sentences or _quotations(material.query, support, encoder)
    told = (*_dropped(written.dropped), *told)
    if not any(sentence.kind == "claim" for sentence in sentences):
        return Part((*sentences, *told))
    first = next(p for p in support if p.evidence_id in sentences[0].evidence_ids)
    rewritten = bool(written.sentences)
    return Part((*sentences, *told), of_literature(calibration, first, rewritten))


def supporting(passages: Sequence[LiteratureEvidence]) -> list[LiteratureEvidence]:
    """The best passage of each of the best articles, if it stands and is likely to answer."""
    return _likeliest([e for e in passages if stands(e)])


def _likeliest(standing: Sequence[LiteratureEvidence]) -> list[LiteratureEvidence]:
    best: dict[str, LiteratureEvidence] = {}
    for passage in standing:
        judged = passage.support is not None
        if _certain(passage) >= (LEAST_SUPPORT if judged else LEAST_PASSAGE_SIMILARITY):
            best.setdefault(passage.source_id, passage)
    quoted = (passage for passage in best.values() if _quotable(passage))
    return list(itertools.islice(quoted, QUOTED_PASSAGES))


def _quotable(passage: LiteratureEvidence) -> list[str]:
    """The sentences of a passage that may be shown as claims."""
    return [s for s in split_sentences(passage.passage) if quotable(s, passage)]


def _certain(passage: LiteratureEvidence) -> float:
    """How likely it answers; how near it is where nobody judged that."""
    return passage.similarity if passage.support is None else passage.support


def _quotations(
    query: str, support: Sequence[LiteratureEvidence], encoder: TextEncoder
) -> list[Sentence]:
    """Of each passage the quotable sentence closest to the query, as a quotation or a summary."""
    try:
        wanted = encoder.encode_queries([query])[0]
        said = [_quotable(passage) for passage in support]
        best = [int((encoder.encode_passages(each) @ wanted).argmax()) for each in said]
    except RuntimeError:  # torch's, for whatever ails a device
        _log.exception("the text encoder stopped working")
        sources = ", ".join(map(source, support))
        return [gap(f"Passages were found and cannot be quoted ({sources}): {NO_ENCODER}.")]
    return [quote(p, s[i]) for p, s, i in zip(support, said, best, strict=True)]


def _no_passage(query: str, standing: Sequence[LiteratureEvidence]) -> Sentence:
    query = without_pmids(query)
    if not standing:
        return gap(f'The library holds no passage on "{query}".')
    closest = max(standing, key=_certain)
    how = f"similarity {closest.similarity:.2f}"
    if closest.support is not None:
        how = f"probability to answer {closest.support:.2f}"
    return gap(f'No passage of the library answers "{query}" (closest: {source(closest)}, {how}).')


def _dropped(sentences: int) -> list[Sentence]:
    if not sentences:
        return []
    which = "One sentence" if sentences == 1 else f"{sentences} sentences"
    text = f"{which} of the text model left out: no passage that it cites bears it out."
    return [Sentence(text=text, kind="notice")]


def _retracted(passage: LiteratureEvidence) -> Sentence:
    text = f"{source(passage)} was found as well and not used: it is retracted."
    return Sentence(text=text, kind="notice")


def _refused(passage: LiteratureEvidence) -> Sentence:
    """Its text is not repeated, nor an id that may be text."""
    name = f"PMID {passage.pmid}" if passage.pmid else "An article"
    text = f"{name} was found as well and not used: it speaks to a program, not to a reader."
    return Sentence(text=text, kind="notice")
