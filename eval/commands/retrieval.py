"""Measure the literature search on a collection in BEIR's layout."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agent.settings import Settings, load_settings
from eval.commands.scratch import scratch
from eval.watching import watch
from tools.errors import BadInputError


def _range(
    ctx: click.Context, option: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """ "16-30" as numbers."""
    if value is None:
        return None
    first, _, last = value.partition("-")
    if not (first.isdigit() and last.isdigit() and 1 <= int(first) <= int(last)):
        raise click.BadParameter(f"{value!r} is no range of queries such as 16-30")
    return int(first), int(last)


@click.command()
@click.option(
    "--beir", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
    help="Folder with corpus.jsonl, queries.jsonl and qrels/*.tsv.",
)  # fmt: skip
@click.option(
    "--corpus", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The corpus, where it lies elsewhere; SciFact's own corpus.jsonl will do.",
)  # fmt: skip
@click.option("--split", help="Name of the qrels; default: test, or the only one.")
@click.option("--queries", "only", callback=_range, help="Only these judged queries: 16-30.")
@click.option("--encoder", help="Short name, folder or hub id; default: the setting.")
@click.option("--reranker", help="linear, off, a folder or a hub id; default: the setting.")
@click.option(
    "--cache", type=click.Path(file_okay=False, path_type=Path),
    help="Keep vectors in this folder, so that a second run need not make them again.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def retrieval(
    beir: Path, corpus: Path | None, split: str | None, only: tuple[int, int] | None,
    encoder: str | None, reranker: str | None, cache: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure the literature search: nDCG@10, recall@100, MRR@10, time.

    The corpus goes into a database of its own that is thrown away; yours stays as it is. The runs
    are words alone (BM25), meaning alone (the text encoder), both, and both ranked again by the
    configured re-ranker, which is the default.

    \b
    Examples:
      cytoscribe eval retrieval --beir scifact/ --json
      cytoscribe eval retrieval --beir med/ --queries 16-30
      cytoscribe eval retrieval --beir scifact/ --reranker ncbi/MedCPT-Cross-Encoder
      cytoscribe eval retrieval --beir scifact/beir --corpus scifact/corpus.jsonl --split train
    """
    settings = load_settings(text_encoder=encoder, reranker=reranker)
    told = {
        "command": "eval retrieval",
        "collection": beir.resolve().name,
        **_measured(settings, beir, corpus, split, only, cache),
        "research_use_only": True,
    }
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else in_words(told))


def _measured(
    settings: Settings,
    folder: Path,
    corpus: Path | None,
    split: str | None,
    only: tuple[int, int] | None,
    cache: Path | None,
) -> dict[str, Any]:
    from agent.build import open_encoder, open_reranker, open_store
    from eval.beir import read_collection
    from eval.cached_encoder import CachedEncoder
    from eval.retrieval import measure

    collection = read_collection(folder, corpus, split, only)
    encoder = open_encoder(settings)
    if cache:
        encoder = CachedEncoder(encoder, cache)
    with scratch(settings) as (own, _), open_store(own) as store:
        told = measure(collection, store, encoder, watch, open_reranker(own, store))
    if not told["documents"]:
        raise BadInputError(f"{collection.corpus} holds no document")
    return {"split": collection.split, "encoder": encoder.name, **told}


def in_words(told: Mapping[str, Any]) -> str:
    """A line a run."""
    head = (
        f"{told['queries']:,} queries ({told['split']}), {told['documents']:,} documents, "
        f"{told['passages']:,} passages, by {told['encoder']}"
    )
    lines = [head, f"{'':16}{'nDCG@10':>24}{'recall@100':>12}{'MRR@10':>8}{'p50 ms':>8}{'p95':>7}"]
    for name, run in told["runs"].items():
        low, high = run["ndcg@10_ci"]
        lines.append(
            f"{name:16}{run['ndcg@10']:>8.3f} ({low:.3f} to {high:.3f}){run['recall@100']:>10.3f}"
            f"{run['mrr@10']:>8.3f}{run['p50_ms']:>8.1f}{run['p95_ms']:>7.1f}"
        )
    return "\n".join([*lines, "Research use only."])
