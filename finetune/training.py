"""Fine-tune a PaliGemma by a recipe: the run from its data to what can be loaded.

A run looks at held-out rows as it goes, keeps the best weights, saves itself as a whole and goes on
from there after any kill. What a step does is `learner`'s, the loop `run`'s.
"""

import json
import resource
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import PaliGemmaProcessor

from agent.loading import find_checkpoint, has_isolated_images, load_processor
from agent.paligemma import PaliGemma, load_paligemma
from finetune.cards import Figures, dataset_card, model_card
from finetune.collate import collator_of
from finetune.data.row import Row
from finetune.learner import Learner
from finetune.methods import load_base, prepare
from finetune.recipe import FinetuneRecipe
from finetune.run import STATE, Run
from finetune.saving import Base, base_of, save_adapter, save_checkpoint
from finetune.sets import Sets, of_rows, sets_of
from finetune.stopping import stoppable
from tools.errors import BadInputError

RUN = "run.json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """A finished run: how it went, and what to load."""

    model: str
    revision: str | None
    adapter: str | None  # folder; None: trained in full
    checkpoint: str | None  # folder; None: an adapter of `model`
    method: str
    steps: int
    seconds: float
    cpu_seconds: float
    images: int  # seen, with repeats; a text alone counts as one
    rows: int  # seen, with repeats
    cut: int  # rows that were too long, with repeats
    samples_per_second: float  # rows
    loss: float  # mean of a learned token over the last steps
    held_out_before: float | None
    held_out: float | None  # the best, whose weights these are
    best_step: int
    ended_by: str
    devices: int
    trainable: int  # parameters
    parameters: int
    peak_memory_mb: int

    def load(self, **options: Any) -> PaliGemma:
        """The trained model as serving loads it."""
        if self.checkpoint:
            return load_paligemma(self.checkpoint, **options)
        return load_paligemma(self.model, revision=self.revision, adapter=self.adapter, **options)


def train(
    recipe: FinetuneRecipe,
    out: Path,
    *,
    rows: Iterable[Row] | None = None,
    held_out: Iterable[Row] = (),
    resume: bool = False,
    say: Say = print,
) -> Trained:
    """Train by the recipe into the folder `out`; `rows` stand in for the recipe's data.

    Raises:
        BadInputError: data, method or an earlier run in `out` that does not fit the recipe.
        ModelUnavailableError: the base cannot be loaded.
        Cancelled: stopped by a signal; all is saved, and `resume` goes on.
    """
    _check_state(out, resume)
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = find_checkpoint(recipe.model, recipe.revision)
    processor = load_processor(checkpoint)
    base = base_of(recipe.model, checkpoint)
    sets = of_rows(rows, held_out) if rows is not None else _read(recipe, out, resume, say)
    model = load_base(checkpoint, recipe)
    isolated = has_isolated_images(model.config)
    torch.manual_seed(recipe.seed)  # LoRA's first weights are drawn
    trainable = prepare(model, processor, recipe)
    collator = collator_of(recipe, processor, isolated, trainable.soft_ids)
    run = Run(recipe, Learner(recipe, trainable, collator, sets), out, base.name, say)
    if resume:
        run.resume()
    with stoppable() as stop:
        ended = run.go(stop)
    trained = _finish(run, processor, base, ended)
    if run.learner.accelerator.is_main_process:
        _write_cards(trained, recipe, base, sets, out)
    return trained


def _check_state(out: Path, resume: bool) -> None:
    there = (out / STATE).exists()
    if resume and not there:
        raise BadInputError(f"nothing to resume in {out}; leave --resume out")
    if there and not resume:
        raise BadInputError(f"{out} holds a run; add --resume to go on, or name another --out")


def _read(recipe: FinetuneRecipe, out: Path, resume: bool, say: Say) -> Sets:
    """One process reads, the others take what it has read."""
    processes = PartialState(cpu=not torch.cuda.is_available())
    with processes.main_process_first():
        first = processes.is_main_process
        return sets_of(recipe, out / "rows", say if first else _nothing, first and not resume)


def _nothing(line: str) -> None:
    """Only the first process speaks."""


def _finish(run: Run, processor: PaliGemmaProcessor, base: Base, ended: str) -> Trained:
    """Save what can be loaded, with the best weights, and tell of it."""
    run.take_best()
    trainable, full = run.learner.trainable, run.learner.trainable.adapter is None
    folder = run.out.absolute() / ("checkpoint" if full else "adapter")
    trained = _trained(run, base, folder, ended)
    if run.learner.accelerator.is_main_process:
        if full:
            save_checkpoint(trainable, processor, folder)
        else:
            save_adapter(trainable, base, folder)
        (run.out / RUN).write_text(json.dumps(asdict(trained), indent=2) + "\n", "utf-8")
    run.learner.accelerator.wait_for_everyone()
    return trained


def _write_cards(
    trained: Trained, recipe: FinetuneRecipe, base: Base, sets: Sets, out: Path
) -> None:
    known = {field.name: getattr(trained, field.name) for field in fields(Figures)}
    folder = Path(trained.adapter or trained.checkpoint or out)
    model_card(Figures(**known), recipe, base, sets.counts).save(folder / "README.md")
    (out / "dataset").mkdir(exist_ok=True)
    dataset_card(sets.counts).save(out / "dataset" / "README.md")


def _trained(run: Run, base: Base, folder: Path, ended: str) -> Trained:
    trainable, full = run.learner.trainable, run.learner.trainable.adapter is None
    looked = run.best.first is not None
    return Trained(
        model=base.model,
        revision=base.revision,
        adapter=None if full else str(folder),
        checkpoint=str(folder) if full else None,
        method=run.recipe.method,
        steps=run.step,
        seconds=run.seconds,
        cpu_seconds=run.cpu_seconds,
        images=run.images,
        rows=run.rows,
        cut=run.cut,
        samples_per_second=run.samples_per_second,
        loss=run.loss,
        held_out_before=run.best.first,
        held_out=run.best.loss if looked else None,
        best_step=run.best.step if looked else run.step,
        ended_by=ended,
        devices=run.learner.devices,
        trainable=sum(p.numel() for _, p in trainable.parameters()),
        parameters=sum(p.numel() for p in trainable.model.parameters()),
        peak_memory_mb=_peak_memory_mb(),
    )


def _peak_memory_mb() -> int:
    """Of the GPU where there is one, else of the process since it began."""
    if torch.cuda.is_available():
        return round(torch.cuda.max_memory_allocated() / 2**20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))
