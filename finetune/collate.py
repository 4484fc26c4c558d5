"""Rows to one batch, in the form that the checkpoint reads.

Plain: a sequence a row, image tokens and prompt one prefix that sees itself both ways, the suffix
causal (Beyer et al. 2024, arXiv:2407.07726, section 3), padded on the right. Isolated, for
checkpoints whose configuration says `"image_prefix": "isolated"`: image tokens that see only the
image and, behind them, every row that is asked of it, each seeing the image and its own past.
A row of text alone has no image tokens. Labels cover the suffix and <eos>, nothing else.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor
from transformers import PaliGemmaProcessor

from finetune.data.example import Pixels
from finetune.data.row import Row
from finetune.encoding import Encoder
from finetune.lite.batch import IGNORED, packed_mask
from finetune.pictures import Pictures, key_of
from finetune.recipe import FinetuneRecipe
from finetune.rows import Item
from tools.errors import BadInputError

__all__ = ["IGNORED", "Batch", "Collator", "collator_of", "packed_mask"]


@dataclass(frozen=True, eq=False)
class Batch:
    """One forward's rows; `images` are in the order of the sequences that show them."""

    ids: Tensor  # (sequences, length)
    labels: Tensor  # (sequences, length), IGNORED on image, prefix and padding
    real: Tensor  # (sequences, length), 0 on padding
    token_types: Tensor  # (sequences, length), 0 prefix, 1 suffix and padding
    positions: Tensor  # (sequences, length), from 1
    segments: Tensor  # (sequences, length), 0 image, 1… the row, -1 padding: for the packed mask
    asked: tuple[Tensor, Tensor]  # rows and columns whose next token is learned, (answers,) each
    targets: Tensor  # (answers,), those tokens
    pixels: Tensor | None  # (images, 3, side, side)
    images: tuple[str, ...]  # what tells them apart
    shown: Tensor  # (sequences that show an image,), which of the images
    isolated: bool
    rows: int
    cut: int  # rows that were too long

    @property
    def answers(self) -> int:
        """Tokens that are learned."""
        return len(self.targets)

    def to(self, device: torch.device) -> "Batch":
        moved: dict[str, Any] = {
            f.name: value.to(device)
            for f in fields(self)
            if isinstance(value := getattr(self, f.name), Tensor)
        }
        rows, columns = self.asked
        return replace(self, asked=(rows.to(device), columns.to(device)), **moved)


@dataclass
class _Sequence:
    """Tokens of one sequence as they are put together."""

    ids: list[int]
    labels: list[int]
    token_types: list[int]
    positions: list[int]
    segments: list[int]

    @classmethod
    def behind(cls, image: int, tokens: int) -> "_Sequence":
        """Starts with the image's tokens; with none for text alone."""
        places = list(range(1, tokens + 1))
        return cls([image] * tokens, [IGNORED] * tokens, [0] * tokens, places, [0] * tokens)

    def add(self, prefix: Sequence[int], suffix: Sequence[int], number: int, image: int) -> None:
        """One row behind `image` tokens, however many rows stand before it."""
        length = len(prefix) + len(suffix)
        self.ids += [*prefix, *suffix]
        self.labels += [IGNORED] * len(prefix) + list(suffix)
        self.token_types += [0] * len(prefix) + [1] * len(suffix)
        self.positions += range(image + 1, image + 1 + length)
        self.segments += [number] * length


