"""Look into the library, search it, and embed it anew."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from agent.commands.ingest import carry_out
from agent.settings import load_settings
from tools.evidence import LiteratureEvidence
from tools.ingest.report import IngestReport, Progress
from tools.library import ArticleFilter


@click.group()
def library() -> None:
    """Look into the library, search it, and embed it anew.

    \b
    Examples:
      cytoscribe library stats
      cytoscribe library stats --json
      cytoscribe library search "ring-shaped nuclei" --year-from 2010
      cytoscribe library images "eosinophils" --source pbc
      cytoscribe library reembed --encoder bge-base
    """


@library.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(as_json: bool) -> None:
    """Count images, articles, passages, turns, feedback, and embeddings by model.

    \b
    Example:
      cytoscribe library stats
    """
    from agent.build import open_store

    with open_store(load_settings()) as store:
        counts = store.counts()
    if as_json:
        click.echo(json.dumps(counts))
        return
    for name, count in counts.items():
        click.echo(f"{count:>10,}  {name}")


@library.command()
@click.argument("query")
@click.option("--k", type=click.IntRange(1, 100), help="Passages; default: the setting.")
@click.option("--year-from", type=int, help="Published in this year or later.")
@click.option("--year-to", type=int, help="Published in this year or before.")
@click.option("--journal", "journals", multiple=True, help="Full name; may be repeated.")
@click.option("--type", "publication_types", multiple=True, help="Publication type: Review, …")
@click.option("--mesh", "mesh_terms", multiple=True, help="MeSH heading; any of several is enough.")
@click.option("--corpus", "corpora", multiple=True, help="Data set it was ingested from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, a passage.")
def search(query: str, k: int | None, as_json: bool, **filters: Any) -> None:
    """Find passages of the literature, as a question does, narrowed by filters.

    Retracted articles come last and are marked; an answer never rests on them.

    \b
    Examples:
      cytoscribe library search "ring-shaped nuclei of mouse granulocytes"
      cytoscribe library search "sepsis biomarkers" --year-from 2015 --type Review --mesh Sepsis
      cytoscribe library search "p53" --journal Blood --json
    """
    from agent.build import library_encoder, open_store
    from tools.literature_search import literature_search

    settings = load_settings(passages=k)
    with open_store(settings) as store:
        encoder = library_encoder(settings, store)()
        found = literature_search(
            query, encoder, store, settings.passages, ArticleFilter(**filters)
        )
    for passage in found:
        click.echo(passage.model_dump_json() if as_json else _in_words(passage))


@library.command()
@click.argument("words")
@click.option("--k", type=click.IntRange(1, 100), help="Images; default: the setting.")
@click.option("--source", "case_source", help="Only of this data set.")
@click.option("--licence", "case_licence", help="Only under this licence.")
@click.option("--stain", "case_stain", help="Only labelled with this stain.")
@click.option("--modality", "case_modality", help="Only of this modality.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, an image.")
def images(words: str, k: int | None, as_json: bool, **filters: str | None) -> None:
    """Find labelled images by what their captions and labels say, as "show me …" does.

    \b
    Examples:
      cytoscribe library images eosinophils
      cytoscribe library images "cells with a bilobed nucleus" --source pbc_wbcatt --k 20
      cytoscribe library images Thrombozyten --stain Romanowsky --json
    """
    from agent.build import library_encoder, open_store
    from agent.toolbox import case_filter
    from tools.cases_by_words import cases_by_words

    settings = load_settings(similar_cases=k, **filters)
    with open_store(settings) as store:
        encoder = library_encoder(settings, store)()
        found = cases_by_words(words, encoder, store, settings.similar_cases, case_filter(settings))
        paths = {case.image_id: store.image(case.image_id) for case in found}
    for case in found:
        record = paths[case.image_id]
        told = case.model_dump() | {"path": record.path if record else None}
        click.echo(json.dumps(told, ensure_ascii=False) if as_json else _case_in_words(told))
    if not found and not as_json:
        click.echo(f"No image of the library is called {words!r} by its caption or labels.")


def _case_in_words(told: Mapping[str, Any]) -> str:
    labels = ", ".join(f"{name}: {value}" for name, value in told["labels"].items())
    drawn = " SIMULATED" if told["simulated"] else ""
    return (
        f"{told['image_id']} ({told['similarity']:.2f}) {told['source']}, {told['licence']}{drawn}"
        f"\n    {told['caption']}\n    {labels}\n    {told['path']}"
    )


def _in_words(passage: LiteratureEvidence) -> str:
    where = ", ".join(str(part) for part in (passage.journal, passage.year) if part)
    flag = "RETRACTED " if passage.retracted else ""
    return (
        f"{flag}{passage.source_id} ({passage.similarity:.2f}) {passage.title} {where}\n"
        f"    {passage.section}: {passage.passage}"
    )


@library.command()
@click.option("--encoder", help="Short name, folder or hub id; default: the setting.")
@click.option("--drop", help="Afterwards, delete the vectors of this encoder (see library stats).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def reembed(ctx: click.Context, encoder: str | None, drop: str | None, as_json: bool) -> None:
    """Embed all passages by another encoder, and search by it when all are done.

    Questions are answered by the present vectors meanwhile. After Ctrl-C or a crash the same
    command goes on from there. The former vectors stay until --drop names them.

    \b
    Examples:
      cytoscribe library reembed --encoder bge-base
      cytoscribe library reembed --encoder medcpt --drop minilm@53aa51172d14
    """
    from agent.build import open_encoder, open_store
    from tools.ingest.reembed import reembed as embed_anew

    settings = load_settings(text_encoder=encoder)

    def run(progress: Progress, cancelled: Callable[[], bool]) -> IngestReport:
        progress(None, "opening the library and the text encoder")
        with open_store(settings) as store:
            made = open_encoder(settings)
            report = embed_anew(store, made, progress=progress, cancelled=cancelled)
            if drop:
                store.drop_encoder(drop)
            return report

    carry_out(ctx, run, "passages", as_json)
