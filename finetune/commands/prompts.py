"""Search for the prompt that a checkpoint answers best, with figures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from agent.settings import load_settings

STOPPED = 130  # exit code
existing_path = click.Path(exists=True, path_type=Path)


@click.group()
def prompts() -> None:
    """Search for the prompt that a checkpoint answers best.

    \b
    Examples:
      cytoscribe prompts search --format points --root chula_rbc12/ --field red_cell_type
    """


# fmt: off
@prompts.command(context_settings={"show_default": True})
@click.option("--format", required=True, help="Format of the dataset: points, wbcatt, pubmedqa, …")
@click.option("--root", type=existing_path, required=True, help="Folder of the dataset.")
@click.option("--field", required=True, help="What is asked: cell_type, final_decision, …")
@click.option("--model", help="Hub id or folder; default: the setting CYTOSCRIBE_MODEL.")
@click.option("--adapter", help="Adapter on it; default: the setting CYTOSCRIBE_ADAPTER.")
@click.option("--figure", type=click.Choice(["accuracy", "macro_f1"]), default="accuracy",
              help="Judges the prompts.")
@click.option("--prompts", type=click.IntRange(2), default=48, help="Candidates.")
@click.option("--budget", type=click.IntRange(1), default=4000,
              help="Prompts times rows scored on the development side, about.")
@click.option("--train", type=click.IntRange(1), default=500, help="Images to show as cases.")
@click.option("--dev", type=click.IntRange(1), default=240, help="Images to choose the prompt on.")
@click.option("--test", type=click.IntRange(1), default=400, help="Images to test it on, once.")
@click.option("--dev-from", type=click.Choice(["dev", "train", "test"]), default="dev",
              help="Halve the groups of that side into it and the development side.")
@click.option("--wordings", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Wordings of the question, one a line.", show_default="those known")
@click.option("--cases/--no-cases", default=True, help="Try similar cases as examples.")
@click.option("--soft-steps", type=click.IntRange(0), default=200,
              help="Steps of the soft prompt that stands beside; 0: none.")
@click.option("--seed", default=0, help="Of the images and of the candidates.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("prompts"),
              help="Folder of the scores (a stopped search goes on there) and the report.")
@click.option("--apply", "applied", is_flag=True,
              help="Make the winner the default, if the interval of its gain is above 0.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.pass_context
def search(
    ctx: click.Context, /, model: str | None, adapter: str | None, out: Path, applied: bool,
    as_json: bool, **request: Any,
) -> None:
    # fmt: on
    """Find the best prompt for a closed question on a development side; test it once.

    Wordings, frames, lists of the options and similar cases are tried within a budget (successive
    halving, Jamieson and Talwalkar 2016), the hand-written prompt among them. The report has the
    figures of the hand-written prompt, the winner and a soft prompt on the test side, with 95%
    intervals. Ctrl-C keeps what was scored in --out; the same command goes on there.

    \b
    Examples:
      cytoscribe prompts search --format wbcatt --root pbc_wbcatt/ --field cell_type
      cytoscribe prompts search --format points --root chula_rbc12/ --field red_cell_type --apply
      cytoscribe prompts search --format pubmedqa --root pubmedqa/ --field final_decision \\
          --model google/paligemma2-3b-pt-224 --prompts 8 --budget 400 --json > found.json
    """
    from finetune.prompt_search.report import in_words
    from finetune.prompt_search.run import Request, make_default, run

    settings = load_settings(model=model, adapter=adapter)
    told = run(
        Request(settings.model, settings.model_revision, settings.adapter, settings.dtype,
                **request),
        out, _say(),
    )  # fmt: skip
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else in_words(told))
    if applied and not told["stopped"]:
        _told_of(make_default(told, settings.model, settings.adapter))
    ctx.exit(STOPPED if told["stopped"] else 0)


def _told_of(file: Path | None) -> None:
    said = f"The default prompt is now the winner's: {file}" if file else (
        "No prompt that serving can ask is surely better; the default stays."
    )  # fmt: skip
    click.echo(said, err=True)


def _say() -> Callable[[str], None]:
    """A line a step on stderr."""
    return lambda words: click.echo(words, err=True)
