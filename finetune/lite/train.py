"""What a step of the lite line learns: the tower by its heads, the decoder by texts.

A step is one of three kinds. Tower alone: the closed questions, the teacher's answers and the
density of objects. Blended: two images laid over each other, the teacher's answers only (Beyer et
al. 2022, arXiv:2106.05237). With text: the tower's losses, and the tokens of the answers, packed
behind one copy of the image or with the library's own mask.
"""

import copy
import random
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional
from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor

from finetune.data.example import Example
from finetune.lite.batch import IGNORED, Encoder, Sample, asked, packed_mask, pixel_values
from finetune.lite.heads import Heads, density_loss, distillation_loss, options_loss
from finetune.lite.model import IMAGE_TOKENS
from finetune.lite.run import Recipe, Run, autocast
from finetune.lite.teacher import Teacher

PLAIN_REPEATS = 2  # tasks an image in a plain batch
Losses = dict[str, torch.Tensor]


def drop_tokens(share: float, samples: int, tokens: int) -> torch.Tensor | None:
    """Which tokens stay, (samples, kept), in order; None where all do."""
    if share >= 1:
        return None
    return torch.rand(samples, tokens).argsort(1)[:, : int(tokens * share)].sort(1).values


def see(
    model: PaliGemmaForConditionalGeneration, pixels: torch.Tensor, kept: torch.Tensor | None
) -> torch.Tensor:
    """The tower's output, (n, tokens, width), of the kept patches only where some are dropped."""
    tower = model.model.vision_tower
    if kept is None:
        output: torch.Tensor = tower(pixels).last_hidden_state
        return output
    patches = tower.embeddings(pixels)
    patches = patches.gather(1, kept[..., None].expand(-1, -1, patches.shape[2]))
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
    samples: Sequence[Sample],
    tower: torch.Tensor,
    kept: torch.Tensor | None,
    plain: bool,
    rng: random.Random,
) -> torch.Tensor:
    """Mean cross-entropy of the tokens of the answers."""
    with autocast():
        seen = model.model.multi_modal_projector(tower)
        hidden, labels = (
            _plain(model, encoder, samples, seen, rng)
            if plain
            else _packed(model, encoder, samples, seen, kept)
        )
        target = labels[:, 1:]
        known = target != IGNORED
        logits = model.lm_head(hidden[:, :-1][known])
    return functional.cross_entropy(logits.float(), target[known])


class LiteRun(Run):
    """Trains a lite PaliGemma; with a teacher, its tower learns from it too."""

    def __init__(
        self,
        recipe: Recipe,
        processor: PaliGemmaProcessor,
        model: PaliGemmaForConditionalGeneration,
        examples: Sequence[Example],
        teacher: Teacher | None = None,
    ) -> None:
        self.processor, self.model, self.teacher = processor, model, teacher
        self.heads = Heads(model.model.vision_tower.config.hidden_size)
        self.encoder = Encoder(processor)
        modules = {"model": model, "heads": self.heads}
        super().__init__(recipe, modules, examples, {"model.vision_tower": recipe.tower_rate})

    def loss(self, samples: Sequence[Sample], rng: random.Random) -> Losses:
        recipe = self.recipe
        text = self.progress >= recipe.text_from and rng.random() < recipe.text_share
        if not text and self.teacher is not None and rng.random() < recipe.mixed:
            return self._blended(samples, rng)
        plain = text and rng.random() < recipe.plain_share
        pixels = pixel_values(samples)
        kept = None if plain else self._kept(len(samples))  # the library's mask takes no gaps
        with autocast():
            tower = see(self.model, pixels, kept)
        losses = self._tower(tower.float(), pixels, samples, kept)
        if text:
            losses["answers"] = answers_loss(
                self.model, self.encoder, samples, tower, kept, plain, rng
            )
        return losses

    def _kept(self, samples: int) -> torch.Tensor | None:
        return drop_tokens(self.recipe.kept, samples, IMAGE_TOKENS)

    def _tower(
        self,
        tower: torch.Tensor,
        pixels: torch.Tensor,
        samples: Sequence[Sample],
        kept: torch.Tensor | None,
    ) -> Losses:
        logits, features = self.heads(tower)
        losses = {
            "options": options_loss(logits, samples),
            "density": density_loss(self.heads.rates(tower), samples, kept),
        }
        return losses | self._taught(pixels, logits, features, asked(samples))

    def _taught(
        self,
        pixels: torch.Tensor,
        logits: torch.Tensor,
        features: torch.Tensor,
        questions: torch.Tensor,
    ) -> Losses:
        if self.teacher is None:
            return {}
        with torch.inference_mode():
            like, taught = self.teacher(pixels)
        like, taught = like.clone(), taught.clone()
        return {
            "taught": distillation_loss(logits, taught, questions),
            "features": 1 - functional.cosine_similarity(features, like).mean(),
        }

    def _blended(self, samples: Sequence[Sample], rng: random.Random) -> Losses:
        pixels, questions = pixel_values(samples), asked(samples)
        order = torch.tensor(rng.sample(range(len(samples)), len(samples)))
        share = rng.uniform(0.5, 1.0)
        pixels = share * pixels + (1 - share) * pixels[order]
        with autocast():
            tower = see(self.model, pixels, self._kept(len(samples)))
        return self._taught(pixels, *self.heads(tower.float()), questions)


def export(
    model: PaliGemmaForConditionalGeneration, processor: PaliGemmaProcessor, folder: Path
) -> None:
    """The stock folder in bfloat16: weights, configuration, processor and tokenizer."""
    exported = PaliGemmaForConditionalGeneration(copy.deepcopy(model.config))
    exported.load_state_dict(model.state_dict())
    exported.bfloat16().save_pretrained(folder)
    processor.save_pretrained(folder)
