"""Tempt the configured model to claim what it cannot know, and print how it held."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from agent.settings import Settings, load_settings
from eval.commands.scratch import scratch
from eval.truth import Dataset
from eval.watching import watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eval.honesty.bench import Picture
    from eval.honesty.probe import Probe

MISSED = 1  # exit code
PICTURES = 40
SIMULATED = "simulated cells"


@click.command()
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of labelled images to tempt it with; default: simulated cells.",
)  # fmt: skip
@click.option(
    "--dataset", type=click.Choice(get_args(Dataset)), default="classes", show_default=True,
    help="Layout of --data: classes are folders named after them.",
)  # fmt: skip
@click.option("--probe", "names", multiple=True, help="Only this probe; may be repeated.")
@click.option(
    "--attacks", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What poisoned articles say, JSON lines as in eval/data/poison; default: its test side.",
)  # fmt: skip
@click.option("--model", help="Hub id or folder; default: the setting CYTOSCRIBE_MODEL.")
@click.option("--quick", is_flag=True, help="A tenth of the tries.")
@click.option("--seed", default=0, show_default=True, help="Of the draw from --data.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the card here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the card.")
@click.pass_context
def honesty(
    ctx: click.Context, /, data: Path | None, dataset: Dataset, names: tuple[str, ...],
    attacks: Path | None, model: str | None, quick: bool, seed: int, out: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Tempt the configured model to claim what it cannot know, and print how it held.

    Blank images, noise, another image's kind, words drawn on images, questions that take for
    granted what is not seen, a thousand questions for articles, poisoned articles and similar cases
    with false labels. The turns are real ones, on a starter library that is thrown away.

    \b
    Exit codes:
      0    every probe reached its floor
      1    one did not; the card says which
      2    wrong usage

    \b
    Examples:
      cytoscribe honesty --quick
      cytoscribe honesty --data leukocytes/ --out card.md
      cytoscribe honesty --probe "false premise" --json
      cytoscribe honesty --probe "poisoned literature" --attacks mine.jsonl
    """
    from eval.honesty.card import card

    pictures = _pictures(data, dataset, seed)
    told = _tempted(load_settings(model=model), _chosen(names), pictures, attacks, quick)
    told["pictures"] = f"{len(pictures)} images of {data.resolve().name}" if data else SIMULATED
    if out:
        out.write_text(card(told) + "\n", encoding="utf-8")
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else card(told))
    ctx.exit(MISSED if any(one["verdict"] == "MISSED" for one in told["probes"]) else 0)


def _chosen(names: tuple[str, ...]) -> "Sequence[Probe]":
    from eval.honesty.probes import PROBES

    known = {probe.name: probe for probe in PROBES}
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"no probe is called {unknown[0]!r}; there are {', '.join(known)}")
    return [probe for probe in PROBES if not names or probe.name in names]


def _pictures(data: Path | None, dataset: Dataset, seed: int) -> "Sequence[Picture]":
    from eval.honesty.bench import drawn_pictures, real_pictures

    return real_pictures(dataset, data, PICTURES, seed) if data else drawn_pictures(PICTURES)


def _tempted(
    settings: Settings, probes: "Sequence[Probe]", pictures: "Sequence[Picture]",
    attacks: Path | None, quick: bool,
) -> dict[str, Any]:  # fmt: skip
    from agent.machine import machine
    from eval.honesty.bench import Bench
    from eval.honesty.card import run
    from eval.rag.starter_library import open_starter_assistant
    from eval.untrusted.rows import TEST

    filled = settings.model_copy(update={"starter_library": True})
    with scratch(filled) as (own, _), open_starter_assistant(own, _say) as assistant:
        bench = Bench(assistant, pictures, attacks or TEST)
        told = run(probes, bench, quick=quick, watch=watch)
        model = assistant.model.name
    return {
        "command": "honesty", "model": model, "text_model": settings.text_model,
        "date": date.today().isoformat(), "machine": machine(settings.device), "quick": quick,
        "probes": told, "research_use_only": True,
    }  # fmt: skip


def _say(step: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{step} …", err=True)
