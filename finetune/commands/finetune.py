"""Fine-tune a PaliGemma on datasets by a recipe, or try the recipe first."""

import json
import os
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from agent.settings import load_settings
from finetune.commands.feedback_export import export_from
from tools.errors import BadInputError

if TYPE_CHECKING:
    from finetune.recipe import FinetuneRecipe


@click.command()
@click.option("--config", "config", help="The recipe, YAML.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.option("--from", "source", metavar="feedback[:DIR]",
              help="Learn from professionals' corrections: those in the database, or an export of"
              " them in DIR. Without --config by the shipped recipe, on the model of the"
              " settings.")  # fmt: skip
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE",
              help="Change the recipe: lora.rank=16, data.0.limit=100.")  # fmt: skip
@click.option("--out", type=click.Path(file_okay=False, path_type=Path),
              help="Folder of the run: states to resume from, curve.csv and curve.svg, the cards,"
              " adapter/ or checkpoint/ to load.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Train nothing: read the data, build the model and"
              " say one batch, its mask, what is trained, memory and steps.")  # fmt: skip
@click.option("--tokenizer", type=click.Path(exists=True, path_type=Path),
              help="For a dry run without the checkpoint: Gemma's tokenizer, a folder or its"
              " SentencePiece file.")  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on from the last saved state in --out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def finetune(
    config: Path | None,
    source: str | None,
    changes: tuple[str, ...],
    out: Path | None,
    dry_run: bool,
    tokenizer: Path | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Fine-tune a PaliGemma on datasets by a recipe, or try the recipe first.

    Ctrl-C, or a kill at any time: the same command with --resume goes on to the same result. Load
    what was trained with CYTOSCRIBE_ADAPTER, or after full training with CYTOSCRIBE_MODEL.

    \b
    Examples:
      cytoscribe finetune --config recipe.yaml --dry-run
      cytoscribe finetune --config recipe.yaml --out runs/first
      cytoscribe finetune --config recipe.yaml --out runs/first --resume
      cytoscribe finetune --config recipe.yaml --set lora.rank=16 --out runs/wider
      cytoscribe finetune --from feedback --out runs/corrected
      accelerate launch -m agent finetune --config recipe.yaml --out runs/gpus   # several GPUs
    """
    if config is None and source is None:
        raise click.UsageError("name a recipe with --config, or --from feedback")
    if out is None and not dry_run:
        raise click.UsageError("name a folder for the run with --out, or add --dry-run")
    with ExitStack() as stack:
        if source is not None:
            place = out or Path(stack.enter_context(TemporaryDirectory()))
            recipe = _from_feedback(source, place, config, changes)
        elif config is not None:
            from finetune.recipe import read_recipe

            recipe = read_recipe(config, changes)
        if dry_run or out is None:
            from finetune.dry_run import dry_run as try_out

            try_out(recipe, click.echo, tokenizer)
            return
    from finetune.training import train

    trained = train(recipe, out, resume=resume, say=say)
    if as_json:
        click.echo(json.dumps(asdict(trained)))
        return
    click.echo(f"done by {trained.ended_by}: {trained.adapter or trained.checkpoint}")


def _from_feedback(
    source: str, out: Path, config: Path | None, changes: tuple[str, ...]
) -> "FinetuneRecipe":
    """The recipe over an export; what is in the database is exported into `out`/feedback."""
    from finetune.feedback.source import exported, folder_of, recipe_from

    settings = load_settings()
    folder = folder_of(source)
    if folder is None:
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise BadInputError(
                "several processes would export at once: run `cytoscribe feedback export DIR`"
                " first, then --from feedback:DIR"
            )
        folder = exported(out, partial(export_from, settings))
    return recipe_from(folder, config, settings.model, changes)


def say(line: str) -> None:
    """Progress stands apart from the result."""
    click.echo(line, err=True)
