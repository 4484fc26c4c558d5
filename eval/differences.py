"""Whether two ways to answer differ on the same rows: paired intervals and tests.

Both ways are resampled together (paired bootstrap, Efron and Tibshirani 1993, chapter 16), so what
makes a row hard for both is no difference. It knows no model and no dataset.
"""

from collections.abc import Sequence

import numpy as np

from eval.descriptions import NAN, Estimate, Metric, Row, resampled


def difference(metric: Metric[Row], ours: Sequence[Row], theirs: Sequence[Row]) -> Estimate:
    """The metric of `ours` less that of `theirs`, row by row the same images, with its interval.

    Raises ValueError where they are not as many.
    """
    n = len(ours)
    if n != len(theirs):
        raise ValueError(f"{n} rows beside {len(theirs)}: pairs are wanted")
    if not n:
        return Estimate(NAN, NAN, NAN, 0)
    (added, formula), (others, other_formula) = metric.terms(ours), metric.terms(theirs)
    drawn = [formula(times @ added) - other_formula(times @ others) for times in resampled(n)]
    figures = np.concatenate(drawn)
    known = figures[~np.isnan(figures)]
    low, high = np.percentile(known, [2.5, 97.5]) if known.size else (NAN, NAN)
    value = float(formula(added.sum(0)) - other_formula(others.sum(0)))
    return Estimate(value, float(low), float(high), n)


def mcnemar(ours: Sequence[bool], theirs: Sequence[bool]) -> float:
    """The p-value that both are right equally often: McNemar's test (1947), exact and two-sided."""
    from scipy.stats import binomtest

    won = sum(a and not b for a, b in zip(ours, theirs, strict=True))
    lost = sum(b and not a for a, b in zip(ours, theirs, strict=True))
    return float(binomtest(won, won + lost).pvalue) if won + lost else 1.0


def swapped(
    metric: Metric[Row], ours: Sequence[Row], theirs: Sequence[Row], times: int = 1000
) -> float:
    """The p-value of `difference`, two-sided, for any metric: a permutation test within pairs.

    Which of a pair is ours is drawn anew each time (Fisher 1935); with `times` draws it is never
    below 1 / (times + 1).
    """
    n, draw = len(ours), np.random.default_rng(0)
    added, formula = metric.terms([*ours, *theirs])  # together: both in the same terms
    mine, others = added[:n], added[n:]
    found = abs(float(formula(mine.sum(0)) - formula(others.sum(0))))
    keep = (draw.random((times, n)) < 0.5).astype(float)
    a, b = keep @ mine + (1 - keep) @ others, keep @ others + (1 - keep) @ mine
    as_far = np.abs(formula(a) - formula(b)) >= found - 1e-12
    return float((as_far.sum() + 1) / (times + 1))
