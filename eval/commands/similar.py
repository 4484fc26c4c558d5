"""Measure the search for similar cases on labelled folders."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.settings import Settings, load_settings
from eval.commands.scratch import scratch
from eval.watching import watch

existing = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--library", type=existing, required=True, help="Folder of labelled images.")
@click.option("--queries", type=existing, required=True, help="Folder of held-out images.")
@click.option("--query-list", type=existing, help="Only these queries: a table or a plain list.")
@click.option(
    "--labels", default="class", show_default=True,
    help="The label that a case must share; class: whatever says what an image is of.",
)  # fmt: skip
@click.option("--model", help="Hub id or folder; default: the setting CYTOSCRIBE_MODEL.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def similar(
    library: Path, queries: Path, query_list: Path | None, labels: str, model: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Measure the search for similar cases: mAP@5, ACC@1, kNN accuracy, time.

    The library goes into a database of its own that is thrown away; yours stays as it is. An image
    that is a query is left out of the library, also where both are one folder. Every layout of
    `cytoscribe ingest images` is read.

    \b
    Examples:
      cytoscribe eval similar --library train/ --queries test/ --json
      cytoscribe eval similar --library PBC/ --queries PBC/ --query-list test.csv
      cytoscribe eval similar --library A/ --queries B/ --labels granularity
    """
    settings = load_settings(model=model)
    told = {
        "command": "eval similar",
        "labels": labels,
        **_measured(settings, library, queries, query_list, labels),
        "research_use_only": True,
    }
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else in_words(told))


def _measured(
    settings: Settings, library: Path, queries: Path, listed: Path | None, label: str
) -> dict[str, Any]:
    from agent.build import open_model, open_store
    from eval.similar import measure, read_queries
    from tools.ingest.images import Limits

    limits = Limits(settings.max_pixels, settings.max_upload_mb * 2**20)
    held_out = read_queries(queries, label, listed, limits)
    model = open_model(settings)
    with scratch(settings) as (own, _), open_store(own) as store:
        told = measure(library, held_out, label, store, model, limits, watch)
    return {"model": model.name, **told}


def in_words(told: Mapping[str, Any]) -> str:
    """A line a figure."""
    lines = [f"{told['queries']:,} queries, {told['library']:,} images, by {told['model']}"]
    for key in ("map@5", "acc@1", "knn_accuracy"):
        low, high = told[f"{key}_ci"]
        lines.append(f"{key:22}{told[key]:.3f} ({low:.3f} to {high:.3f})")
    lines.append(f"{'knn, mean of classes':22}{told['knn_accuracy_balanced']:.3f}")
    lines.append(f"{'commonest label':22}{told['commonest']:.3f}")
    lines.append(f"a search: median {told['p50_ms']:.1f} ms, 95% within {told['p95_ms']:.1f} ms")
    return "\n".join([*lines, "Research use only."])
