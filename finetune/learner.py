"""One step of fine-tuning, on one device or several, and the loss of held-out rows.

What a step learns depends on the recipe, the rows and the step's number alone: rows, mirroring and
dropout draw from generators seeded by it. It knows neither time nor files.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs

from finetune.ahead import ahead
from finetune.answers import Answers
from finetune.collate import Batch, Collator
from finetune.methods import Trainable
from finetune.recipe import FinetuneRecipe
from finetune.rows import Item
from finetune.saving import put_weights, weights_of
from finetune.sets import Sets
from tools.errors import BadInputError


class Learner:
    """A model, its optimiser, and the rows that it learns from."""

    def __init__(
        self, recipe: FinetuneRecipe, trainable: Trainable, collator: Collator, sets: Sets
    ) -> None:
        self.recipe, self.trainable = recipe, trainable
        self._collator, self._sampler = collator, sets.sampler(recipe.seed)
        # Every held-out row is looked at, so that questions of all kinds count.
        self.held_out = [part for item in sets.held_out for part in _parts(item, recipe.questions)]
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)  # text has no image
        self.accelerator = Accelerator(kwargs_handlers=[unused], cpu=not torch.cuda.is_available())
        self._answers: Any = self.accelerator.prepare(
            Answers(trainable.model, bf16=recipe.bf16, towers=recipe.towers_mb * 2**20)
        )
        self._optimizer = torch.optim.AdamW(_groups(trainable, recipe), lr=recipe.learning_rate)

    @property
    def devices(self) -> int:
        return int(self.accelerator.num_processes)

    @property
    def items(self) -> int:
        """Images, and texts alone, of all sets."""
        return self._sampler.size

    def batches(self, step: int) -> Iterator[list[Batch]]:
        """This device's batches of each step from `step` on, prepared ahead."""
        number = self.recipe.batch_size * self.recipe.accumulation * self.devices
        drawn = enumerate(self._sampler.steps(number, step), step)
        return ahead(self._batches, drawn, self.recipe.workers)

    def _batches(self, drawn: tuple[int, list[Item]]) -> list[Batch]:
        (step, items), size = drawn, self.recipe.batch_size
        parts = range(self.accelerator.process_index, len(items) // size, self.devices)
        return [
            self._collator(
                items[part * size : (part + 1) * size],
                random.Random(f"{self.recipe.seed}:{step}:{part}"),
            )
            for part in parts
        ]

    def take_step(self, step: int, batches: Sequence[Batch], rate: float) -> float:
        """One optimiser step; the mean loss of a learned token before it.

        Raises:
            BadInputError: the loss is no number any more.
        """
        device = self.accelerator.device
        torch.manual_seed(_seed(self.recipe.seed, step, self.accelerator.process_index))
        self._answers.train()
        tokens = self._sum(torch.tensor(float(sum(b.answers for b in batches)), device=device))
        total = torch.zeros((), device=device)
        for number, batch in enumerate(batches, 1):
            last = number == len(batches)
            with nullcontext() if last else self.accelerator.no_sync(self._answers):
                loss = self._answers(batch.to(device))
                # Devices' gradients are averaged, and the mean is over the tokens of all of them.
                self.accelerator.backward(loss * self.devices / tokens)
            total += loss.detach()
        mean = float(self._sum(total) / tokens)
        if mean != mean:
            raise BadInputError(f"the loss is not a number at step {step}; lower learning_rate")
        self._update(rate)
        return mean

    def _update(self, rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        torch.nn.utils.clip_grad_norm_(
            [p for group in self._optimizer.param_groups for p in group["params"]],
            self.recipe.clip,
        )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def held_out_loss(self) -> float:
        """The mean loss of a token of the held-out rows' answers."""
        size, first = self.recipe.batch_size, self.accelerator.process_index
        device = self.accelerator.device
        self._answers.eval()
        total = torch.zeros(2, device=device)
        starts = range(first * size, len(self.held_out), size * self.devices)
        with torch.no_grad():
            model = self.accelerator.unwrap_model(self._answers)
            for batch in ahead(self._held_out_batch, iter(starts), self.recipe.workers):
                total += torch.stack([model(batch.to(device)), torch.tensor(float(batch.answers))])
        loss, tokens = self._sum(total).tolist()
        return float(loss / tokens)

    def _held_out_batch(self, start: int) -> Batch:
        items = self.held_out
        return self._collator(
            [items[i] for i in range(start, min(start + self.recipe.batch_size, len(items)))]
        )

    def agree(self, seconds: float, stop: bool) -> tuple[float, bool]:
        """The first device's time, and whether any is to stop: all must end together."""
        if self.devices == 1:
            return seconds, stop
        mine = torch.tensor([[seconds, float(stop)]], device=self.accelerator.device)
        every: Any = self.accelerator.gather(mine)
        return float(every[0, 0]), bool(every[:, 1].any())

    def state(self) -> dict[str, Any]:
        return {"weights": weights_of(self.trainable), "optimizer": self._optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        put_weights(self.trainable, state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])

    def _sum(self, value: torch.Tensor) -> torch.Tensor:
        summed: Any = self.accelerator.reduce(value, "sum")
        found: torch.Tensor = summed
        return found


def _parts(item: Item, size: int) -> list[Item]:
    return [item[start : start + size] for start in range(0, len(item), size)]


def _groups(trainable: Trainable, recipe: FinetuneRecipe) -> list[dict[str, Any]]:
    """Matrices decay; norms, biases and embeddings do not."""
    decayed, kept = list[Any](), list[Any]()
    for name, parameter in trainable.parameters():
        matrix = parameter.ndim >= 2 and "embed" not in name
        (decayed if matrix else kept).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": kept, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _seed(*parts: int) -> int:
    return random.Random(":".join(map(str, parts))).getrandbits(63)
