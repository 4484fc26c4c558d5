"""Attributes of a cell weighed with those of similar cases, where these agree with what is seen.

The cases are the nearest labelled ones. Only those count whose cell type is the one that is seen,
and only if they are most of the nearest; what is further from the nearest of them than the gap is
cut off. The type itself is never changed, so that wrong neighbours cannot override what is seen:
they are of another type, and do not count. Probabilities p of the options and votes v of the cases
are pooled as p^seen * v^cases, the weights of each question fitted on a development split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tools.evidence import CaseEvidence
from tools.findings import CELL_TYPE, Question

Floats = NDArray[np.float64]
LEAST = 1e-9  # probability


@dataclass(frozen=True)
class Weights:
    """How what is seen and what cases are labelled weigh on one question."""

    seen: float
    cases: float
    doubt: float  # added to the vote for each option


@dataclass(frozen=True)
class CaseRule:
    """Which cases count for a checkpoint, and how much."""

    nearest: int  # cases that are looked at
    gap: float  # of similarity to the nearest that counts
    width: float  # difference of similarity at which a vote falls to 1/e
    questions: Mapping[str, Weights]

    def agreeing(self, cases: Sequence[CaseEvidence], cell_type: str) -> list[CaseEvidence]:
        """The cases that count for a cell of this type; simulated ones and its copies never do."""
        real = [c for c in cases if not (c.simulated or c.same_picture)][: self.nearest]
        alike = [c for c in real if c.labels.get(CELL_TYPE.name) == cell_type]
        if 2 * len(alike) <= len(real):
            return []
        return [c for c in alike if alike[0].similarity - c.similarity <= self.gap]

    def weighed(self, scores: Floats, question: Question, cases: Sequence[CaseEvidence]) -> Floats:
        """The probabilities of the options, (options,), pooled with the votes of cases that count.

        Unchanged where no case is labelled with an option.
        """
        weights = self.questions.get(question.name)
        votes = self._votes(question, cases)
        if weights is None or not votes.any():
            return scores
        shares = (votes + weights.doubt) / (votes.sum() + weights.doubt * len(votes))
        seen = np.log(np.maximum(scores, LEAST))
        logs = weights.seen * seen + weights.cases * np.log(shares)
        pooled: Floats = np.exp(logs - np.logaddexp.reduce(logs))
        return pooled

    def _votes(self, question: Question, cases: Sequence[CaseEvidence]) -> Floats:
        votes = np.zeros(len(question.options))
        for case in cases:
            label = case.labels.get(question.name)
            if label in question.options:
                behind = cases[0].similarity - case.similarity
                votes[question.options.index(label)] += np.exp(-behind / self.width)
        return votes

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """The rule that `as_json` told; KeyError, TypeError or ValueError for anything else."""
        questions = {name: Weights(*map(float, w)) for name, w in told["questions"].items()}
        return cls(int(told["nearest"]), float(told["gap"]), float(told["width"]), questions)

    def as_json(self) -> dict[str, Any]:
        weights = {name: [w.seen, w.cases, w.doubt] for name, w in self.questions.items()}
        return {
            "nearest": self.nearest, "gap": self.gap, "width": self.width, "questions": weights,
        }  # fmt: skip
