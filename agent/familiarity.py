"""Whether an image is of a kind that a checkpoint was taught, by a linear head on its features.

The head lies beside the weights it was fitted on (`known_images.json`, made by `python -m
finetune.familiarity`) and names them by their SHA-256: beside other weights, or none, nothing is
told apart but what pixels alone rule out. It has seen cell images, and drawings, noise, text,
charts and photographs; what is unlike all of these it may take for either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor

from agent.adapters import are_pinned
from agent.pixel_checks import by_pixels
from tools.errors import BadInputError
from tools.linear_head import LinearHead, read_head
from tools.protocols import Familiarity

KNOWN_IMAGES = "known_images.json"
CELL_IMAGE = "cell image"
FURTHEST = 6.0  # standard deviations; a feature further out counts as this far
Floats = NDArray[np.float64]


def summary(tower: Tensor) -> Floats:
    """Mean, spread, highest and lowest of each feature over the image tokens, (n, 4 * width)."""
    seen = tower.float()
    told = (seen.mean(1), seen.std(1), seen.amax(1), seen.amin(1))
    return np.concatenate([part.cpu().numpy() for part in told], 1).astype(np.float64)


@dataclass(frozen=True)
class Detector:
    """Tells images that are known from others."""

    head: LinearHead  # CELL_IMAGE and what else images may be
    mean: Floats  # of the summary, (features,)
    scale: Floats
    threshold: float  # least probability of CELL_IMAGE

    def __call__(self, tower: Tensor) -> tuple[Familiarity, ...]:
        """One for each image of a tower's output (n, image tokens, width)."""
        chances = self.probabilities(summary(tower))
        cell = self.head.labels.index(CELL_IMAGE)
        return tuple(
            Familiarity(
                probability=min(1.0, float(row[cell])),
                known=bool(row[cell] >= self.threshold),
                likest=self.head.labels[int(row.argmax())],
            )
            for row in chances
        )

    def probabilities(self, summaries: Floats) -> Floats:
        """(n, labels)."""
        return self.head.probabilities(standardised(summaries, self.mean, self.scale))


@dataclass(frozen=True)
class Judge:
    """Says of an image what pixels rule out, and of all others what a detector says, if any."""

    detector: Detector | None = None

    def __call__(self, images: Sequence[Image], tower: Tensor) -> tuple[Familiarity | None, ...]:
        """One for each RGB image of a tower's output; None where nobody can tell."""
        told = self.detector(tower) if self.detector else [None] * len(images)
        return tuple(first or second for first, second in zip(by_pixels(images), told, strict=True))


def standardised(summaries: Floats, mean: Floats, scale: Floats) -> Floats:
    """In standard deviations from the mean of the training images."""
    return np.clip((summaries - mean) / scale, -FURTHEST, FURTHEST)


def load_detector(folder: Path) -> Detector | None:
    """The detector of the weights in a folder; None where there is none, or it is of others.

    Raises BadInputError where its file is damaged.
    """
    if not (file := folder / KNOWN_IMAGES).is_file():
        return None
    head, notes = read_head(file)
    if not are_pinned(folder, notes["sha256"]):
        return None
    try:
        mean, scale = np.array(notes["mean"]), np.array(notes["scale"])
        return Detector(head, mean, scale, float(notes["threshold"]))
    except (KeyError, TypeError, ValueError) as e:
        raise BadInputError(f"{file} is damaged ({e!r}); fit it anew, or take the shipped") from e


def load_judge(folder: Path) -> Judge:
    """The judge for the weights in a folder; BadInputError where its detector is damaged."""
    return Judge(load_detector(folder))
