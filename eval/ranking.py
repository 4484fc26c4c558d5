"""Metrics of ranked documents, as trec_eval has them: a value a query, to be averaged."""

from collections.abc import Mapping, Sequence

import numpy as np

Relevance = Mapping[str, int]


def ndcg(ranked: Sequence[str], relevant: Relevance, k: int = 10) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen 2002), linear gains."""
    gains = [relevant.get(document, 0) for document in ranked[:k]]
    ideal = sorted(relevant.values(), reverse=True)[:k]
    return _discounted(gains) / _discounted(ideal)


def recall(ranked: Sequence[str], relevant: Relevance, k: int = 100) -> float:
    """The share of what is relevant that is among the first k."""
    return len(set(ranked[:k]) & relevant.keys()) / len(relevant)


def reciprocal_rank(ranked: Sequence[str], relevant: Relevance, k: int = 10) -> float:
    """1 / rank of the first relevant document; 0 where none is among the first k."""
    ranks = (rank for rank, document in enumerate(ranked[:k], 1) if document in relevant)
    return 1 / next(ranks, np.inf)


def _discounted(gains: Sequence[int]) -> float:
    return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, 1)))
