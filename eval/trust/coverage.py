"""Risk against coverage: how wrong the answers are that are left once the unsure ones are dropped.

Answers are (probability, right). Coverage is the share that is answered, the surest first; risk is
the share of those that is wrong (Geifman and El-Yaniv, NeurIPS 2017). AURC is the mean risk over
all coverages (Geifman, Uziel and El-Yaniv, ICLR 2019). Equally sure answers come together.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from eval.descriptions import calibration_error

Answer = tuple[float, bool]
Floats = NDArray[np.float64]
COVERAGE = 0.8


def risks(answers: Sequence[Answer]) -> Floats:
    """Expected risk of the surest 1, 2, … n answers; ties are drawn at random."""
    surest = sorted(answers, key=lambda answer: -answer[0])
    sure = np.array([probability for probability, _ in surest])
    wrong = np.array([not right for _, right in surest], float)
    ends = [0, *(np.flatnonzero(np.diff(sure)) + 1).tolist(), len(wrong)]
    for start, end in pairwise(ends):
        wrong[start:end] = wrong[start:end].mean()
    risks_of: Floats = wrong.cumsum() / np.arange(1, len(wrong) + 1)
    return risks_of


def aurc(answers: Sequence[Answer]) -> float:
    """Area under the curve of risk against coverage; lower is better."""
    return float(risks(answers).mean())


def least_aurc(answers: Sequence[Answer]) -> float:
    """What the same errors would give if they were exactly the least sure answers."""
    right = sum(right for _, right in answers)
    return aurc([(float(at < right), at < right) for at in range(len(answers))])


def risk_at(answers: Sequence[Answer], coverage: float = COVERAGE) -> float:
    """Risk of the surest share of the answers."""
    return float(risks(answers)[max(0, round(coverage * len(answers)) - 1)])


def curve(answers: Sequence[Answer], steps: int = 20) -> list[tuple[float, float]]:
    """(coverage, risk) at even steps of coverage."""
    return [(step / steps, risk_at(answers, step / steps)) for step in range(1, steps + 1)]


def reliability(answers: Sequence[Answer], bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean probability, share right, answers) of equal-width bins that hold any."""
    sure = np.array([probability for probability, _ in answers])
    right = np.array([right for _, right in answers], float)
    at = np.minimum((sure * bins).astype(int), bins - 1)
    return [
        (float(sure[at == b].mean()), float(right[at == b].mean()), int((at == b).sum()))
        for b in range(bins)
        if (at == b).any()
    ]


def figures(answers: Sequence[Answer]) -> dict[str, float]:
    """What fits are told apart by: share right, calibration error, Brier score (Brier 1950)."""
    return {
        "claims": len(answers),
        "right": round(sum(right for _, right in answers) / len(answers), 4),
        "ece": round(calibration_error([answers]), 4),
        "brier": round(sum((p - right) ** 2 for p, right in answers) / len(answers), 4),
    }
