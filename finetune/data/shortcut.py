"""Can the dataset be told from the image alone?

Where it can, a model trained on a mixture may learn "images of this make have this answer" and not
what they show (Geirhos et al. 2020, arXiv:2004.07780). The probe is a logistic regression over
colours and a thumbnail of 16 x 16 pixels, cross-validated by group: what so small a view gives
away, a model sees too. It knows nothing of the answers.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finetune.data.leaks import Ledger

IMAGES = 200  # of each dataset
FOLDS = 5
FAR = 0.1  # above the majority's share: a warning
_BINS = 8  # of a colour's histogram


@dataclass(frozen=True)
class Probe:
    """How well a small view tells the datasets apart."""

    images: Mapping[str, int]  # looked at, by dataset
    accuracy: float
    low: float  # end of the 95% interval of accuracy (Wilson 1927)
    majority: float  # what always naming the largest dataset would score

    @property
    def warns(self) -> bool:
        return self.low > self.majority + FAR

    def in_words(self) -> str:
        said = (
            f"the dataset is told from a 16 x 16 thumbnail in {self.accuracy:.0%} of images "
            f"(the largest one's share: {self.majority:.0%})"
        )
        if not self.warns:
            return f"shortcut probe: {said}"
        return (
            f"WARNING, shortcut: {said}. Ask every dataset the same questions, or train on one at"
            " a time; else a model may answer by the look of the dataset."
        )


def probe(ledger: Ledger) -> Probe | None:
    """Over the images of the ledger; None where fewer than two datasets have five groups."""
    chosen = dict(_by_source(ledger))
    if len(chosen) < 2:
        return None
    which = np.concatenate(list(chosen.values()))
    sources = np.repeat(list(chosen), [len(found) for found in chosen.values()])
    groups = np.array(ledger.group_of)[which]
    right = _predicted(features(ledger.prints.thumbnails(which)), sources, groups) == sources
    counts = {source: len(found) for source, found in chosen.items()}
    return Probe(
        images=counts,
        accuracy=float(right.mean()),
        low=_wilson(float(right.mean()), len(right)),
        majority=max(counts.values()) / len(right),
    )


def _by_source(ledger: Ledger) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Images of each dataset, evenly over it; one of few groups cannot be cross-validated."""
    groups = np.array(ledger.group_of, dtype=np.int64)
    owner = np.array(ledger.sources)[groups]
    for source in sorted(set(owner)):
        images = np.flatnonzero(owner == source)
        if len(np.unique(groups[images])) >= FOLDS:
            evenly = np.linspace(0, len(images) - 1, min(IMAGES, len(images)))
            yield source, images[evenly.astype(np.int64)]


def features(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 768) thumbnails to (n, 798): themselves, mean and spread and histogram of each colour."""
    colours = thumbnails.reshape(len(thumbnails), -1, 3)
    bins = (colours * (_BINS / 256)).astype(np.int64)
    shares = [(bins == b).mean(1) for b in range(_BINS)]
    return np.concatenate([thumbnails, colours.mean(1), colours.std(1), *shares], axis=1)


def _predicted(
    known: NDArray[np.float32], sources: NDArray[np.str_], groups: NDArray[np.int64]
) -> NDArray[np.str_]:
    """The dataset of each image, told by a probe that never saw its group."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    return np.asarray(cross_val_predict(model, known, sources, groups=groups, cv=folds))


def _wilson(share: float, n: int, z: float = 1.96) -> float:
    middle = share + z * z / (2 * n)
    spread = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return float((middle - spread) / (1 + z * z / n))
