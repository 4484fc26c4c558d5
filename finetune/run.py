"""The loop of a run: steps, looks at held-out rows, the curve, and states to go on from."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from finetune.collate import Batch
from finetune.curve import Curve
from finetune.learner import Learner
from finetune.recipe import FinetuneRecipe
from finetune.saving import put_weights, weights_of
from finetune.state import load_state, save_state
from finetune.stopping import Best, Stop, items_a_step, learning_rate, progress
from tools.errors import BadInputError, Cancelled

STATE, BEST = "state.pt", "best.pt"
Say = Callable[[str], None]
_SAY_SECONDS, _RECENT = 5.0, 20
_FREE = {"max_steps", "max_minutes", "epochs", "save_every", "workers", "cache_mb", "towers_mb"}


class Run:
    """A run in a folder; `go` takes it to its end."""

    def __init__(
        self, recipe: FinetuneRecipe, learner: Learner, out: Path, base: str, say: Say
    ) -> None:
        """`base`: the name of the checkpoint, with its digest."""
        self.recipe, self.learner, self.out = recipe, learner, out
        self._base, self._main = base, learner.accelerator.is_main_process
        self._say = say if self._main else _nothing
        self.step, self.seconds, self.cpu_seconds = 0, 0.0, 0.0
        self.images, self.rows, self.cut = 0, 0, 0
        self.best, self._recent = Best(), deque[float](maxlen=_RECENT)

    @property
    def loss(self) -> float:
        """Mean of a learned token over the last steps."""
        return fmean(self._recent) if self._recent else float("nan")

    @property
    def samples_per_second(self) -> float:
        return self.rows / max(self.seconds, 1e-9)

    def go(self, stop: Stop) -> str:
        """Steps until it is over, and by what. Raises Cancelled, all saved, once asked to stop."""
        self._curve = Curve(self.out, self.step) if self._main else None
        if self.learner.held_out and self.best.first is None:
            self._look()
        batches, said = self.learner.batches(self.step), time.monotonic()
        try:
            while (ended := self._ended()) is None:
                self._take(batches)
                if self.step % self.recipe.save_every == 0:
                    self.save()
                if time.monotonic() - said > _SAY_SECONDS:
                    self._say(self.in_words())
                    said = time.monotonic()
                self._stop_if(stop)
        finally:
            batches.close()  # type: ignore[attr-defined]
        self._last_look()
        self.save()
        return ended

    def _ended(self) -> str | None:
        if self.progress >= 1:
            return "its bounds"
        patience = self.recipe.patience
        return "no better held-out loss" if patience and self.best.since >= patience else None

    @property
    def progress(self) -> float:
        """The share of the run that is done."""
        images = items_a_step(self.recipe, self.learner.devices) * self.step
        return progress(self.recipe, self.step, self.seconds, images / self.learner.items)

    def _take(self, batches: Iterator[list[Batch]]) -> None:
        clock, cpu = time.monotonic(), time.process_time()
        batch, rate = next(batches), learning_rate(self.recipe, self.step, self.progress)
        self._recent.append(self.learner.take_step(self.step, batch, rate))
        self.step += 1
        self.images += items_a_step(self.recipe, self.learner.devices)
        self.rows += self.learner.devices * sum(one.rows for one in batch)
        self.cut += sum(one.cut for one in batch)
        self.seconds += time.monotonic() - clock
        self.cpu_seconds += time.process_time() - cpu
        if self.step % self.recipe.eval_every == 0:
            self._look() if self.learner.held_out else self._point(None)

    def _look(self) -> None:
        """Measure on the held-out rows, and keep the weights if they are the best yet."""
        loss = self.learner.held_out_loss()
        if self.best.look(loss, self.step) and self._main:
            save_state(self.out / BEST, weights_of(self.learner.trainable))
        self._point(loss)

    def _last_look(self) -> None:
        if self.learner.held_out and self.step % self.recipe.eval_every:
            self._look()
        if self._curve:
            self._curve.close()

    def _point(self, held_out: float | None) -> None:
        if self._curve:
            self._curve.add({
                "step": self.step, "seconds": self.seconds,
                "loss": self.loss if self._recent else None, "held_out": held_out,
                "learning_rate": learning_rate(self.recipe, self.step, self.progress),
                "samples_per_second": self.samples_per_second,
            })  # fmt: skip
        self._say(self.in_words(held_out))

    def in_words(self, held_out: float | None = None) -> str:
        """One line of progress."""
        left = self.seconds * (1 / max(self.progress, 1e-6) - 1)
        told = f"  held-out loss {held_out:.4f}" if held_out is not None else ""
        learned = f"  loss {self.loss:.4f}" if self._recent else ""
        return (
            f"step {self.step}  {min(1.0, self.progress):.1%}{learned}{told}"
            f"  {self.samples_per_second:.1f} samples/s"
            + (f"  {_duration(left)} left" if self.step else "")
        )

    def _stop_if(self, stop: Stop) -> None:
        self.seconds, asked = self.learner.agree(self.seconds, stop.asked)
        if asked:
            self.save()
            raise Cancelled(
                f"stopped at step {self.step}; all is saved in {self.out}: go on with --resume"
            )

    def save(self) -> None:
        """The state after this step."""
        if self._main:
            save_state(self.out / STATE, {
                "recipe": self.recipe.model_dump(mode="json"), "base": self._base,
                "devices": self.learner.devices, "counted": self._counted(),
                "recent": list(self._recent), "best": asdict(self.best), **self.learner.state(),
            })  # fmt: skip

    def resume(self) -> None:
        """Go on from the saved state. BadInputError where the recipe or the base has changed."""
        state = load_state(self.out / STATE)
        self._refuse_changes(state)
        self.learner.restore(state)
        for name, value in state["counted"].items():
            setattr(self, name, value)
        self._recent.extend(state["recent"])
        self.best = Best(**state["best"])

    def take_best(self) -> None:
        """Put the weights of the best look into the model."""
        if self.best.first is not None:
            put_weights(self.learner.trainable, load_state(self.out / BEST))

    def _counted(self) -> dict[str, float]:
        names = ("step", "seconds", "cpu_seconds", "images", "rows", "cut")
        return {name: getattr(self, name) for name in names}

    def _refuse_changes(self, state: dict[str, Any]) -> None:
        old, new = state["recipe"], self.recipe.model_dump(mode="json")
        changed = [key for key in new if key not in _FREE and old.get(key) != new[key]]
        if state["base"] != self._base:
            changed.append(f"the weights of model (were {state['base']}, are {self._base})")
        if state["devices"] != self.learner.devices:
            changed.append(f"devices (were {state['devices']}, are {self.learner.devices})")
        if changed:
            raise BadInputError(
                f"{self.out / STATE} is of another run: {', '.join(changed)} changed; set them back"
                " or name another --out"
            )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"


def _nothing(line: str) -> None:
    """Only the first process speaks."""
