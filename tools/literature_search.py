"""Find passages of the literature for a question: by words and by meaning, fused.

Both lists are joined into one and every candidate gets both scores: BM25 as a share of the query's
best, and the cosine. Their weighted sum (a convex combination: Bruch, Gai and Ingber, "An Analysis
of Fusion Functions for Hybrid Retrieval", 2023) ranks. The weights were tuned on training queries;
docs/benchmarks/retrieval.md says how. Retracted passages come last and are marked, never among the
k that may support a claim.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tools.evidence import LiteratureEvidence
from tools.library import EVERYTHING, ArticleFilter, Hit
from tools.protocols import TextEncoder
from tools.reranking import DEPTH as RERANKED
from tools.reranking import Reranker
from tools.untrusted import suspect

DEPTH = 100  # candidates of each list


@dataclass(frozen=True)
class Ranking:
    """How much each score counts; a list whose weight is 0 is not made."""

    lexical: float
    dense: float


LEXICAL = Ranking(1.0, 0.0)
DENSE = Ranking(0.0, 1.0)
HYBRID = Ranking(0.3, 0.7)


class Passages(Protocol):
    """A library of passages; `tools.store.Store` is one."""

    def nearest_passages(
        self, encoder: str, vector: Any, k: int, filters: ArticleFilter = ...
    ) -> list[Hit]: ...

    def lexical_passages(self, query: str, k: int, filters: ArticleFilter = ...) -> list[Hit]: ...

    def cosines(self, encoder: str, vector: Any, ids: Sequence[int]) -> dict[int, float]: ...

    def evidence(self, cosines: Mapping[int, float]) -> dict[int, LiteratureEvidence]: ...


def literature_search(
    query: str,
    encoder: TextEncoder,
    store: Passages,
    k: int,
    filters: ArticleFilter = EVERYTHING,
    ranking: Ranking = HYBRID,
    reranker: Reranker | None = None,
) -> tuple[LiteratureEvidence, ...]:
    """The k best passages that may support a claim, best first; then those that may not.

    A `reranker` puts the first of them into a better order.

    `similarity` is the cosine of query and passage under the encoder, whichever list found it.
    StoreUnavailableError where the library cannot be reached.
    """
    vector = encoder.encode_queries([query])[0]  # (dimension,)
    candidates = find_candidates(query, vector, encoder.name, store, filters, ranking)
    ranked = ranked_again(query, candidates, ranking, encoder.name, reranker)
    return _standing_first(_read(ranked, candidates.cosines, store, k), k)


def _read(
    ranked: Sequence[int], cosines: Mapping[int, float], store: Passages, k: int
) -> list[tuple[LiteratureEvidence, bool]]:
    """The best passages and whether they stand, as many as it takes for k that do."""
    read: list[tuple[LiteratureEvidence, bool]] = []
    for start in range(0, len(ranked), k):
        part = ranked[start : start + k]
        found = store.evidence({number: cosines.get(number, 0.0) for number in part})
        read += [(found[number], stands(found[number])) for number in part if number in found]
        if sum(stands for _, stands in read) >= k:
            break
    return read


@dataclass(frozen=True)
class Candidates:
    """What either list found, with its scores."""

    lexical: Mapping[int, float]  # BM25 as a share of the query's best, 0 to 1
    cosines: Mapping[int, float]

    def ranked(self, ranking: Ranking) -> list[int]:
        """Ids, best first; a tie keeps the order of first appearance."""
        scores = {
            number: ranking.lexical * self.lexical.get(number, 0.0)
            + ranking.dense * self.cosines.get(number, 0.0)
            for number in {**self.lexical, **self.cosines}
        }
        return sorted(scores, key=lambda number: -scores[number])


def find_candidates(
    query: str,
    vector: Any,
    encoder: str,
    store: Passages,
    filters: ArticleFilter = EVERYTHING,
    ranking: Ranking = HYBRID,
) -> Candidates:
    """The first DEPTH of each list that the ranking needs, and the cosine of all of them."""
    lexical = store.lexical_passages(query, DEPTH, filters) if ranking.lexical else []
    nearest = store.nearest_passages(encoder, vector, DEPTH, filters) if ranking.dense else []
    cosines = dict(nearest)
    if missing := [hit.passage_id for hit in lexical if hit.passage_id not in cosines]:
        cosines |= store.cosines(encoder, vector, missing)
    return Candidates(_shares(lexical), cosines)


def ranked_again(
    query: str,
    candidates: Candidates,
    ranking: Ranking,
    encoder: str,
    reranker: Reranker | None = None,
) -> list[int]:
    """Ids, best first, the first of them looked at again where there is a re-ranker."""
    ranked = candidates.ranked(ranking)
    if reranker is None:
        return ranked
    first = ranked[:RERANKED]
    return [*reranker(query, candidates, first, encoder), *ranked[RERANKED:]]


def _shares(hits: Iterable[Hit]) -> dict[int, float]:
    scores = dict(hits)
    best = max(scores.values(), default=1.0)
    return {number: score / best for number, score in scores.items()}


def _standing_first(
    read: Sequence[tuple[LiteratureEvidence, bool]], k: int
) -> tuple[LiteratureEvidence, ...]:
    """The k best that stand, then the others that would have been among the k best.

    Retracted articles and those that speak to a program take nobody's place.
    """
    standing = [passage for passage, stands in read if stands]
    return (*standing[:k], *(passage for passage, stands in read[:k] if not stands))


def stands(passage: LiteratureEvidence) -> bool:
    """Whether a passage may support anything: neither retracted nor speaking to a program."""
    return not passage.retracted and not suspect(passage)
