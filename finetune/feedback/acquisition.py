"""Which images would teach most: uncertain ones, unlike their neighbours, unlike each other.

Uncertainty is the entropy of the answers' probabilities (Settles 2009, Active Learning Literature
Survey, section 3.1), disagreement the share of similar labelled cases that carry another label
than the model's answer. Images are taken one by one, each by the mean of the two times its cosine
distance to the nearest image taken before, so that a batch is not one image over and over. It
knows no model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.protocols import Vectors


@dataclass(frozen=True)
class Doubt:
    """How unsure a model is of one answer."""

    answer: str
    entropy: float  # as a share of the largest possible: 0 sure, 1 knows nothing
    margin: float  # probability of the answer less that of the next
    disagreement: float | None  # share of labelled neighbours with another label; None: no such

    @property
    def score(self) -> float:
        """0 to 1; neighbours count where there are some."""
        if self.disagreement is None:
            return self.entropy
        return (self.entropy + self.disagreement) / 2


def doubt(
    probabilities: NDArray[np.float64], options: Sequence[str], neighbours: Sequence[str] = ()
) -> Doubt:
    """Of one image: probabilities (options,) of its answers, and labels of similar cases."""
    if len(options) < 2 or len(options) != len(probabilities):
        raise ValueError(f"{len(options)} options for {len(probabilities)} probabilities")
    shares = probabilities / probabilities.sum()
    some = shares[shares > 0]
    entropy = float(-(some * np.log(some)).sum() / np.log(len(options)))
    next_best, best = np.sort(shares)[-2:]
    answer = options[int(shares.argmax())]
    others = sum(label != answer for label in neighbours)
    return Doubt(
        answer=answer,
        entropy=min(max(entropy, 0.0), 1.0),
        margin=float(best - next_best),
        disagreement=others / len(neighbours) if neighbours else None,
    )


def most_teaching(scores: Sequence[float], vectors: Sequence[Vectors], number: int) -> list[int]:
    """Places of at most `number` images, the first to review first.

    `vectors`, one (width,) an image, are L2-normalised. Of equals the earlier comes first.
    """
    place = np.asarray(vectors, np.float32)
    left, worth = np.ones(len(scores), bool), np.asarray(scores, np.float64)
    distance, taken = np.ones(len(scores)), list[int]()
    while left.any() and len(taken) < number:
        best = int(np.where(left, worth * distance, -1.0).argmax())
        taken.append(best)
        left[best] = False
        distance = np.minimum(distance, np.clip(1 - place @ place[best], 0.0, None))
    return taken
