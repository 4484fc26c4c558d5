"""Measure which tools questions are routed to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.settings import load_settings


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--router", type=click.Choice(["head", "text-model"]),
    help="Who plans; default: the setting CYTOSCRIBE_ROUTER.",
)  # fmt: skip
@click.option("--misses", is_flag=True, help="List the questions that were planned otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def routing(file: Path, router: str | None, misses: bool, as_json: bool) -> None:
    """Measure which tools questions are routed to, and how fast.

    FILE has a JSON object a line: question, has_image, history (earlier questions, oldest first)
    and expected: any of describe_image, image_search and literature_search, or out_of_scope or
    needs_image alone.

    \b
    Examples:
      cytoscribe eval routing eval/data/routing/test.jsonl
      cytoscribe eval routing mine.jsonl --misses --json
      cytoscribe eval routing mine.jsonl --router text-model

    Train the head: python -m eval.routing.train --help
    """
    from agent.build import open_encoder, open_router
    from eval.routing.rows import read_rows
    from eval.routing.scoring import figures, route_all

    rows = read_rows(file)
    settings = load_settings(router=router)
    routed = route_all(rows, open_router(settings, open_encoder(settings)))
    told: dict[str, Any] = {"command": "eval routing", "file": str(file), "router": settings.router}
    told |= figures(routed)
    if misses:
        told["misses"] = [
            {"question": one.row.question, "has_image": one.row.has_image,
             "expected": sorted(one.row.expected), "planned": sorted(one.planned)}
            for one in routed if one.planned != one.row.expected
        ]  # fmt: skip
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else _in_words(told))


def _in_words(told: Mapping[str, Any]) -> str:
    """The figures, a line each."""
    lines = [f"{told['questions']} questions, planned by {told['router']}"]
    for key in ("macro_f1", "exact_set", "out_of_scope_recall"):
        if told[key] is not None:
            low, high = told[f"{key}_ci"]
            lines.append(f"{key.replace('_', ' '):<22}{told[key]:.3f} ({low:.3f}–{high:.3f})")
    lines.append(
        f"{'p95':<22}{told['p95_ms']:.1f} ms, {told['p95_cpu_ms']:.1f} ms of the processor"
    )
    for label, of in told["classes"].items():
        f1 = "–" if of["f1"] is None else f"{of['f1']:.3f}"
        lines.append(f"  {label:<20}F1 {f1} of {of['questions']}")
    for miss in told.get("misses", ()):
        expected, planned = (" + ".join(miss[key]) for key in ("expected", "planned"))
        lines.append(f"  {miss['question']!r}: expected {expected}, planned {planned}")
    return "\n".join(lines)
