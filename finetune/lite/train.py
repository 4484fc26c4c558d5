"""What a step of the lite line learns: the tower by its heads, the decoder by texts.

A step is one of three kinds. Tower alone: the closed questions, the teacher's answers and the
density of objects. Blended: two images laid over each other, the teacher's answers only (Beyer et
al. 2022, arXiv:2106.05237). With text: the tower's losses, and the tokens of the answers, packed
behind one copy of the image or with the library's own mask.
"""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.nn import functional
from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor

from finetune.data.example import Example
from finetune.lite.batch import IGNORED, Encoder, Sample, asked, packed_mask, pixel_values
from finetune.lite.heads import (
    Heads,
    Taught,
    at_tokens,
    density_loss,
    distillation_loss,
    local_loss,
    options_loss,
)
from finetune.lite.model import IMAGE_TOKENS, examples
from finetune.lite.run import Recipe, Run, autocast
from finetune.lite.teacher import Teacher

PLAIN_REPEATS = 2  # tasks an image in a plain batch
Losses = dict[str, torch.Tensor]
Kind = Literal["tower", "blended", "text"]


def drop_tokens(share: float, samples: int, tokens: int, rng: random.Random) -> torch.Tensor | None:
    """Which tokens stay, (samples, kept), in order; None where all do."""
    if share >= 1:
        return None
    drawn = torch.Generator().manual_seed(rng.getrandbits(48))
    return (
        torch.rand(samples, tokens, generator=drawn)
        .argsort(1)[:, : int(tokens * share)]
        .sort(1)
        .values
    )


def see(
    model: PaliGemmaForConditionalGeneration, pixels: torch.Tensor, kept: torch.Tensor | None
) -> torch.Tensor:
    """The tower's output, (n, tokens, width), of the kept patches only where some are dropped."""
    tower = model.model.vision_tower
    if kept is None:
        output: torch.Tensor = tower(pixels).last_hidden_state
        return output
    patches = at_tokens(tower.embeddings(pixels), kept)
    seen: torch.Tensor = tower.post_layernorm(
        tower.encoder(inputs_embeds=patches).last_hidden_state
    )
    return seen


def _embedded(
    model: PaliGemmaForConditionalGeneration, ids: torch.Tensor, seen: torch.Tensor
) -> torch.Tensor:
    words = model.get_input_embeddings()(ids[:, seen.shape[1] :])
    return torch.cat([seen.to(words.dtype), words], 1)


