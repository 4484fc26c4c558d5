"""Training aids on the vision tower, dropped from the shipped file.

One linear head a closed question over the mean of the tower's tokens (the vector that similarity
search uses), and a Poisson density map of object centres over its grid.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from finetune.lite.batch import IGNORED, THINGS, Sample
from tools.findings import QUESTIONS


class Heads(nn.Module):
    """Option logits of every question, and the density of every thing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.options = nn.Linear(width, sum(len(q.options) for q in QUESTIONS))
        self.density = nn.Linear(width, len(THINGS))
        nn.init.constant_(self.density.bias, -2.0)

    def forward(self, tower: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, tokens, width) to (n, all options) and rates (n, tokens, things)."""
        pooled = self.norm(tower.mean(1))
        return self.options(pooled), functional.softplus(self.density(tower))

    def loss(self, tower: torch.Tensor, samples: Sequence[Sample]) -> torch.Tensor:
        """Mean over the known questions, plus density and count where objects are annotated."""
        logits, rates = self(tower)
        return _options_loss(logits, samples) + _density_loss(rates, samples)


def _options_loss(logits: torch.Tensor, samples: Sequence[Sample]) -> torch.Tensor:
    truth = torch.from_numpy(np.stack([s.options for s in samples]))  # (n, questions)
    parts = torch.split(logits, [len(q.options) for q in QUESTIONS], dim=1)
    total = logits.new_zeros(())
    for index, part in enumerate(parts):
        known = truth[:, index] != IGNORED
        if known.any():
            weight = 3.0 if QUESTIONS[index].name == "cell_type" else 1.0
            target = truth[known, index]
            total = total + weight * functional.cross_entropy(
                part[known], target, label_smoothing=0.05, reduction="sum"
            )
    return total / (len(samples) * 8)


def _density_loss(rates: torch.Tensor, samples: Sequence[Sample]) -> torch.Tensor:
    true = torch.from_numpy(np.stack([s.density for s in samples])).transpose(1, 2)
    known = torch.from_numpy(np.stack([s.counted for s in samples]))  # (n, things)
    poisson = (rates - true * torch.log(rates + 1e-5)).mean(1)
    counts = (torch.log1p(rates.sum(1)) - torch.log1p(true.sum(1))).abs()
    return ((2 * poisson + 0.5 * counts) * known).sum() / (known.sum() + 1e-6)
