"""Compare this version with the stored baselines in minutes; what lost more than noise fails."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.settings import Settings, load_settings
from eval.commands.scratch import scratch

if TYPE_CHECKING:
    from eval.quick.gate import Baseline, Compared
    from eval.quick.values import Values

    Results = Sequence[tuple[Baseline, Sequence[Compared]]]

LOST = 1  # exit code
STARTER, SHARED = "starter", "shared"


@click.command()
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of real sets (pbc_wbcatt/, bccd/, …), for the second baseline.",
)  # fmt: skip
@click.option("--model", help="Hub id or folder; default: the setting CYTOSCRIBE_MODEL.")
@click.option("--update", is_flag=True, help="Accept what is measured now as the new baseline.")
@click.option(
    "--baselines", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the stored baselines; default: those shipped.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.pass_context
def quick(
    ctx: click.Context, /, data: Path | None, model: str | None, update: bool,
    baselines: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure a few hundred rows and compare them with the stored baselines.

    Without --data: drawn images, the starter library and the shipped questions, which runs
    anywhere. A figure is lost when the 95% interval of its paired difference from the baseline lies
    wholly below zero. Time is not judged: it is the machine's.

    \b
    Exit codes:
      0    nothing was lost
      1    a figure was lost; the table says which
      2    wrong usage

    \b
    Examples:
      cytoscribe eval quick
      cytoscribe eval quick --data data/ --json
      cytoscribe eval quick --update
    """
    from eval.quick.gate import BASELINES, compare, read, write

    folder, names = baselines or BASELINES, [STARTER, *([SHARED] if data else [])]
    before = {} if update else {name: read(folder, name) for name in names}
    found = list(_measured(load_settings(model=model), data))
    if update:
        for one in found:
            click.echo(f"{write(one, folder)} is the baseline now.", err=as_json)
        return
    compared = [(one, compare(before[one.baseline], one)) for one in found]
    click.echo(json.dumps(as_told(compared)) if as_json else in_words(compared))
    ctx.exit(exit_code(compared))


def _measured(settings: Settings, data: Path | None) -> "Iterator[Baseline]":
    from agent.build import open_encoder, open_model
    from agent.machine import machine
    from eval.measuring import Limits
    from eval.quick.gate import measured

    model, encoder = open_model(settings, progress=_say), open_encoder(settings, progress=_say)
    limits = Limits(settings.max_pixels, settings.max_upload_mb * 2**20, settings.min_probability)
    where = machine(settings.device)
    _say("Drawn images, similar cases, literature, routing")
    yield measured(STARTER, _simulated(settings, model, encoder, limits), model.name, where)
    if data:
        from eval.quick.held_out import held_out

        _say("Real images")
        yield measured(SHARED, held_out(data, model, limits), model.name, where)


def _simulated(settings: Settings, model: Any, encoder: Any, limits: Any) -> "Values":
    """In a database of its own that is thrown away; the user's stays as it is."""
    from agent.build import open_store
    from eval.quick.simulated import simulated

    with scratch(settings) as (own, folder), open_store(own) as store:
        return simulated(folder, store, model, encoder, limits)


def exit_code(compared: "Results") -> int:
    """LOST where any figure is."""
    return LOST if any(c.verdict == "LOST" for _, each in compared for c in each) else 0


def as_told(compared: "Results") -> dict[str, Any]:
    """A figure and its interval by name, as every evaluation tells them, beside what it was."""
    from eval.quick.gate import figures

    told: dict[str, Any] = {"command": "eval quick", "compared": [], "measured_on": {}}
    for one, each in compared:
        told |= {"model": one.model, "machine": one.machine, "date": one.date}
        for name, estimate in figures(one).items():
            key = f"{one.baseline}: {name}"
            told |= {key: estimate.value, f"{key}_ci": [estimate.low, estimate.high]}
            told["measured_on"][key] = estimate.images
        told["compared"] += [{"baseline": one.baseline, **c.model_dump()} for c in each]
    return told | {"research_use_only": True}


def in_words(compared: "Results") -> str:
    """A table a baseline."""
    return "\n".join(line for one, each in compared for line in _table(one, each))


def _table(one: "Baseline", each: "Sequence[Compared]") -> Iterator[str]:
    width = max(len(c.figure) for c in each)
    yield f"{one.model}, baseline {one.baseline!r}, on {one.machine}"
    yield f"  {'figure':{width}}  rows  before    now  difference (95%)    verdict"
    for c in each:
        gain = f"{c.difference[0]:+.3f} to {c.difference[1]:+.3f}"
        now = f"{c.rows:4}  {c.before:6.3f} {c.now:6.3f}"
        yield f"  {c.figure:{width}}  {now}  {gain}  {c.verdict}"


def _say(step: str) -> None:
    click.echo(f"{step} …", err=True)
