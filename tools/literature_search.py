"""Find passages of the literature for a question: by meaning and by words, fused.

Two ranked lists become one by weighted reciprocal rank fusion (Cormack, Clarke and Buettcher,
SIGIR 2009): a passage scores the sum of weight / (RRF_K + rank). The weights are a first guess
that leans on meaning; they are not tuned yet. Retracted passages come last and are marked, never
among the k that may support a claim.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from tools.evidence import LiteratureEvidence
from tools.protocols import TextEncoder

DENSE_WEIGHT = 2.0
LEXICAL_WEIGHT = 1.0
RRF_K = 60  # the paper's
DEPTH = 50  # candidates of each list

# Words that ask for literature, and those around them that say nothing of its subject.
_LITERATURE = (
    r"literature|papers?|articles?|publications?|pubmed|studies|study|published|references?|"
    r"citations?|reported"
)
_ASKING = re.compile(
    rf"\b({_LITERATURE}|what|which|how|does|do|did|is|are|was|were|has|have|been|can|could|would|"
    r"you|me|i|we|please|any|some|the|a|an|of|on|about|for|say|says|said|tell|show|find|search|"
    r"give|list|there|known|also|and|then|more)\b",
    re.IGNORECASE,
)
_REFERRING = re.compile(
    r"\b(its?|it's|this|that|these|those|them|they|their|such|(?:the|this|that) (?:cells?|image|"
    r"picture))\b",
    re.IGNORECASE,
)


class Passages(Protocol):
    """A library of passages; `tools.store.Store` is one."""

    def nearest_passages(self, encoder: str, vector: Any, k: int) -> list[LiteratureEvidence]: ...

    def lexical_passages(self, query: str, k: int) -> list[LiteratureEvidence]: ...


def refers_to_the_image(words: str) -> bool:
    """Whether the words need the image to be understood ("its nucleus", "papers on that")."""
    return bool(_REFERRING.search(words)) or not _subject(words)


def literature_query(words: str, topic: str | None = None) -> str:
    """What to look up: the words less the asking, with the topic in place of "it".

    "what does the literature say about its nucleus", "neutrophil" -> "neutrophil nucleus".
    A question that stands alone is looked up as it was asked.
    """
    if topic and refers_to_the_image(words):
        return f"{topic} {_subject(words)}".strip()
    asks_for_papers = re.search(rf"\b({_LITERATURE})\b", words, re.IGNORECASE)
    return (_subject(words) if asks_for_papers else "") or words.strip()


def _subject(words: str) -> str:
    """What is left without asking and referring words; it may be nothing."""
    left = _REFERRING.sub(" ", _ASKING.sub(" ", words))
    return " ".join(re.sub(r"[^\w\s%+/.-]|\.(?=\s|$)", " ", left).split())


def literature_search(
    query: str, encoder: TextEncoder, store: Passages, k: int
) -> tuple[LiteratureEvidence, ...]:
    """The k best passages that may support a claim, best first; then the retracted among them.

    `similarity` is the cosine of query and passage under the encoder, whichever list found it.
    StoreUnavailableError where the library cannot be reached.
    """
    vector = encoder.encode_queries([query])[0]  # (dimension,)
    dense = store.nearest_passages(encoder.name, vector, DEPTH)
    lexical = store.lexical_passages(query, DEPTH)
    best, retracted = _split(fuse([(DENSE_WEIGHT, dense), (LEXICAL_WEIGHT, lexical)]), k)
    cosine = {e.evidence_id: e.similarity for e in dense}
    return tuple(_with_cosine([*best, *retracted], cosine, vector, encoder))


def fuse(
    rankings: Iterable[tuple[float, Sequence[LiteratureEvidence]]],
) -> list[LiteratureEvidence]:
    """Weighted reciprocal rank fusion, best first; a tie keeps the order of first appearance."""
    scores: dict[str, float] = {}
    found: dict[str, LiteratureEvidence] = {}
    for weight, ranking in rankings:
        for rank, passage in enumerate(ranking, start=1):
            key = passage.evidence_id
            found.setdefault(key, passage)
            scores[key] = scores.get(key, 0.0) + weight / (RRF_K + rank)
    return [found[key] for key in sorted(scores, key=lambda key: -scores[key])]


def _split(
    ranked: Sequence[LiteratureEvidence], k: int
) -> tuple[list[LiteratureEvidence], list[LiteratureEvidence]]:
    """The k best that stand, and those retracted that would have been among the k best."""
    standing = [e for e in ranked if not e.retracted][:k]
    return standing, [e for e in ranked[:k] if e.retracted]


def _with_cosine(
    passages: Sequence[LiteratureEvidence],
    known: dict[str, float],
    vector: Any,
    encoder: TextEncoder,
) -> list[LiteratureEvidence]:
    """Found by words alone: their cosine is computed, so that all are on one scale."""
    missing = [e for e in passages if e.evidence_id not in known]
    if missing:
        vectors = encoder.encode_passages([f"{e.title}. {e.passage}" for e in missing])
        cosines = vectors @ vector  # (n missing,)
        known = known | {e.evidence_id: float(c) for e, c in zip(missing, cosines, strict=True)}
    return [e.model_copy(update={"similarity": known[e.evidence_id]}) for e in passages]