class Collator:
    """Items to batches; which rows of an item, and which are mirrored, is the generator's."""

    def __init__(
        self,
        processor: PaliGemmaProcessor,
        pictures: Pictures,
        *,
        isolated: bool,
        packed: bool = True,
        questions: int = 4,
        longest: int = 512,
        soft_prompt: tuple[int, ...] = (),
        flips: bool = False,
    ) -> None:
        """`isolated`: the checkpoint's form. Not `packed`: a copy of the image for each row."""
        self.encoder = Encoder(processor, longest, soft_prompt)
        self._pad = int(processor.tokenizer.pad_token_id)
        self._pictures, self._isolated, self._packed = pictures, isolated, packed and isolated
        self._questions, self._flips = questions, flips

    def __call__(self, items: Sequence[Item], rng: random.Random | None = None) -> Batch:
        """Without a generator: the first rows of each item, as they are."""
        chosen = [self._choose(item, rng) for item in items]
        sequences, shown, cut = list[_Sequence](), list[int](), 0
        pixels, images = list[Pixels](), list[str]()
        for item in chosen:
            groups = [item] if self._packed else [(row,) for row in item]
            for group in groups:
                sequence, more = self._sequence(group)
                sequences.append(sequence)
                cut += more
            if (image := item[0].image) is not None:
                shown += [len(pixels)] * len(groups)
                turned = self._turn(item, rng)
                pixels.append(self._pictures.pixels(image)[:: turned[0], :: turned[1]])
                images.append(f"{key_of(image)} {turned}")
        made = self._batch(sequences, pixels, shown)
        return replace(made, images=tuple(images), rows=sum(map(len, chosen)), cut=cut)

    def _choose(self, item: Item, rng: random.Random | None) -> Item:
        if len(item) <= self._questions:
            return item
        return tuple(rng.sample(item, self._questions)) if rng else item[: self._questions]

    def _turn(self, item: Item, rng: random.Random | None) -> tuple[int, int]:
        """Steps down and right, -1: mirrored; boxes would no longer be where the suffix says."""
        if not (self._flips and rng) or any("<loc" in row.suffix for row in item):
            return 1, 1
        return rng.choice((1, -1)), rng.choice((1, -1))

    def _sequence(self, rows: Sequence[Row]) -> tuple[_Sequence, int]:
        tokens = 0 if rows[0].image is None else self.encoder.image_tokens
        sequence, cut = _Sequence.behind(self.encoder.image_token, tokens), 0
        for number, row in enumerate(rows, 1):
            encoded = self.encoder(row)
            sequence.add(encoded.prefix, encoded.suffix, number, tokens)
            cut += encoded.cut
        return sequence, cut

    def _batch(
        self, sequences: Sequence[_Sequence], pixels: list[Pixels], shown: list[int]
    ) -> Batch:
        def padded(part: str, fill: int) -> Tensor:
            found = [torch.tensor(getattr(one, part), dtype=torch.long) for one in sequences]
            return torch.nn.utils.rnn.pad_sequence(found, batch_first=True, padding_value=fill)

        segments, labels = padded("segments", -1), padded("labels", IGNORED)
        rows_at, columns_at = (labels[:, 1:] != IGNORED).nonzero(as_tuple=True)
        return Batch(
            ids=padded("ids", self._pad),
            labels=labels,
            asked=(rows_at, columns_at),
            targets=labels[rows_at, columns_at + 1],
            real=(segments >= 0).long(),
            token_types=padded("token_types", 1),
            positions=padded("positions", 1),
            segments=segments,
            pixels=self._pictures.tensor(pixels) if pixels else None,
            shown=torch.tensor(shown, dtype=torch.long),
            images=(),
            isolated=self._isolated,
            rows=0,
            cut=0,
        )


def collator_of(
    recipe: FinetuneRecipe,
    processor: PaliGemmaProcessor,
    isolated: bool,
    soft_prompt: tuple[int, ...] = (),
) -> Collator:
    """The recipe's collator; `isolated` is the checkpoint's form.

    Raises:
        BadInputError: rows are to be packed for a checkpoint whose image tokens see the prompt.
    """
    if recipe.packed and not isolated:
        raise BadInputError(
            "packed: True: image tokens of this checkpoint see the prompt, so one copy serves one"
            " row only; leave packed out (the vision tower still runs once an image)"
        )
    return Collator(
        processor,
        Pictures(processor, recipe.cache_mb * 2**20),
        isolated=isolated,
        packed=recipe.packed is not False,
        questions=recipe.questions,
        longest=recipe.longest,
        soft_prompt=soft_prompt,
        flips=recipe.flips,
    )