def _packed(
    model: PaliGemmaForConditionalGeneration,
    encoder: Encoder,
    samples: Sequence[Sample],
    seen: torch.Tensor,
    kept: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = encoder.packed(samples, kept)
    hidden = model.model.language_model(
        inputs_embeds=_embedded(model, rows.ids, seen),
        attention_mask=packed_mask(rows.segments),
        position_ids=rows.positions,
        use_cache=False,
    ).last_hidden_state
    return hidden, rows.labels


def _plain(
    model: PaliGemmaForConditionalGeneration,
    encoder: Encoder,
    samples: Sequence[Sample],
    seen: torch.Tensor,
    rng: random.Random,
) -> tuple[torch.Tensor, torch.Tensor]:
    drawn = [t for s in samples for t in rng.sample(s.tasks * PLAIN_REPEATS, PLAIN_REPEATS)]
    rows = encoder.plain(drawn)
    hidden = model.model(
        inputs_embeds=_embedded(model, rows.ids, seen.repeat_interleave(PLAIN_REPEATS, 0)),
        attention_mask=rows.real,
        token_type_ids=rows.segments.clamp(min=0),
    ).last_hidden_state
    return hidden, rows.labels


def answers_loss(
    model: PaliGemmaForConditionalGeneration,
    encoder: Encoder,
    batch: "Batch",
    tower: torch.Tensor,
    kept: torch.Tensor | None,
) -> torch.Tensor:
    """Mean cross-entropy of the tokens of the answers."""
    with autocast():
        seen = model.model.multi_modal_projector(tower)
        hidden, labels = (
            _plain(model, encoder, batch.samples, seen, batch.rng)
            if batch.plain
            else _packed(model, encoder, batch.samples, seen, kept)
        )
        target = labels[:, 1:]
        known = target != IGNORED
        logits = model.lm_head(hidden[:, :-1][known])
    return functional.cross_entropy(logits.float(), target[known])


class Reader(nn.Module):
    """What the training heads read in whole images: pixels to option logits."""

    def __init__(self, model: PaliGemmaForConditionalGeneration, heads: Heads) -> None:
        super().__init__()
        self.model, self.heads = model, heads

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        with autocast():
            tower = see(self.model, pixels, None)
        logits: torch.Tensor = self.heads(tower.float())[0]
        return logits


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step learns from."""

    kind: Kind
    plain: bool  # text with the library's own mask
    still: bool  # text alone: the tower is looked through, not trained
    samples: list[Sample]
    pixels: torch.Tensor  # (n, 3, SIDE, SIDE)
    taught: Taught | None
    rng: random.Random


class LiteRun(Run[Batch]):
    """Trains a lite PaliGemma; with a teacher, its tower learns from it too."""

    def __init__(
        self,
        recipe: Recipe,
        processor: PaliGemmaProcessor,
        model: PaliGemmaForConditionalGeneration,
        images: Sequence[Example],
        teacher: Teacher | None = None,
    ) -> None:
        self.processor, self.model, self.teacher = processor, model, teacher
        self.heads = Heads(model.model.vision_tower.config.hidden_size)
        self.encoder = Encoder(processor)
        self.reader = Reader(model, self.heads)
        modules = {"model": model, "heads": self.heads}
        super().__init__(recipe, modules, images, {"model.vision_tower": recipe.tower_rate})

    def prepare(self, samples: list[Sample], rng: random.Random, progress: float) -> Batch:
        """Choose what the step learns, and ask the teacher."""
        text = progress >= self.recipe.text_from and rng.random() < self.recipe.text_share
        blended = not text and self.teacher is not None and rng.random() < self.recipe.mixed
        pixels = pixel_values(samples)
        if blended:
            order = torch.tensor(rng.sample(range(len(samples)), len(samples)))
            pixels = torch.lerp(pixels[order], pixels, rng.uniform(0.5, 1.0))
        plain = text and rng.random() < self.recipe.plain_share
        still = text and rng.random() < self.recipe.still
        kind: Kind = "text" if text else "blended" if blended else "tower"
        taught = None if still else self._taught(pixels)
        return Batch(kind, plain, still, samples, pixels, taught, rng)

    def _taught(self, pixels: torch.Tensor) -> Taught | None:
        if self.teacher is None:
            return None
        with torch.no_grad():
            taught: Taught = self.teacher(pixels)
        return taught

    def loss(self, batch: Batch) -> Losses:
        # The library's mask takes no gaps.
        kept = None if batch.plain else self._kept(batch)
        with autocast(), torch.set_grad_enabled(not batch.still):
            tower = see(self.model, batch.pixels, kept)
        losses = {} if batch.still else self._tower(tower.float(), batch, kept)
        if batch.kind == "text":
            losses["answers"] = answers_loss(self.model, self.encoder, batch, tower, kept)
        return losses

    def _tower(self, tower: torch.Tensor, batch: Batch, kept: torch.Tensor | None) -> Losses:
        logits, features = self.heads(tower)
        losses: Losses = {}
        if batch.kind != "blended":
            losses["options"] = options_loss(logits, batch.samples)
            losses["density"] = density_loss(self.heads.rates(tower), batch.samples, kept)
        if batch.taught is not None:
            taught = batch.taught
            losses["taught"] = distillation_loss(logits, taught.options, asked(batch.samples))
            losses["features"] = 1 - functional.cosine_similarity(features, taught.features).mean()
            losses["local"] = local_loss(self.heads.local(tower), taught.local, kept)
        return losses

    def continue_from(self, state: Path) -> None:
        """Take the weights of an earlier run in full precision, its training heads too."""
        self.model.load_state_dict(torch.load(state, weights_only=True)["modules"]["model"])
        self.take_heads(state)

    def take_heads(self, state: Path) -> None:
        """Take the training heads of an earlier run."""
        self.heads.load_state_dict(torch.load(state, weights_only=True)["modules"]["heads"])

    def _kept(self, batch: Batch) -> torch.Tensor | None:
        share = 1.0 if self.progress >= self.recipe.whole_from else self.recipe.kept
        return drop_tokens(share, len(batch.samples), IMAGE_TOKENS, batch.rng)


def export(
    model: PaliGemmaForConditionalGeneration, processor: PaliGemmaProcessor, folder: Path
) -> None:
    """The stock folder in bfloat16: weights, configuration, processor, tokenizer, examples."""
    exported = PaliGemmaForConditionalGeneration(copy.deepcopy(model.config))
    exported.load_state_dict(model.state_dict())
    exported.bfloat16().save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "examples.txt").write_text("\n".join(examples()) + "\n", "utf-8")
