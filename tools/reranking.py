"""Rank the first passages of the literature search again, by a closer look at each.

By default a linear ranker over what the database knows: BM25 and cosine as in the first ranking,
how much of the query's words, of its neighbouring words and of its numbers a passage holds (after
the features of LETOR: Qin et al., Information Retrieval 2010), and how near it lies to the three
that came first (pseudo-relevance feedback, Rocchio 1971). Its weights were fitted on SciFact's
training claims by docs/scripts/tune_rerank.py; docs/benchmarks/retrieval.md tells what they bring.
It reads no passage as a model would: for that there is `tools.cross_encoder`.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tools.library import Overlap

DEPTH = 50  # passages looked at again
FEEDBACK = 3  # first passages whose mean the others are held against
FEATURES = ("bm25", "cosine", "words", "neighbours", "numbers", "likeness")
WEIGHTS = (0.071, 0.515, 0.244, 0.042, 0.042, 0.087)
NOTHING = Overlap(0.0, 0.0, 0.0)


class Scored(Protocol):
    """Passages with the scores of the first ranking."""

    @property
    def lexical(self) -> Mapping[int, float]: ...

    @property
    def cosines(self) -> Mapping[int, float]: ...


class Facts(Protocol):
    """What knows more of a passage; `tools.store.Store` does."""

    def overlaps(self, query: str, ids: Sequence[int]) -> Mapping[int, Overlap]: ...

    def likeness(
        self, encoder: str, ids: Sequence[int], among: Sequence[int]
    ) -> Mapping[int, float]: ...


class Reranker(Protocol):
    """Ranks a query's first passages again."""

    def __call__(
        self, query: str, candidates: Scored, first: Sequence[int], encoder: str
    ) -> list[int]:
        """`first` in a better order."""


class LinearReranker:
    """The default: no model beside the text encoder."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def __call__(
        self, query: str, candidates: Scored, first: Sequence[int], encoder: str
    ) -> list[int]:
        if not first:
            return []
        rows = features(query, candidates, first, self._facts, encoder)
        order = np.argsort(-(rows @ np.array(WEIGHTS)), kind="stable")
        return [first[i] for i in order]


def features(
    query: str, candidates: Scored, first: Sequence[int], facts: Facts, encoder: str
) -> NDArray[np.float64]:
    """(passages, FEATURES), in the order of `first`."""
    overlaps = facts.overlaps(query, first)
    likeness = facts.likeness(encoder, first, first[:FEEDBACK])
    return np.array(
        [
            (
                candidates.lexical.get(number, 0.0),
                candidates.cosines.get(number, 0.0),
                *overlaps.get(number, NOTHING),
                likeness.get(number, 0.0),
            )
            for number in first
        ]
    )
