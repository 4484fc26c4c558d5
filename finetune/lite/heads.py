"""Training aids on the vision tower, dropped from the shipped file.

One linear head a closed question over the mean of the tower's tokens (the vector that similarity
search uses), a projection of it onto the teacher's features, a projection of each token onto the
teacher's maps at its place, and a Poisson density map of object centres over its grid.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from finetune.lite.batch import IGNORED, THINGS, Sample
from tools.findings import QUESTIONS

OPTIONS = sum(len(question.options) for question in QUESTIONS)
_SIZES = [len(question.options) for question in QUESTIONS]
TEACHER_WIDTH = 1280  # of its features
LOCAL_WIDTH = 112 + 320  # channels of its maps that the tokens learn from
_EIGHTH = 8  # losses over questions are in eighths, about as many as an image answers


class Taught(NamedTuple):
    """What the teacher says of n views."""

    features: torch.Tensor  # (n, 1280)
    options: torch.Tensor  # (n, OPTIONS), logits
    local: torch.Tensor  # (n, tokens, LOCAL_WIDTH), standardised


class Heads(nn.Module):
    """Option logits of every question, features like the teacher's, density of every thing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.options = nn.Linear(width, OPTIONS)
        self.features = nn.Linear(width, TEACHER_WIDTH)
        self.local = nn.Linear(width, LOCAL_WIDTH)
        self.density = nn.Linear(width, len(THINGS))
        nn.init.constant_(self.density.bias, -2.0)

    def forward(self, tower: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, tokens, width) to logits (n, OPTIONS) and features (n, 1280)."""
        pooled = self.norm(tower.mean(1))
        return self.options(pooled), self.features(pooled)

    def rates(self, tower: torch.Tensor) -> torch.Tensor:
        """(n, tokens, width) to objects a token, (n, tokens, things)."""
        return functional.softplus(self.density(tower))


def options_loss(logits: torch.Tensor, samples: Sequence[Sample]) -> torch.Tensor:
    """Cross-entropy summed over the known questions of a sample, in eighths; mean over samples."""
    truth = torch.from_numpy(np.stack([s.options for s in samples]))  # (n, questions)
    total = logits.new_zeros(())
    for index, part in enumerate(torch.split(logits, _SIZES, dim=1)):
        known = truth[:, index] != IGNORED
        if known.any():
            weight = 3.0 if QUESTIONS[index].name == "cell_type" else 1.0
            target = truth[known, index]
            total = total + weight * functional.cross_entropy(
                part[known], target, label_smoothing=0.05, reduction="sum"
            )
    return total / (len(samples) * _EIGHTH)


def distillation_loss(
    logits: torch.Tensor, taught: torch.Tensor, asked: torch.Tensor
) -> torch.Tensor:
    """Divergence from the teacher's probabilities over the questions asked, (n, questions)."""
    total = logits.new_zeros(())
    pairs = zip(torch.split(logits, _SIZES, 1), torch.split(taught, _SIZES, 1), strict=True)
    for index, (part, target) in enumerate(pairs):
        weight = 3.0 if QUESTIONS[index].name == "cell_type" else 1.0
        apart = functional.kl_div(
            part.log_softmax(1), target.log_softmax(1), reduction="none", log_target=True
        )
        total = total + weight * (apart.sum(1) * asked[:, index]).sum()
    return total / (len(logits) * _EIGHTH)


def at_tokens(values: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
    """Of (n, tokens, width) those of the kept tokens, (n, kept tokens, width); None: all."""
    if kept is None:
        return values
    return values.gather(1, kept[..., None].expand(-1, -1, values.shape[2]))


def local_loss(
    local: torch.Tensor, taught: torch.Tensor, kept: torch.Tensor | None
) -> torch.Tensor:
    """Share of the variance of the teacher's maps that the tokens do not explain.

    `local`, `taught`: (n, tokens, LOCAL_WIDTH); `kept`: (n, kept tokens), which `local` is of.
    """
    return functional.mse_loss(local, at_tokens(taught, kept))


def density_loss(
    rates: torch.Tensor, samples: Sequence[Sample], kept: torch.Tensor | None = None
) -> torch.Tensor:
    """Poisson loss of the centres at the tokens; with all of them, of their number too.

    `kept`: (n, kept tokens), which of the tokens `rates` is of; None: all.
    """
    true = torch.from_numpy(np.stack([s.density for s in samples])).transpose(1, 2)
    true = at_tokens(true, kept)
    known = torch.from_numpy(np.stack([s.counted for s in samples]))  # (n, things)
    loss = 2 * (rates - true * torch.log(rates + 1e-5)).mean(1)
    if kept is None:
        loss = loss + 0.5 * (torch.log1p(rates.sum(1)) - torch.log1p(true.sum(1))).abs()
    return (loss * known).sum() / (known.sum() + 1e-6)
