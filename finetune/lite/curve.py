"""The learning curve of a run: losses, and how well the heads read images held out for development.

A csv file, a row every few minutes, so that a run can be plotted while it goes on. The figures are
those of the training heads, which are not shipped: they show the way, not the result.
"""

import csv
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import nn

from eval.descriptions import Pair, accuracy, balanced_accuracy, macro_f1
from finetune.data.example import Example
from finetune.lite.augment import whole
from finetune.lite.model import SIDE
from finetune.lite.run import Run
from tools.findings import ATTRIBUTES, QUESTIONS

_ROWS = 32
_RECENT = 100  # steps that a loss is averaged over
_FIGURES = {  # figure: a question of it, and its metric
    "dev_cell_type": ("cell_type", accuracy("cell_type")),
    "dev_cell_type_balanced": ("cell_type", balanced_accuracy("cell_type")),
    "dev_attributes": ("nucleus_shape", macro_f1([q.name for q in ATTRIBUTES])),
    "dev_red_cell_type": ("red_cell_type", accuracy("red_cell_type")),
}


def pixels_of(examples: Sequence[Example]) -> torch.Tensor:
    """Whole images as the model sees them, (n, 3, SIDE, SIDE) in -1..1."""
    stacked = torch.from_numpy(np.stack([whole(example.pixels, SIDE) for example in examples]))
    return stacked.permute(0, 3, 1, 2).float() / 127.5 - 1


def _answers(logits: torch.Tensor) -> list[dict[str, str]]:
    parts = torch.split(logits, [len(question.options) for question in QUESTIONS], dim=1)
    best = [part.argmax(1).tolist() for part in parts]
    return [
        {q.name: q.options[choice[row]] for q, choice in zip(QUESTIONS, best, strict=True)}
        for row in range(len(logits))
    ]


def figures(reader: nn.Module, examples: Sequence[Example]) -> dict[str, float]:
    """What `reader` (pixels to option logits) gets right."""
    pairs: list[Pair] = []
    for start in range(0, len(examples), _ROWS):
        rows = examples[start : start + _ROWS]
        with torch.inference_mode():
            logits = reader(pixels_of(rows))
        pairs += zip((row.facts for row in rows), _answers(logits), strict=True)
    return {
        name: metric(pairs)
        for name, (question, metric) in _FIGURES.items()
        if any(question in truth for truth, _ in pairs)
    }


class Curve:
    """Collects losses and appends a row to a csv file."""

    def __init__(self, path: Path, dev: Sequence[Example]) -> None:
        self.path, self.dev = path, dev
        self.recent: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_RECENT))

    def add(self, losses: Mapping[str, float]) -> None:
        for name, value in losses.items():
            self.recent[name].append(value)

    def losses(self) -> dict[str, float]:
        """Mean of each loss over the recent steps that had it."""
        return {name: fmean(values) for name, values in sorted(self.recent.items())}

    def write(self, run: Run[Any], reader: nn.Module) -> dict[str, float]:
        """Measure, append the row, and return it."""
        training = reader.training
        measured = figures(reader.eval(), self.dev) if self.dev else {}
        reader.train(training)
        samples = run.step * run.recipe.batch
        row = {"step": run.step, "samples": samples, "seconds": round(run.seconds),
               "cpu_seconds": round(run.cpu_seconds), **measured}  # fmt: skip
        row |= {f"loss_{name}": value for name, value in self.losses().items()}
        self._append({name: f"{value:.4g}" if isinstance(value, float) else str(value)
                      for name, value in row.items()})  # fmt: skip
        return row

    def _append(self, row: Mapping[str, str]) -> None:
        old: list[dict[str, str]] = []
        if self.path.exists():
            with self.path.open(newline="") as read:
                old = list(csv.DictReader(read))
        names = list(dict.fromkeys(name for one in [*old, row] for name in one))
        with self.path.open("w", newline="") as written:
            writer = csv.DictWriter(written, names, restval="")
            writer.writeheader()
            writer.writerows([*old, row])
