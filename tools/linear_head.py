"""A linear head over feature vectors: multinomial or one-against-rest logistic regression.

Small enough to ship as JSON, fitted by L-BFGS on the penalised likelihood (Nocedal 1980), so that
the same rows give the same head. It knows nothing of what its features mean.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from tools.errors import BadInputError

Floats = NDArray[np.float64]
Link = Literal["softmax", "sigmoid"]  # one label of several; each label by itself
STEPS = 1000
DIGITS = 3  # of a weight in JSON


@dataclass(frozen=True)
class LinearHead:
    """Probabilities of labels from features (n, features)."""

    labels: tuple[str, ...]
    weights: Floats  # (features, labels)
    bias: Floats  # (labels,)
    link: Link = "softmax"

    def probabilities(self, features: Floats) -> Floats:
        """(n, labels)."""
        return _linked(features @ self.weights + self.bias, self.link)

    def as_json(self) -> dict[str, Any]:
        """Rounded to DIGITS, for a file of a few dozen kB."""
        return {
            "labels": list(self.labels),
            "link": self.link,
            "bias": self.bias.round(DIGITS).tolist(),
            "weights": self.weights.round(DIGITS).tolist(),
        }

    @classmethod
    def from_json(cls, told: Any) -> Self:
        """The head that `as_json` told; ValueError, KeyError or TypeError for anything else."""
        weights, bias = np.array(told["weights"], float), np.array(told["bias"], float)
        labels = tuple(map(str, told["labels"]))
        if weights.ndim != 2 or weights.shape[1:] != bias.shape or len(labels) != bias.size:
            raise ValueError(f"weights {weights.shape}, bias {bias.shape}, {len(labels)} labels")
        return cls(labels, weights, bias, told["link"])


def fit(
    features: Floats,
    targets: Floats,
    labels: Sequence[str],
    penalty: float,
    link: Link = "softmax",
    known: Floats | None = None,
) -> LinearHead:
    """The head of least penalised cross-entropy; `penalty` * |weights|² / 2, the bias is free.

    `targets` is (n, labels) of 0 and 1; `known`, of the same form, is 0 where nobody knows.
    """
    from scipy.optimize import minimize

    width = features.shape[1]
    mask = np.ones_like(targets) if known is None else known

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat[: -len(labels)].reshape(width, -1), flat[-len(labels) :]
        said = _linked(features @ weights + bias, link)
        error = (said - targets) * mask  # (n, labels): the gradient for both links
        chance = np.where(targets > 0, said, 1 - said if link == "sigmoid" else 1)
        cost = -(mask * np.log(np.maximum(chance, 1e-12))).sum()
        slope = np.concatenate([(features.T @ error + penalty * weights).ravel(), error.sum(0)])
        return float(cost + penalty * (weights**2).sum() / 2), slope

    start = np.zeros((width + 1) * len(labels))
    flat = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x
    return LinearHead(
        tuple(labels), flat[: -len(labels)].reshape(width, -1), flat[-len(labels) :], link
    )


def read_head(path: Path) -> tuple[LinearHead, dict[str, Any]]:
    """A head with what its file notes beside it; BadInputError where it is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return LinearHead.from_json(told["head"]), {k: v for k, v in told.items() if k != "head"}
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise BadInputError(
            f"{path} is no trained head ({e}); train one, or take the shipped"
        ) from e


def write_head(path: Path, head: LinearHead, **notes: Any) -> None:
    """Write a head and what is to be known of it; a file that is there is not overwritten."""
    try:
        with path.open("x", encoding="utf-8") as file:
            json.dump({**notes, "head": head.as_json()}, file, ensure_ascii=False)
            file.write("\n")
    except FileExistsError as e:
        raise BadInputError(f"{path} exists; name another file, or delete it first") from e
    except OSError as e:
        raise BadInputError(f"{path} cannot be written: {e.strerror}") from e


def _linked(logits: Floats, link: Link) -> Floats:
    if link == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))))
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))
