"""The training loop: draws samples, takes steps, saves, resumes.

Every step draws from a generator seeded by its number, so a resumed run sees what an unbroken one
would have seen. The learning rate follows the share of the time (or of the steps) that is spent.
"""

import itertools
import math
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch.nn import functional
from transformers import PaliGemmaForConditionalGeneration, PaliGemmaProcessor

from finetune.data.example import Example
from finetune.lite.batch import IGNORED, Encoder, Sample, packed_mask, pixel_values, sample
from finetune.lite.heads import Heads

# Share of the kinds of image among the samples.
KIND_SHARES = {"cell": 0.62, "smear": 0.13, "red_cell": 0.07, "nuclei": 0.13, "tissue": 0.05}
Form = Literal["packed", "plain", "vision"]
PLAIN_REPEATS = 2  # tasks an image in a plain batch


@dataclass(frozen=True)
class Recipe:
    """What determines a run; either `minutes` or `steps` bounds it."""

    minutes: float = 72.0
    steps: int = 0  # 0: bounded by the minutes
    batch: int = 24
    tasks: int = 4
    vision_share: float = 0.8  # of steps that train the tower alone; falls to 0 at the end
    learning_rate: float = 8e-4
    weight_decay: float = 0.05
    warm_up: int = 100
    plain_share: float = 0.3
    seed: int = 0


class Sampler:
    """Draws examples: kinds by fixed shares, classes by the square root of their frequency."""

    def __init__(self, examples: Sequence[Example]) -> None:
        pools: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            pools[example.kind].append(example)
        self.pools = dict(pools)
        self.kinds = list(self.pools)
        self.shares = [KIND_SHARES[kind] for kind in self.kinds]
        self.weights = {kind: self._cumulative(pool) for kind, pool in self.pools.items()}

    @staticmethod
    def _label(example: Example) -> str:
        facts = example.facts
        names = ("cell_type", "red_cell_type", "tissue_type")
        return next((facts[name] for name in names if name in facts), facts["modality"])

    def _cumulative(self, pool: Sequence[Example]) -> list[float]:
        often = Counter((e.source, self._label(e)) for e in pool)
        return list(
            itertools.accumulate(1 / math.sqrt(often[e.source, self._label(e)]) for e in pool)
        )

    def draw(self, rng: random.Random) -> Example:
        kind = rng.choices(self.kinds, self.shares)[0]
        return rng.choices(self.pools[kind], cum_weights=self.weights[kind])[0]


def losses(
    model: PaliGemmaForConditionalGeneration,
    heads: Heads,
    encoder: Encoder,
    samples: Sequence[Sample],
    form: Form,
    rng: random.Random,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy of the answers' tokens, and the loss of the heads."""
    tower = model.model.vision_tower(pixel_values(samples)).last_hidden_state
    aids = heads.loss(tower, samples)
    if form == "vision":
        return torch.full((), math.nan), aids
    seen = model.model.multi_modal_projector(tower)
    if form == "plain":
        repeats = PLAIN_REPEATS
        drawn = [t for s in samples for t in rng.sample(s.tasks * repeats, repeats)]
        rows = encoder.plain(drawn)
        inputs = _embedded(model, rows.ids, seen.repeat_interleave(repeats, 0))
        hidden = model.model(
            inputs_embeds=inputs,
            attention_mask=rows.real,
            token_type_ids=rows.segments.clamp(min=0),
        ).last_hidden_state
    else:
        rows = encoder.packed(samples)
        hidden = model.model.language_model(
            inputs_embeds=_embedded(model, rows.ids, seen),
            attention_mask=packed_mask(rows.segments),
            position_ids=rows.positions,
            use_cache=False,
        ).last_hidden_state
    target = rows.labels[:, 1:]
    known = target != IGNORED
    logits = model.lm_head(hidden[:, :-1][known]).float()
    return functional.cross_entropy(logits, target[known]), aids


def _embedded(
    model: PaliGemmaForConditionalGeneration, ids: torch.Tensor, seen: torch.Tensor
) -> torch.Tensor:
    words = model.get_input_embeddings()(ids[:, seen.shape[1] :])
    return torch.cat([seen.to(words.dtype), words], 1)


def _groups(modules: Sequence[torch.nn.Module], decay: float) -> list[dict[str, Any]]:
    named = [pair for module in modules for pair in module.named_parameters()]
    plain = [p for n, p in named if p.ndim < 2 or "embed" in n]
    return [
        {
            "params": [p for n, p in named if p.ndim >= 2 and "embed" not in n],
            "weight_decay": decay,
        },
        {"params": plain, "weight_decay": 0.0},
    ]


class Trainer:
    """A run that can be saved after any step and continued."""

    def __init__(
        self,
        recipe: Recipe,
        processor: PaliGemmaProcessor,
        model: PaliGemmaForConditionalGeneration,
        examples: Sequence[Example],
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.processor, self.model = recipe, processor, model
        self.heads = Heads(model.model.vision_tower.config.hidden_size)
        self.encoder, self.sampler = Encoder(processor), Sampler(examples)
        groups = _groups([model, self.heads], recipe.weight_decay)
        self.optimizer = torch.optim.AdamW(
            groups, lr=recipe.learning_rate, betas=(0.9, 0.98), fused=True
        )
        self.parameters = [p for group in groups for p in group["params"]]
        self.step, self.seconds, self.cpu_seconds = 0, 0.0, 0.0

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        if self.recipe.steps:
            return self.step / self.recipe.steps
        return self.seconds / 60 / self.recipe.minutes

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / self.recipe.warm_up)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress)))
        return self.recipe.learning_rate * warm * (0.98 * cosine + 0.02)

    def take_step(self) -> tuple[float, float]:
        """One optimiser step; the losses of the answers and of the heads."""
        clock, cpu = time.monotonic(), time.process_time()
        rng = random.Random(f"{self.recipe.seed}:{self.step}")
        drawn = [self.sampler.draw(rng) for _ in range(self.recipe.batch)]
        samples = [sample(example, self.recipe.tasks, rng) for example in drawn]
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.model.train()
        alone = rng.random() < self.recipe.vision_share * (1 - min(1.0, self.progress))
        form: Form = (
            "vision" if alone else "plain" if rng.random() < self.recipe.plain_share else "packed"
        )
        answers, aids = losses(self.model, self.heads, self.encoder, samples, form, rng)
        torch.autograd.backward(aids if alone else answers + aids)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.seconds += time.monotonic() - clock
        self.cpu_seconds += time.process_time() - cpu
        return answers.item(), aids.item()

    def run(self) -> Iterator[tuple[float, float]]:
        """Steps until the run is done."""
        while self.progress < 1:
            yield self.take_step()

    def save(self, path: Path) -> None:
        """Everything a resumed run needs, replaced as a whole."""
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "model": self.model.state_dict(),
            "heads": self.heads.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Continue where `save` was called."""
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.heads.load_state_dict(state["heads"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.cpu_seconds = state["cpu_seconds"]


def export(
    model: PaliGemmaForConditionalGeneration, processor: PaliGemmaProcessor, folder: Path
) -> None:
    """The stock folder in bfloat16: weights, configuration, processor and tokenizer."""
    copy = PaliGemmaForConditionalGeneration(model.config)
    copy.load_state_dict(model.state_dict())
    copy.bfloat16().save_pretrained(folder)
    processor.save_pretrained(folder)
