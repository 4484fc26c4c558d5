"""A training run: steps, learning rate, save and resume; what a step learns is the subclass's.

Every step draws from a generator seeded by its number, so a resumed run sees what an unbroken one
would have seen. The learning rate follows the share of the time (or of the steps) that is spent.
"""

import math
import random
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from finetune.data.example import Example
from finetune.lite.batch import Sample, sample
from finetune.lite.sampling import Sampler

Batch = TypeVar("Batch")
_AHEAD = 3  # steps whose samples are drawn while another is taken


@dataclass(frozen=True)
class Recipe:
    """What determines a run; either `minutes` or `steps` bounds it."""

    minutes: float = 60.0
    steps: int = 0  # 0: bounded by the minutes
    batch: int = 32
    tasks: int = 4  # questions packed behind one image
    learning_rate: float = 8e-4
    weight_decay: float = 0.05
    warm_up: int = 100
    kept: float = 1.0  # share of the image tokens that a step sees (Liu et al. 2022, PatchDropout)
    whole_from: float = 1.0  # share of the run after which every token is seen
    mixed: float = 0.0  # share of the steps that learn blended images from the teacher alone
    text_from: float = 0.0  # share of the run after which text is trained
    text_share: float = 1.0  # of the steps from then on
    plain_share: float = 0.3  # of the text steps, with the library's own mask
    still: float = 0.0  # share of the text steps that leave the tower as it is
    tower_rate: float = 1.0  # learning rate of the tower, relative
    pretraining: bool = False  # descriptions and boxes only
    seed: int = 0


def autocast() -> torch.autocast:
    """bfloat16 where the CPU multiplies it in hardware; elsewhere it is many times slower."""
    fast = torch.cpu._is_avx512_bf16_supported()
    return torch.autocast("cpu", torch.bfloat16, enabled=fast)


def parameter_groups(
    modules: Mapping[str, nn.Module], decay: float, rates: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Groups for the optimiser; `rates` scales the learning rate by prefix of a name."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for module in modules.values():
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad:
                continue
            rate = next((r for prefix, r in rates.items() if name.startswith(prefix)), 1.0)
            decayed = decay if parameter.ndim >= 2 and "embed" not in name else 0.0
            groups.setdefault((rate, decayed), []).append(parameter)
    return [
        {"params": list(found), "weight_decay": decayed, "share": rate}
        for (rate, decayed), found in groups.items()
    ]


class Run(ABC, Generic[Batch]):
    """A run that can be saved after any step and continued."""

    def __init__(
        self,
        recipe: Recipe,
        modules: Mapping[str, nn.Module],
        examples: Sequence[Example],
        rates: Mapping[str, float] | None = None,
    ) -> None:
        self.recipe, self.modules = recipe, dict(modules)
        self.sampler = Sampler(examples)
        groups = parameter_groups(modules, recipe.weight_decay, rates or {})
        self.optimizer = torch.optim.AdamW(
            groups, lr=recipe.learning_rate, betas=(0.9, 0.98), fused=True
        )
        self.parameters = [p for group in groups for p in group["params"]]
        self.step, self.seconds, self.cpu_seconds = 0, 0.0, 0.0

    @abstractmethod
    def prepare(self, samples: list[Sample], rng: random.Random, progress: float) -> Batch:
        """What `loss` needs of a step's samples; runs beside the steps before it."""

    @abstractmethod
    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The losses of a batch, by name; their sum is minimised."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return self._progress(self.step)

    def _progress(self, step: int) -> float:
        if self.recipe.steps:
            return step / self.recipe.steps
        return self.seconds / 60 / self.recipe.minutes

    def rate(self) -> float:
        """The learning rate of this step: linear warm-up, then half a cosine down to 1%."""
        warm = min(1.0, (self.step + 1) / self.recipe.warm_up)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress)))
        return self.recipe.learning_rate * warm * (0.99 * cosine + 0.01)

    def draw(self, step: int) -> Batch:
        """The batch of a step."""
        rng = random.Random(f"{self.recipe.seed}:{step}")
        drawn = [self.sampler.draw(rng) for _ in range(self.recipe.batch)]
        made = [
            sample(example, self.recipe.tasks, rng, self.recipe.pretraining) for example in drawn
        ]
        return self.prepare(made, rng, self._progress(step))

    def take_step(self, batch: Batch) -> dict[str, float]:
        """One optimiser step; its losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate() * group["share"]
        for module in self.modules.values():
            module.train()
        losses = self.loss(batch)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return {name: one.item() for name, one in losses.items()}

    def run(self) -> Iterator[dict[str, float]]:
        """Steps until the run is done; a second thread prepares the batches."""
        with ThreadPoolExecutor(1) as drawing:
            waiting: deque[Future[Batch]] = deque()
            while self.progress < 1:
                clock, cpu = time.monotonic(), time.process_time()
                while len(waiting) < _AHEAD:
                    waiting.append(drawing.submit(self.draw, self.step + len(waiting)))
                losses = self.take_step(waiting.popleft().result())
                self.seconds += time.monotonic() - clock
                self.cpu_seconds += time.process_time() - cpu
                yield losses
            for one in waiting:
                one.cancel()

    def save(self, path: Path) -> None:
        """Everything a resumed run needs, replaced as a whole."""
        state = {
            "recipe": asdict(self.recipe),
            "step": self.step,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimizer": self.optimizer.state_dict(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Continue where `save` was called."""
        state = torch.load(path, weights_only=True)
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.cpu_seconds = state["cpu_seconds"]
