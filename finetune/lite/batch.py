"""Samples to tensors, in two forms.

Packed: all tasks of an image behind one copy of its tokens; the image sees only itself, each task
sees the image and its own past. Plain: one task a sequence with PaliGemma's own prefix-LM mask
(the prefix sees itself both ways), which is what serving runs.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PaliGemmaProcessor

from finetune.data.example import Example, Instance, Pixels
from finetune.lite.augment import view
from finetune.lite.model import IMAGE_TOKENS, PATCH, SIDE
from finetune.lite.tasks import Task, captions, tasks, view_facts
from tools.findings import COUNTS, QUESTIONS

IGNORED = -100
GRID = SIDE // PATCH
THINGS = tuple(COUNTS)


@dataclass(frozen=True, eq=False)
class Sample:
    """One view with its tasks and the targets of the training heads."""

    pixels: Pixels  # (SIDE, SIDE, 3)
    tasks: list[Task]
    options: NDArray[np.int64]  # (questions,), index of the true option or IGNORED
    asked: NDArray[np.float32]  # (questions,), 1 where the question makes sense
    density: NDArray[np.float32]  # (things, GRID * GRID), centres a cell of the grid
    counted: NDArray[np.float32]  # (things,), 1 where the density is known


@dataclass(frozen=True, eq=False)
class Rows:
    """Token rows of one length; the first are the image's."""

    ids: torch.Tensor  # (rows, length)
    labels: torch.Tensor  # (rows, length), IGNORED on prefix and padding
    positions: torch.Tensor  # (rows, length), packed form only
    segments: torch.Tensor  # packed: task number, 0 for the image, -1 for padding; plain: 0 | 1
    real: torch.Tensor  # (rows, length), 0 on padding


def density(instances: Sequence[Instance]) -> NDArray[np.float32]:
    """Centres spread bilinearly over the tower's grid, (things, GRID * GRID)."""
    grid = np.zeros((len(THINGS), GRID, GRID), np.float32)
    for instance in instances:
        x = (instance.box[0] + instance.box[2]) / 2 * GRID - 0.5
        y = (instance.box[1] + instance.box[3]) / 2 * GRID - 0.5
        left, top = math.floor(x), math.floor(y)
        for row, down in ((top, 1 - (y - top)), (top + 1, y - top)):
            for column, right in ((left, 1 - (x - left)), (left + 1, x - left)):
                at = min(GRID - 1, max(0, row)), min(GRID - 1, max(0, column))
                grid[THINGS.index(instance.thing), at[0], at[1]] += down * right
    return grid.reshape(len(THINGS), -1)


def sample(example: Example, number: int, rng: random.Random, pretraining: bool = False) -> Sample:
    """A random view of an example with `number` tasks."""
    pixels, instances = view(example, SIDE, rng)
    facts = view_facts(example.facts, instances, example.counted)
    options = [q.options.index(facts[q.name]) if q.name in facts else IGNORED for q in QUESTIONS]
    write = captions if pretraining else tasks
    drawn = write(example.kind, facts, instances, example.counted, number, rng)
    known = np.array([thing in example.counted for thing in THINGS], np.float32)
    asked = np.array([example.kind in q.applies_to for q in QUESTIONS], np.float32)
    truth = np.array(options, np.int64)
    return Sample(pixels, drawn, truth, asked, density(instances), known)


def pixel_values(samples: Sequence[Sample]) -> torch.Tensor:
    """(samples, 3, SIDE, SIDE) in -1..1, as the processor gives them."""
    stacked = torch.from_numpy(np.stack([s.pixels for s in samples]))
    return (stacked.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous()


def asked(samples: Sequence[Sample]) -> torch.Tensor:
    """(samples, questions), 1 where a question makes sense for the image."""
    return torch.from_numpy(np.stack([s.asked for s in samples]))


class Encoder:
    """Tasks to token rows with a processor's vocabulary."""

    def __init__(self, processor: PaliGemmaProcessor) -> None:
        self.words = processor.tokenizer
        self.image = processor.image_token_id
        self._prefixes: dict[str, list[int]] = {}

    def prefix(self, prompt: str) -> list[int]:
        """<bos> prompt newline, as the processor writes it."""
        if prompt not in self._prefixes:
            ids = self.words(prompt + "\n", add_special_tokens=False).input_ids
            self._prefixes[prompt] = [self.words.bos_token_id, *ids]
        return self._prefixes[prompt]

    def suffix(self, text: str) -> list[int]:
        return [*self.words(text, add_special_tokens=False).input_ids, self.words.eos_token_id]

    def _rows(self, rows: list[tuple[list[int], list[int], list[int], list[int]]]) -> Rows:
        longest = max(len(row[0]) for row in rows)

        def padded(part: int, fill: int) -> torch.Tensor:
            return torch.tensor([row[part] + [fill] * (longest - len(row[part])) for row in rows])

        ids = padded(0, self.words.pad_token_id)
        real = torch.tensor([[1] * len(r[0]) + [0] * (longest - len(r[0])) for r in rows])
        return Rows(ids, padded(1, IGNORED), padded(2, 1), padded(3, -1), real)

    def packed(self, samples: Sequence[Sample], kept: torch.Tensor | None = None) -> Rows:
        """One row a sample; `kept` (samples, tokens): which of the image's tokens are there."""
        every = range(IMAGE_TOKENS)
        there = [every] * len(samples) if kept is None else kept.tolist()
        rows = []
        for one, tokens in zip(samples, there, strict=True):
            ids, labels = [self.image] * len(tokens), [IGNORED] * len(tokens)
            positions, segments = [1 + token for token in tokens], [0] * len(tokens)
            for number, (prompt, text) in enumerate(one.tasks, 1):
                prefix, suffix = self.prefix(prompt), self.suffix(text)
                length = len(prefix) + len(suffix)
                ids += prefix + suffix
                labels += [IGNORED] * len(prefix) + suffix
                positions += range(IMAGE_TOKENS + 1, IMAGE_TOKENS + 1 + length)
                segments += [number] * length
            rows.append((ids, labels, positions, segments))
        return self._rows(rows)

    def plain(self, drawn: Sequence[Task]) -> Rows:
        """One row a task."""
        rows = []
        for prompt, text in drawn:
            prefix, suffix = self.prefix(prompt), self.suffix(text)
            before, length = IMAGE_TOKENS + len(prefix), IMAGE_TOKENS + len(prefix) + len(suffix)
            ids = [self.image] * IMAGE_TOKENS + prefix + suffix
            labels = [IGNORED] * before + suffix
            rows.append((ids, labels, [1] * length, [0] * before + [1] * len(suffix)))
        return self._rows(rows)


def packed_mask(segments: torch.Tensor) -> torch.Tensor:
    """(rows, 1, length, length), True where a token may look."""
    length = segments.shape[1]
    past = torch.ones(length, length, dtype=torch.bool, device=segments.device).tril()
    own = (segments[:, :, None] == segments[:, None, :]) & past
    image = (segments[:, None, :] == 0) & (segments[:, :, None] != -1)
    return (own | image | (past & past.T))[:, None]
