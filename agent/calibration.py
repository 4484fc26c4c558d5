"""How often claims were right on development data, fitted: of images, and of the literature.

What was fitted for a checkpoint lies beside its weights (`confidence.json`, made by `python -m
finetune.confidence`) and names them by their SHA-256: of other weights nothing is known. What was
fitted for the literature comes along (`literature_confidence.json`, `python -m
eval.abstention.confidence`). What is seen and the share of similar cases that agree are pooled
linearly (Stone 1961); votes of cases alone, and passages, go through a logistic regression (Platt
1999). No claim is called surer than its number of examples allows (Laplace's rule of succession).
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from agent.fitted import load_fitted
from tools.linear_head import LinearHead, fit

CONFIDENCE = "confidence.json"
LITERATURE = Path(__file__).with_name("literature_confidence.json")
LABELS = ("wrong", "right")
PENALTY = 1.0
LEAST = 1e-4  # probability, so that a logit is finite


def logit(probability: float) -> float:
    """Log-odds."""
    held = min(1 - LEAST, max(LEAST, probability))
    return math.log(held / (1 - held))


def fitted(feature: Sequence[float], right: Sequence[bool]) -> LinearHead:
    """The head that tells right claims from wrong ones by one feature."""
    truth = np.array(right, float)
    rows = np.array(feature, float)[:, None]
    return fit(rows, np.stack([1 - truth, truth], 1), LABELS, PENALTY)


def probability(head: LinearHead, feature: float, examples: int) -> float:
    """That a claim is right; never surer than one error in `examples` + 2."""
    told = head.probabilities(np.array([[feature]]))[0, head.labels.index("right")]
    return held(float(told), examples)


def held(probability: float, examples: int) -> float:
    """The probability, between what so few examples can bear out."""
    least = 1 / (examples + 2)
    return min(1 - least, max(least, probability))


@dataclass(frozen=True)
class ImageCalibration:
    """How likely what is said of an image is right."""

    images: Mapping[str, int]  # development images, by the finding that was claimed of them
    sources: Mapping[str, str]  # which images these were, for a reader
    weight: float  # of the share of similar cases that agree, beside what is seen
    cases: LinearHead  # on the share of the cases that carry the label most of them carry

    def of_seen(self, name: str, seen: float, agreeing: float | None) -> float:
        """That a finding is right; `agreeing`: share of similar cases, None without any.

        Without cases it is the model's own probability, which fits as it is.
        """
        if agreeing is None:
            return held(seen, self.images[name])
        return held((1 - self.weight) * seen + self.weight * agreeing, self.images[name])

    def of_cases(self, name: str, share: float) -> float:
        """That the label most similar cases carry is the image's own."""
        return probability(self.cases, share, self.images[name])

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """What `as_json` told; KeyError, TypeError or ValueError for anything else."""
        images = {str(name): int(n) for name, n in told["images"].items()}
        sources = {name: str(told["sources"][name]) for name in images}
        cases = LinearHead.from_json(told["cases"])
        return cls(images, sources, float(told["weight"]), cases)

    def as_json(self) -> dict[str, Any]:
        return {
            "images": dict(self.images), "sources": dict(self.sources), "weight": self.weight,
            "cases": self.cases.as_json(),
        }  # fmt: skip


@dataclass(frozen=True)
class LiteratureCalibration:
    """How likely a quoted passage answers."""

    questions: int
    source: str
    head: LinearHead  # on the log-odds of the passage's support

    def of_support(self, support: float) -> float:
        """That the passage answers."""
        return probability(self.head, logit(support), self.questions)

    @classmethod
    def shipped(cls) -> Self:
        """The one that comes with Cytoscribe."""
        told = json.loads(LITERATURE.read_text("utf-8"))
        return cls(told["questions"], told["source"], LinearHead.from_json(told["head"]))

    def as_json(self) -> dict[str, Any]:
        return {"questions": self.questions, "source": self.source, "head": self.head.as_json()}


def load_calibration(folder: Path) -> ImageCalibration | None:
    """What was fitted for the weights in a folder; None where nothing was, or for others.

    Raises BadInputError where its file is damaged.
    """
    return load_fitted(folder / CONFIDENCE, "calibration", ImageCalibration.from_json)
