"""The official figures of PubMedQA with their intervals, and what answering "yes" always gets."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eval.descriptions import Formula, Metric, Sums, estimate
from eval.official import ANSWERS, pubmedqa

Pair = tuple[str, str]  # truth, said
_CELLS = len(ANSWERS) ** 2


def figures(truth: Mapping[str, str], said: Mapping[str, str]) -> dict[str, Any]:
    """`accuracy` and `macro_f1`, each with `<key>_ci`, and `majority_accuracy`.

    Intervals are 95%, by bootstrap over questions. BadInputError unless both have the same PMIDs.
    """
    official = pubmedqa(truth, said)
    pairs = [(truth[pmid], said[pmid]) for pmid in truth]
    told: dict[str, Any] = dict(official)
    for name, metric in (("accuracy", Metric(_accuracy)), ("macro_f1", Metric(_macro_f1))):
        found = estimate(metric, pairs)
        told[f"{name}_ci"] = [found.low, found.high]
    told["majority_accuracy"] = Counter(truth.values()).most_common(1)[0][1] / len(truth)
    return told


def _confusions(pairs: Sequence[Pair]) -> Sums:
    """Which of the cells (truth, said) each pair is in, (n, 9)."""
    rows = np.zeros((len(pairs), _CELLS))
    for row, (true, said) in zip(rows, pairs, strict=True):
        row[ANSWERS.index(true) * len(ANSWERS) + ANSWERS.index(said)] = 1
    return rows


def _square(sums: Sums) -> Sums:
    return sums.reshape(*sums.shape[:-1], len(ANSWERS), len(ANSWERS))


def _accuracy(pairs: Sequence[Pair]) -> tuple[Sums, Formula]:
    def formula(sums: Sums) -> Sums:
        counts = _square(sums)
        return np.asarray(counts.diagonal(axis1=-2, axis2=-1).sum(-1) / sums.sum(-1))

    return _confusions(pairs), formula


def _macro_f1(pairs: Sequence[Pair]) -> tuple[Sums, Formula]:
    """The mean F1 of the labels that occur in the truth or in the answers, as officially."""

    def formula(sums: Sums) -> Sums:
        counts = _square(sums)
        both = counts.sum(-1) + counts.sum(-2)
        right = counts.diagonal(axis1=-2, axis2=-1)
        f1 = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
        return np.asarray(f1.sum(-1) / (both > 0).sum(-1))

    return _confusions(pairs), formula
