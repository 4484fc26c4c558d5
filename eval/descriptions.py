"""Metrics of descriptions and findings against truth, with bootstrap intervals.

Every metric is a function of rows, one a test image, so that one resampling of rows gives its
interval (percentile bootstrap, Efron 1979). It runs no model and knows no dataset.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Facts = Mapping[str, str]
Pair = tuple[Facts, Facts]  # truth, said
Row = TypeVar("Row")
RESAMPLES = 1000


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval over resampled images."""

    value: float
    low: float
    high: float
    images: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


def estimate(metric: Callable[[Sequence[Row]], float], rows: Sequence[Row]) -> Estimate:
    """The metric of the rows, and its 2.5 and 97.5 percentiles over 1,000 resamplings."""
    if not rows:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    draws = np.random.default_rng(0).integers(len(rows), size=(RESAMPLES, len(rows)))
    resampled = [metric([rows[i] for i in draw]) for draw in draws]
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    return Estimate(metric(rows), float(low), float(high), len(rows))


def _known(pairs: Sequence[Pair], name: str) -> list[tuple[str, str]]:
    return [(truth[name], said.get(name, "")) for truth, said in pairs if name in truth]


def _confusion(answers: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
    """(classes, classes), truth by row; classes are those that occur on either side."""
    classes = {
        name: i for i, name in enumerate(sorted({word for pair in answers for word in pair}))
    }
    flat = [classes[truth] * len(classes) + classes[said] for truth, said in answers]
    return np.bincount(flat, minlength=len(classes) ** 2).reshape(len(classes), -1).astype(float)


def accuracy(name: str) -> Callable[[Sequence[Pair]], float]:
    """Share of images whose answer to the question `name` is right."""

    def metric(pairs: Sequence[Pair]) -> float:
        answers = _known(pairs, name)
        return sum(truth == said for truth, said in answers) / max(1, len(answers))

    return metric


def balanced_accuracy(name: str) -> Callable[[Sequence[Pair]], float]:
    """Mean over the classes of the share that is recognised."""

    def metric(pairs: Sequence[Pair]) -> float:
        counts = _confusion(_known(pairs, name))
        present = counts.sum(1) > 0
        return float((counts.diagonal()[present] / counts.sum(1)[present]).mean())

    return metric


def _f1(counts: NDArray[np.float64]) -> float:
    """Mean F1 of the classes that occur in the truth (silence is no class of its own)."""
    present = counts.sum(1) > 0
    f1 = 2 * counts.diagonal()[present] / (counts.sum(0) + counts.sum(1))[present]
    return float(f1.mean())


def macro_f1(names: Sequence[str]) -> Callable[[Sequence[Pair]], float]:
    """Mean over questions of the macro-F1 over their options, as WBCAtt reports it."""

    def metric(pairs: Sequence[Pair]) -> float:
        known = [_known(pairs, name) for name in names]
        return float(np.mean([_f1(_confusion(answers)) for answers in known if answers]))

    return metric


def fact_f1(pairs: Sequence[Pair]) -> float:
    """F1 of the facts said against those that are true; facts without a truth are not judged."""
    right = sum(
        truth[name] == said[name] for truth, said in pairs for name in truth if name in said
    )
    spoken = sum(name in truth for truth, said in pairs for name in said)
    true = sum(len(truth) for truth, _ in pairs)
    return 2 * right / max(1, spoken + true)


def _off(pairs: Sequence[Pair], name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True counts and absolute errors; what is not a number of at most 4 digits counts as 0."""
    answers = _known(pairs, name)
    true = np.array([int(truth) for truth, _ in answers], dtype=float)
    said = [int(words) if words.isdigit() and len(words) <= 4 else 0 for _, words in answers]
    return true, np.abs(true - np.array(said, dtype=float))


def within_tenth(name: str) -> Callable[[Sequence[Pair]], float]:
    """Share of counts that are off by at most 10% (a true 0 must be 0)."""

    def metric(pairs: Sequence[Pair]) -> float:
        true, off = _off(pairs, name)
        return float((off <= 0.1 * true).mean())

    return metric


def count_error(name: str) -> Callable[[Sequence[Pair]], float]:
    """Mean absolute error of counts."""

    def metric(pairs: Sequence[Pair]) -> float:
        return float(_off(pairs, name)[1].mean())

    return metric


def calibration_error(rows: Sequence[tuple[float, bool]], bins: int = 10) -> float:
    """Expected calibration error of (probability, right) rows, in equal-width bins."""
    probability = np.array([row[0] for row in rows])
    right = np.array([row[1] for row in rows], dtype=float)
    index = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = [abs((probability - right)[index == i].sum()) for i in range(bins)]
    return float(sum(gaps) / len(rows))


def average_precision(
    queries: NDArray[np.float32],
    library: NDArray[np.float32],
    wanted: Sequence[str],
    labels: Sequence[str],
    depth: int,
) -> list[float]:
    """Average precision at `depth` of each query; a hit has the query's label.

    Rows are L2-normalised; the mean of the result is mAP@depth.
    """
    nearest = np.argsort(-(queries @ library.T), axis=1)[:, :depth]
    named = np.array(labels)
    found = []
    for label, row in zip(wanted, nearest, strict=True):
        hits = named[row] == label
        precision = hits.cumsum() / np.arange(1, depth + 1)
        found.append(float((precision * hits).sum() / max(1, hits.sum())))
    return found
