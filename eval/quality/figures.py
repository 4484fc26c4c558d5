"""Shares and percentiles with 95% intervals, as the report tells them; None where nothing is known.

Shares: Wilson's interval (1927). Percentiles: bootstrap over turns, 1,000 resamplings.
"""

from collections.abc import Sequence

import numpy as np

from eval.descriptions import RESAMPLES
from tools.evidence import Frozen

Interval = tuple[float, float]


class Share(Frozen):
    """`part` of `whole`; value and interval are None where there is no whole."""

    part: int
    whole: int
    value: float | None
    ci: Interval | None


class Quantile(Frozen):
    """A percentile of n values, in their unit."""

    value: float | None
    ci: Interval | None
    n: int


def share(part: int, whole: int) -> Share:
    from scipy.stats import binomtest

    if not whole:
        return Share(part=0, whole=0, value=None, ci=None)
    found = binomtest(part, whole).proportion_ci(method="wilson")
    ci = (float(found.low), float(found.high))
    return Share(part=part, whole=whole, value=part / whole, ci=ci)


def quantile(values: Sequence[float], q: float) -> Quantile:
    """The q-th percentile (0 to 100) of the values."""
    if not values:
        return Quantile(value=None, ci=None, n=0)
    known = np.asarray(values, dtype=float)
    draws = np.random.default_rng(0).choice(known, (RESAMPLES, len(known)))
    low, high = np.percentile(np.percentile(draws, q, axis=1), [2.5, 97.5])
    value = float(np.percentile(known, q))
    return Quantile(value=value, ci=(float(low), float(high)), n=len(known))
