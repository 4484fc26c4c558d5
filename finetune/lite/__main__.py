"""`python -m finetune.lite`: train the lite checkpoint, or go on with a run that was stopped."""

import collections
import math
import statistics
import time
from pathlib import Path

import click
import torch
import transformers

from finetune.data.collection import load
from finetune.lite.model import build, processor
from finetune.lite.train import Recipe, Trainer, export
from tools.errors import BadInputError

SAVE_EVERY_SECONDS = 300
SAY_EVERY_STEPS = 50


def _say(trainer: Trainer, recent: collections.deque[tuple[float, float]]) -> None:
    done = trainer.step * trainer.recipe.batch
    rate = done / max(trainer.seconds, 1e-6)
    left = trainer.seconds * (1 / max(trainer.progress, 1e-6) - 1) / 60
    answers = statistics.fmean([a for a, _ in recent if a == a] or [math.nan])
    aids = statistics.fmean(a for _, a in recent)
    click.echo(
        f"step {trainer.step}  {trainer.progress:.1%}  answers {answers:.3f}  heads {aids:.3f}  "
        f"{rate:.1f} samples/s  {left:.0f} min left"
    )


def _train(trainer: Trainer, state: Path, shipped: Path) -> None:
    recent: collections.deque[tuple[float, float]] = collections.deque(maxlen=SAY_EVERY_STEPS)
    saved = time.monotonic()
    for values in trainer.run():
        recent.append(values)
        if trainer.step % SAY_EVERY_STEPS == 0:
            _say(trainer, recent)
        if time.monotonic() - saved > SAVE_EVERY_SECONDS:
            trainer.save(state)
            export(trainer.model, trainer.processor, shipped)
            saved = time.monotonic()


@click.command(context_settings={"show_default": True})
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder that holds the training sets.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the run: state.pt to resume from, checkpoint/ to load.",
)
@click.option("--minutes", type=float, default=Recipe.minutes, help="Time spent in training.")
@click.option("--steps", type=int, default=Recipe.steps, help="Steps instead of minutes.")
@click.option("--batch", type=int, default=Recipe.batch, help="Images a step.")
@click.option("--seed", type=int, default=Recipe.seed, help="Of weights, samples and views.")
@click.option("--resume", is_flag=True, help="Go on from the last saved state in --out.")
def main(
    data: Path, out: Path, minutes: float, steps: int, batch: int, seed: int, resume: bool
) -> None:
    """Train the lite PaliGemma on labelled cell images; one CPU core is enough.

    Stop it with Ctrl-C: the state is saved, and the same command with --resume goes on.
    """
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    state, shipped = out / "state.pt", out / "checkpoint"
    if resume and not state.exists():
        raise click.ClickException(f"nothing to resume: {state} does not exist; leave --resume out")
    if state.exists() and not resume:
        raise click.ClickException(f"{state} exists; add --resume, or name another --out")
    try:
        parts, refused = load(data)
    except BadInputError as error:
        raise click.ClickException(str(error)) from error
    sizes = ", ".join(f"{side} {len(examples)}" for side, examples in parts.items())
    click.echo(f"images: {sizes}; near-duplicates left out: {len(refused)}")
    torch.manual_seed(seed)
    made = processor()
    recipe = Recipe(minutes=minutes, steps=steps, batch=batch, seed=seed)
    trainer = Trainer(recipe, made, build(made), parts["train"])
    if resume:
        trainer.resume(state)
    millions = sum(p.numel() for p in trainer.model.parameters()) / 1e6
    click.echo(f"{millions:.2f} million parameters, from step {trainer.step}")
    try:
        _train(trainer, state, shipped)
    except KeyboardInterrupt:
        trainer.save(state)
        raise click.ClickException(f"stopped; saved to {state}, go on with --resume") from None
    trainer.save(state)
    export(trainer.model, trainer.processor, shipped)
    click.echo(f"done: {shipped}")


if __name__ == "__main__":
    main()
