"""Attributes of a cell weighed with those of similar cases, where these agree with what is seen.

The cases are the nearest labelled ones. Only those count whose cell type is the one that is seen,
and only if they are most of the nearest; what is further from the nearest of them than the gap is
cut off, and so is what is labelled unlike what is seen. The type itself is never changed: wrong
neighbours, which are of another type or labelled at random, do not count and override nothing. A
library in which one attribute is labelled wrongly throughout is not found out. Probabilities p of
the options and shares s of the cases are pooled as p^seen * s^cases (a logarithmic opinion pool,
Genest and Zidek 1986), the weights of each question fitted on a development split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tools.evidence import CaseEvidence
from tools.findings import BY_NAME, CELL_TYPE, Question

Floats = NDArray[np.float64]
LEAST = 1e-6  # probability
DOUBT = 1.0  # added to the cases of each option (Laplace)


@dataclass(frozen=True)
class Weights:
    """How what is seen and what cases are labelled weigh on one question."""

    seen: float
    cases: float


@dataclass(frozen=True)
class CaseRule:
    """Which cases count for a checkpoint, and how much."""

    nearest: int  # cases that are looked at
    gap: float  # of similarity to the nearest that counts
    agreement: float  # least geometric mean of the probabilities of a case's labels
    questions: Mapping[str, Weights]

    def agreeing(
        self, cases: Sequence[CaseEvidence], cell_type: str, seen: Mapping[str, Floats]
    ) -> list[CaseEvidence]:
        """The cases that count for a cell of this type, of whose options `seen` is probable.

        Simulated ones and copies of its picture never do, nor those without a label to weigh.
        """
        real = [c for c in cases if not (c.simulated or c.same_picture)][: self.nearest]
        alike = [c for c in real if c.labels.get(CELL_TYPE.name) == cell_type]
        if 2 * len(alike) <= len(real):
            return []
        near = (c for c in alike if alike[0].similarity - c.similarity <= self.gap)
        return [c for c in near if self._agreement(c, seen) >= self.agreement]

    def weighed(self, scores: Floats, question: Question, cases: Sequence[CaseEvidence]) -> Floats:
        """The probabilities of the options, (options,), pooled with the shares of cases that count.

        Unchanged where no case is labelled with an option.
        """
        weights = self.questions.get(question.name)
        votes = np.array([sum(c.labels.get(question.name) == o for c in cases)
                          for o in question.options])  # fmt: skip
        if weights is None or not votes.any():
            return scores
        shares = (votes + DOUBT) / (votes + DOUBT).sum()
        seen = np.log(np.maximum(scores, LEAST))
        logs = weights.seen * seen + weights.cases * np.log(shares)
        pooled: Floats = np.exp(logs - np.logaddexp.reduce(logs))
        return pooled

    def _agreement(self, case: CaseEvidence, seen: Mapping[str, Floats]) -> float:
        """How probable its labels are for what is seen, 0 without any."""
        chances = [
            float(seen[name][BY_NAME[name].options.index(label)])
            for name, label in case.labels.items()
            if name in self.questions and name in seen and label in BY_NAME[name].options
        ]
        return float(np.exp(np.mean(np.log(np.maximum(chances, LEAST))))) if chances else 0.0

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """The rule that `as_json` told; KeyError, TypeError or ValueError for anything else."""
        questions = {name: Weights(*map(float, w)) for name, w in told["questions"].items()}
        return cls(
            int(told["nearest"]), float(told["gap"]), float(told["agreement"]), questions
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        weights = {name: [w.seen, w.cases] for name, w in self.questions.items()}
        return {
            "nearest": self.nearest, "gap": self.gap, "agreement": self.agreement,
            "questions": weights,
        }  # fmt: skip
