"""Metrics of descriptions and findings against truth, with bootstrap intervals.

Every metric is a formula of sums over rows, one row a test image, so that one resampling of rows
gives its interval (percentile bootstrap, Efron 1979), also of tens of thousands of images. What
has no truth adds nothing; a figure without any truth is NaN. It runs no model and knows no dataset.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Facts = Mapping[str, str]
Pair = tuple[Facts, Facts]  # truth, said
Answers = Sequence[tuple[float, bool]]  # probability and rightness of each answer on an image
Sums = NDArray[np.float64]
Formula = Callable[[Sums], Sums]  # (…, terms) -> figures (…)
Row = TypeVar("Row")
RESAMPLES = 1000
_AT_ONCE = 100  # resamplings held in memory
BINS = 10
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval over resampled images."""

    value: float
    low: float
    high: float
    images: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


@dataclass(frozen=True)
class Metric(Generic[Row]):
    """A figure of rows: what each of n rows adds, (n, terms), and the formula of the sums."""

    terms: Callable[[Sequence[Row]], tuple[Sums, Formula]]

    def __call__(self, rows: Sequence[Row]) -> float:
        added, formula = self.terms(rows)
        return float(formula(added.sum(0)))


def resampled(n: int) -> Iterator[Sums]:
    """How often each of n rows is drawn, (_AT_ONCE, n), RESAMPLES in all."""
    draw = np.random.default_rng(0)
    for _ in range(0, RESAMPLES, _AT_ONCE):
        drawn = draw.integers(n, size=(_AT_ONCE, n))
        yield np.array([np.bincount(rows, minlength=n) for rows in drawn], dtype=float)


def estimate(metric: Metric[Row], rows: Sequence[Row]) -> Estimate:
    """The metric of the rows, and its 2.5 and 97.5 percentiles over 1,000 resamplings.

    Widened to hold the metric itself: resampling moves an average of absolute values upwards.
    """
    n = len(rows)
    if not n:
        return Estimate(NAN, NAN, NAN, 0)
    added, formula = metric.terms(rows)
    figures = np.concatenate([formula(times @ added) for times in resampled(n)])
    known = figures[~np.isnan(figures)]
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (NAN, NAN)
    value = float(formula(added.sum(0)))
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def median_interval(values: Sequence[float]) -> list[float]:
    """The 95% interval of the median, over 1,000 resamplings of the values."""
    draws = np.random.default_rng(0).choice(np.array(values), (RESAMPLES, len(values)))
    return [float(end) for end in np.percentile(np.median(draws, axis=1), [2.5, 97.5])]


def _table(rows: Iterable[Sequence[float]], terms: int) -> Sums:
    return np.array([*rows], dtype=float).reshape(-1, terms)


def _ratio(part: Sums, whole: Sums) -> Sums:
    """part / whole; NaN where there is no whole."""
    shares: Sums = np.divide(part, whole, out=np.full(np.shape(whole), NAN), where=whole > 0)
    return shares


def _share(sums: Sums) -> Sums:
    return _ratio(sums[..., 0], sums[..., 1])


def mean_value() -> Metric[float]:
    """The mean of rows that are numbers."""
    return Metric(lambda rows: (_table(((value, 1) for value in rows), 2), _share))


def accuracy(name: str) -> Metric[Pair]:
    """Share of images whose answer to the question `name` is right."""

    def terms(pairs: Sequence[Pair]) -> tuple[Sums, Formula]:
        rows = ((name in t and t[name] == said.get(name), name in t) for t, said in pairs)
        return _table(rows, 2), _share

    return Metric(terms)


def _confusions(pairs: Sequence[Pair], name: str) -> Sums:
    """(n, classes * classes), truth first; classes are those that occur on either side."""
    answers = [(t[name], said.get(name, "")) if name in t else None for t, said in pairs]
    words = sorted({word for pair in answers if pair for word in pair})
    index = {word: i for i, word in enumerate(words)}
    found = np.zeros((len(pairs), len(words) ** 2))
    for row, pair in enumerate(answers):
        if pair:
            found[row, index[pair[0]] * len(words) + index[pair[1]]] = 1
    return found


def _hits(sums: Sums) -> tuple[Sums, Sums, Sums]:
    """Of each class: how often it was recognised, true, and said."""
    side = math.isqrt(sums.shape[-1])
    counts = sums.reshape(*sums.shape[:-1], side, side)
    return counts.diagonal(axis1=-2, axis2=-1), counts.sum(-1), counts.sum(-2)


def _mean_of_present(values: Sums, true: Sums) -> Sums:
    present = true > 0
    return _ratio(np.where(present, values, 0).sum(-1), present.sum(-1))


def _recall(sums: Sums) -> Sums:
    right, true, _ = _hits(sums)
    return _mean_of_present(_ratio(right, true), true)


