"""Similar labelled cases for a prompt: the nearest training images by the model's own vectors.

As the library's search does it (cosine of mean tower tokens), in memory. Texts have no cases.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent.paligemma import PaliGemma
from finetune.closed.looking import Blocks, images_of
from finetune.data.row import Row
from tools.protocols import Vectors


@dataclass(frozen=True, eq=False)
class Library:
    """Labelled images to find similar ones among."""

    vectors: Vectors  # (cases, width), L2-normalised
    labels: tuple[str, ...]

    def nearest(self, queries: Vectors, number: int) -> list[tuple[str, ...]]:
        """Labels of the most similar cases of each query, the nearest first."""
        order = np.argsort(-(queries @ self.vectors.T), axis=1, kind="stable")[:, :number]
        return [tuple(self.labels[case] for case in row) for row in order]


def library_of(model: PaliGemma, rows: Sequence[Row]) -> Library:
    """The training rows as cases, labelled by their answers."""
    return Library(Blocks(model, images_of(rows)).vectors(), tuple(row.suffix for row in rows))


def vote(labels: Sequence[str]) -> str:
    """What the cases alone would answer: the commonest label, of equals the nearest."""
    return Counter(labels).most_common(1)[0][0]
