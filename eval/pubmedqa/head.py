"""The trained head: yes, no or maybe from the features of a question and what is read for it.

Three small heads, of cues, of the results' words and of the question's words, are trained apart,
since they bear different penalties, and their logits added: one linear head over named features.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from eval.official import ANSWERS
from eval.pubmedqa.features import Features, features
from eval.pubmedqa.questions import Question
from tools.errors import BadInputError
from tools.linear_head import Floats, LinearHead, fit, read_head, write_head

SHIPPED = Path(__file__).parents[1] / "data" / "pubmedqa" / "head.json"
LEAST_OCCURRENCES = 5  # training questions with a feature; a rarer one is not read
WORDS_PENALTY, CUES_PENALTY = 1.0, 100.0  # of rows of length 1, of standardised columns
_WORDS = ("result:", "question:")


@dataclass(frozen=True)
class Head:
    """A linear head over the features that `names` lists."""

    names: tuple[str, ...]
    linear: LinearHead
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.notes.get("name", "head"))

    def answer(self, question: Question) -> str:
        """The likeliest decision."""
        return self.decide(features(question))

    def decide(self, row: Features) -> str:
        """The likeliest decision from a question's features."""
        return self.linear.labels[
            int(self.linear.probabilities(_matrix([row], self.names))[0].argmax())
        ]

    @classmethod
    def read(cls, path: Path = SHIPPED) -> Self:
        """A head that `write` wrote; BadInputError for anything else."""
        linear, notes = read_head(path)
        names = tuple(map(str, notes.pop("features", ())))
        if len(names) != len(linear.weights) or set(linear.labels) != set(ANSWERS):
            raise BadInputError(f"{path} is no head for PubMedQA; train one, or take the shipped")
        return cls(names, linear, notes)

    def write(self, path: Path) -> None:
        write_head(path, self.linear, **self.notes, features=list(self.names))


def train(rows: Sequence[Features], decisions: Sequence[str], **notes: Any) -> Head:
    """Fit a head to the features of questions whose decisions are known; deterministic."""
    targets = np.array([[float(d == answer) for answer in ANSWERS] for d in decisions])
    often = Counter(name for row in rows for name, value in row.items() if value)
    names = sorted(name for name, n in often.items() if n >= LEAST_OCCURRENCES)
    words = [[n for n in names if n.startswith(where)] for where in _WORDS]
    cues = [n for n in names if not n.startswith(_WORDS)]
    parts = [_fit_cues(_matrix(rows, cues), targets)]
    parts += [fit(_matrix(rows, group), targets, ANSWERS, WORDS_PENALTY) for group in words]
    weights = np.vstack([part.weights for part in parts])
    bias = np.sum([part.bias for part in parts], axis=0)
    read = (*cues, *words[0], *words[1])
    return Head(read, LinearHead(ANSWERS, weights, bias), notes)


def _fit_cues(matrix: Floats, targets: Floats) -> LinearHead:
    """Columns are standardised to fit them; the head returned takes them as they are."""
    mean, deviation = matrix.mean(0), np.maximum(matrix.std(0), 1e-6)
    fitted = fit((matrix - mean) / deviation, targets, ANSWERS, CUES_PENALTY)
    weights = fitted.weights / deviation[:, None]
    return LinearHead(ANSWERS, weights, fitted.bias - mean @ weights)


def _matrix(rows: Sequence[Features], names: Sequence[str]) -> Floats:
    return np.array([[row.get(name, 0.0) for name in names] for row in rows], float).reshape(
        len(rows), len(names)
    )
