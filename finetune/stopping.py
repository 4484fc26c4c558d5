"""When a run ends: its bounds, a held-out loss that gets no better, or a signal to stop."""

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from finetune.recipe import FinetuneRecipe


def progress(recipe: FinetuneRecipe, step: int, seconds: float, epochs: float) -> float:
    """The share of the run that is done, by the bound that comes first; 1 or more: it is over."""
    shares = [0.0]
    if recipe.max_steps:
        shares.append(step / recipe.max_steps)
    if recipe.max_minutes:
        shares.append(seconds / 60 / recipe.max_minutes)
    if recipe.epochs:
        shares.append(epochs / recipe.epochs)
    return max(shares)


def items_a_step(recipe: FinetuneRecipe, devices: int = 1) -> int:
    """Images (or texts alone) that one step learns from."""
    return recipe.batch_size * recipe.accumulation * devices


def learning_rate(recipe: FinetuneRecipe, step: int, done: float) -> float:
    """Linear warm-up, then the schedule down to 1% of the rate at the end of the run."""
    warm = min(1.0, (step + 1) / (recipe.warm_up + 1))
    left = max(0.0, 1 - done)
    shape = {
        "cosine": 0.5 * (1 - math.cos(math.pi * left)),
        "linear": left,
        "constant": 1.0,
    }[recipe.schedule]
    return recipe.learning_rate * warm * (0.99 * shape + 0.01)


@dataclass
class Best:
    """The lowest held-out loss so far, and how many looks ago it was."""

    loss: float = math.inf
    step: int = 0
    since: int = 0
    first: float | None = None  # before any training

    def look(self, loss: float, step: int) -> bool:
        """Whether it is the best yet."""
        self.first = loss if self.first is None else self.first
        better = loss < self.loss
        self.since = 0 if better else self.since + 1
        if better:
            self.loss, self.step = loss, step
        return better


@dataclass
class Stop:
    """Set by the first Ctrl-C or SIGTERM; the step under way is finished."""

    asked: bool = False


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Ask for a stop by a signal; a second one interrupts at once."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: object) -> None:
        stop.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    old = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