def _f1(sums: Sums) -> Sums:
    """Mean F1 of the classes that occur in the truth (silence is no class of its own)."""
    right, true, said = _hits(sums)
    return _mean_of_present(_ratio(2 * right, true + said), true)


def balanced_accuracy(name: str) -> Metric[Pair]:
    """Mean over the classes that occur of the share that is recognised."""
    return Metric(lambda pairs: (_confusions(pairs, name), _recall))


def macro_f1(names: Sequence[str]) -> Metric[Pair]:
    """Mean over questions of the macro-F1 over their options, as WBCAtt reports it."""

    def terms(pairs: Sequence[Pair]) -> tuple[Sums, Formula]:
        blocks = [_confusions(pairs, name) for name in names]
        ends = np.cumsum([block.shape[1] for block in blocks])[:-1]

        def formula(sums: Sums) -> Sums:
            found = np.stack([_f1(block) for block in np.split(sums, ends, axis=-1)], -1)
            return _ratio(np.nansum(found, -1), (~np.isnan(found)).sum(-1))

        return np.hstack(blocks), formula

    return Metric(terms)


def _facts(pairs: Sequence[Pair]) -> Sums:
    """(n, 3): facts said rightly, facts said, facts that are true; only known ones are judged."""
    return _table(
        (
            (
                sum(truth[name] == said[name] for name in truth if name in said),
                sum(name in truth for name in said),
                len(truth),
            )
            for truth, said in pairs
        ),
        3,
    )


def _fact_metric(formula: Formula) -> Metric[Pair]:
    return Metric(lambda pairs: (_facts(pairs), formula))


fact_f1 = _fact_metric(
    lambda sums: np.where(
        sums[..., 2] > 0, _ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2]), NAN
    )
)
fact_recall = _fact_metric(lambda sums: _share(sums[..., [0, 2]]))
# Who says nothing that can be judged is never wrong, and never right: 0, as the F1 is.
fact_precision = _fact_metric(
    lambda sums: np.where(sums[..., 2] > 0, sums[..., 0] / np.maximum(1, sums[..., 1]), NAN)
)


def as_count(words: str) -> int:
    """A number of at most 4 digits; anything else counts as 0."""
    return int(words) if words.isdecimal() and len(words) <= 4 else 0


def _count_metric(name: str, of: Callable[[int, int], float]) -> Metric[Pair]:
    """Mean of `of`(truth, said) over the images where `name` was counted."""

    def terms(pairs: Sequence[Pair]) -> tuple[Sums, Formula]:
        rows = (
            (of(int(t[name]), as_count(said.get(name, ""))), 1) if name in t else (0, 0)
            for t, said in pairs
        )
        return _table(rows, 2), _share

    return Metric(terms)


def exact(name: str) -> Metric[Pair]:
    """Share of counts that are right."""
    return _count_metric(name, lambda true, said: true == said)


def within_tenth(name: str) -> Metric[Pair]:
    """Share of counts that are off by at most 10% (a true 0 must be 0)."""
    return _count_metric(name, lambda true, said: 10 * abs(true - said) <= true)


def count_error(name: str) -> Metric[Pair]:
    """Mean absolute error of counts."""
    return _count_metric(name, lambda true, said: abs(true - said))


def mean_count_error(names: Sequence[str]) -> Metric[Pair]:
    """Mean absolute error over the images and things (`names`) that were counted."""

    def errors(truth: Facts, said: Facts) -> tuple[float, float]:
        counted = [name for name in names if name in truth]
        off = (abs(int(truth[name]) - as_count(said.get(name, ""))) for name in counted)
        return sum(off), len(counted)

    return Metric(lambda pairs: (_table((errors(t, said) for t, said in pairs), 2), _share))


def _bins(answers: Answers) -> list[float]:
    """(BINS + 1,): sum of probability less rightness in each bin, and the number of answers."""
    added = np.zeros(BINS + 1)
    for probability, right in answers:
        added[min(int(probability * BINS), BINS - 1)] += probability - right
        added[BINS] += 1
    return [float(value) for value in added]


def _gap(sums: Sums) -> Sums:
    return _ratio(np.abs(sums[..., :-1]).sum(-1), sums[..., -1])


# Expected calibration error (Naeini et al. 2015) of the answers on each image, equal-width bins.
calibration_error: Metric[Answers] = Metric(lambda rows: (_table(map(_bins, rows), BINS + 1), _gap))


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
        found.append(precision_of(named[row] == label))
    return found


def precision_of(hits: NDArray[np.bool_]) -> float:
    """Average precision of a ranking, best first: its hits divide it; 0 where there is none."""
    precision = hits.cumsum() / np.arange(1, len(hits) + 1)
    return float((precision * hits).sum() / max(1, hits.sum()))
