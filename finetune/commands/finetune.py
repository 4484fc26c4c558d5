"""Fine-tune a PaliGemma on datasets by a recipe, or try the recipe first."""

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command()
@click.option("--config", "config", required=True, help="The recipe, YAML.",
              type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
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
    config: Path,
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
      accelerate launch -m agent finetune --config recipe.yaml --out runs/gpus   # several GPUs
    """
    from finetune.recipe import read_recipe

    recipe = read_recipe(config, changes)
    if dry_run:
        from finetune.dry_run import dry_run as try_out

        try_out(recipe, click.echo, tokenizer)
        return
    if out is None:
        raise click.UsageError("name a folder for the run with --out, or add --dry-run")
    from finetune.training import train

    trained = train(recipe, out, resume=resume, say=say)
    if as_json:
        click.echo(json.dumps(asdict(trained)))
        return
    click.echo(f"done by {trained.ended_by}: {trained.adapter or trained.checkpoint}")


def say(line: str) -> None:
    """Progress stands apart from the result."""
    click.echo(line, err=True)
