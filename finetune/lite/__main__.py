"""`python -m finetune.lite`: train the lite checkpoints from scratch, in two commands.

`pretrain` makes lite-PT (a teacher first, then the tower, then descriptions and boxes); `finetune`
makes lite-mix from it (questions, counts, similar cases), the one that is shipped. `adapt` makes
lite-FT, an adapter of lite-mix for blood cells.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click
import torch
import transformers
from torch import nn
from transformers import AutoProcessor, PaliGemmaForConditionalGeneration, PaliGemmaProcessor

from finetune.data.collection import load
from finetune.data.example import Example, Split
from finetune.lite.adapt import blood_cells, save_adapter, with_adapter
from finetune.lite.curve import Curve
from finetune.lite.int8 import pack, unpack
from finetune.lite.model import build, processor
from finetune.lite.run import Recipe, Run
from finetune.lite.teacher import TeacherRun, load_teacher
from finetune.lite.train import LiteRun, export
from tools.errors import BadInputError

SAVE_EVERY_SECONDS = 180
SAY_EVERY_STEPS = 25
TEACHER = Recipe(minutes=13, learning_rate=1e-3, weight_decay=0.02)
PRETRAIN = Recipe(
    minutes=120,
    learning_rate=1e-3,
    kept=0.5,
    whole_from=0.85,
    mixed=0.4,
    text_from=0.7,
    text_share=0.4,
    pretraining=True,
)
FINETUNE = Recipe(
    minutes=47,
    tasks=5,
    learning_rate=8e-4,
    kept=0.7,
    whole_from=0.6,
    mixed=0.3,
    text_share=0.85,
    still=0.85,
    plain_share=0.15,
    tower_rate=0.5,
)
ADAPT = Recipe(minutes=10, learning_rate=5e-4, weight_decay=0.0)
_FOLDER = click.Path(file_okay=False, path_type=Path)
_THERE = click.Path(exists=True, file_okay=False, path_type=Path)
_START = click.option("--start", type=_THERE, required=True, help="Folder of the run before.")
Parts = Mapping[Split, list[Example]]
Bounds = Mapping[str, Any]  # fields of a Recipe


def _say(run: Run[Any], curve: Curve) -> None:
    rate = run.step * run.recipe.batch / max(run.seconds, 1e-6)
    left = run.seconds * (1 / max(run.progress, 1e-6) - 1) / 60
    losses = "  ".join(f"{name} {value:.3f}" for name, value in curve.losses().items())
    click.echo(
        f"step {run.step}  {run.progress:.1%}  {losses}  {rate:.1f} samples/s  {left:.0f} min left"
    )


def _train(run: Run[Any], folder: Path, name: str, reader: nn.Module, dev: list[Example]) -> None:
    """Steps to the end, or from where a stopped run stood; saves as it goes and when stopped."""
    state, curve = folder / f"{name}.pt", Curve(folder / f"{name}.csv", dev)
    if state.exists():
        run.resume(state)
    saved = time.monotonic()
    try:
        for losses in run.run():
            curve.add(losses)
            if run.step % SAY_EVERY_STEPS == 0:
                _say(run, curve)
            if time.monotonic() - saved > SAVE_EVERY_SECONDS:
                run.save(state)
                click.echo(curve.write(run, reader))
                saved = time.monotonic()
    except KeyboardInterrupt:
        run.save(state)
        raise click.ClickException(f"stopped; saved to {state}, go on with --resume") from None
    run.save(state)
    click.echo(curve.write(run, reader))


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """The options of all three commands; reads the sets, gathers what bounds the run."""

    @click.option("--data", type=_THERE, required=True, help="Folder that holds the training sets.")
    @click.option("--out", type=_FOLDER, required=True, help="Folder of the run: states to resume"
                  " from, learning curves (csv), checkpoint/ to load.")  # fmt: skip
    @click.option("--seed", type=int, default=0, help="Of weights, samples and views.")
    @click.option("--batch", type=int, default=Recipe.batch, help="Images a step.")
    @click.option("--steps", type=int, default=0, help="Steps of each stage instead of minutes.")
    @click.option("--resume", is_flag=True, help="Go on from the last saved state in --out.")
    @wraps(command)
    def with_sets(
        data: Path, out: Path, resume: bool, seed: int, batch: int, steps: int, minutes: float,
        **options: Any,
    ) -> None:  # fmt: skip
        transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        states = sorted(out.glob("*.pt"))
        if resume and not states:
            raise click.ClickException(f"nothing to resume in {out}; leave --resume out")
        if states and not resume:
            raise click.ClickException(f"{states[0]} exists; add --resume, or name another --out")
        try:
            parts, refused = load(data)
        except BadInputError as error:
            raise click.ClickException(str(error)) from error
        sizes = ", ".join(f"{side} {len(examples)}" for side, examples in parts.items())
        click.echo(f"images: {sizes}; near-duplicates left out: {len(refused)}")
        out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(seed)
        bounds = {"seed": seed, "batch": batch, "steps": steps, "minutes": minutes}
        command(parts=parts, out=out, bounds=bounds, **options)

    return with_sets


def _minutes(recipe: Recipe, help: str) -> Callable[[Any], Any]:
    return click.option("--minutes", type=float, default=recipe.minutes, help=help)


def _checkpoint(run: Path) -> tuple[PaliGemmaProcessor, PaliGemmaForConditionalGeneration]:
    folder = run / "checkpoint"
    if not (folder / "config.json").exists():
        raise click.ClickException(f"{folder} is not there; let that run come to its end first")
    made = AutoProcessor.from_pretrained(folder)  # type: ignore[no-untyped-call]
    model = PaliGemmaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return made, model


@click.group(context_settings={"show_default": True})
def main() -> None:
    """Train the lite PaliGemma on labelled cell images, on a CPU.

    \b
    python -m finetune.lite pretrain --data DIR --out runs/pt
    python -m finetune.lite finetune --data DIR --start runs/pt --out runs/mix
    python -m finetune.lite adapt --data DIR --start runs/mix --out runs/ft

    Stop either with Ctrl-C: the state is saved, and the same command with --resume goes on.
    """


@main.command()
@_common
@_minutes(PRETRAIN, "Time for the tower.")
@click.option("--teacher-minutes", type=float, default=TEACHER.minutes,
              help="Time for the teacher that is distilled; 0: none.")  # fmt: skip
def pretrain(parts: Parts, out: Path, bounds: Bounds, teacher_minutes: float) -> None:
    """Teach the tower to see (lite-PT)."""
    if teacher_minutes:
        recipe = replace(TEACHER, **{**bounds, "minutes": teacher_minutes})
        taught = TeacherRun(recipe, parts["train"])
        _train(taught, out, "teacher", taught.reader, parts["dev"])
    teacher = load_teacher(out / "teacher.pt") if teacher_minutes else None
    made = processor()
    run = LiteRun(replace(PRETRAIN, **bounds), made, build(made), parts["train"], teacher)
    _train(run, out, "pretrain", run.reader, parts["dev"])
    export(run.model, made, out / "checkpoint")
    click.echo(f"done: {out / 'checkpoint'}")


@main.command()
@_common
@_START
@_minutes(FINETUNE, "Time spent in training.")
def finetune(parts: Parts, out: Path, bounds: Bounds, start: Path) -> None:
    """Teach it every task (lite-mix), from the run of `pretrain`."""
    made, model = _checkpoint(start)
    teacher = load_teacher(start / "teacher.pt") if (start / "teacher.pt").exists() else None
    run = LiteRun(replace(FINETUNE, **bounds), made, model, parts["train"], teacher)
    run.continue_from(start / "pretrain.pt")
    _train(run, out, "finetune", run.reader, parts["dev"])
    export(run.model, made, out / "checkpoint")
    click.echo(f"done: {out / 'checkpoint'}")


@main.command()
@_common
@_START
@_minutes(ADAPT, "Time spent in training.")
def adapt(parts: Parts, out: Path, bounds: Bounds, start: Path) -> None:
    """Fine-tune on blood cells by a small adapter (lite-FT), from the run of `finetune`."""
    made, model = _checkpoint(start)
    adapted = with_adapter(model)
    run = LiteRun(replace(ADAPT, **bounds), made, model, blood_cells(parts["train"]))
    run.take_heads(start / "finetune.pt")
    _train(run, out, "adapt", run.reader, blood_cells(parts["dev"]))
    save_adapter(adapted, start / "checkpoint", out / "adapter")
    click.echo(f"done: {out / 'adapter'}")


@main.command("pack")
@click.argument("checkpoint", type=_THERE)
@click.argument("folder", type=_FOLDER)
def pack_command(checkpoint: Path, folder: Path) -> None:
    """Write the weights of CHECKPOINT into FOLDER as int8, half the bytes."""
    click.echo(pack(checkpoint, folder))


@main.command("unpack")
@click.argument("packed", type=_THERE)
@click.argument("folder", type=_FOLDER)
@click.option(
    "--like", type=_THERE, default="agent/checkpoints/lite", help="One of the same tokenizer."
)
def unpack_command(packed: Path, folder: Path, like: Path) -> None:
    """Make a checkpoint folder of PACKED weights, to be loaded as any other."""
    try:
        unpack(packed, like, folder)
    except BadInputError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"done: {folder}")


if __name__ == "__main__":
    main()
