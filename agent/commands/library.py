"""Look into the library, search it, and embed it anew."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import click

from agent.commands.ingest import bar, carry_out, stop_asked
from agent.settings import load_settings
from tools.errors import BadInputError, Cancelled
from tools.evidence import LiteratureEvidence
from tools.ingest.report import IngestReport, Progress
from tools.library import ArticleFilter

if TYPE_CHECKING:
    from tools.store.distances import Method
    from tools.store.indexes import Served


@click.group()
def library() -> None:
    """Look into the library, search it, and embed it anew.

    \b
    Examples:
      cytoscribe library stats
      cytoscribe library stats --json
      cytoscribe library index
      cytoscribe library search "ring-shaped nuclei" --year-from 2010
      cytoscribe library images "eosinophils" --source pbc
      cytoscribe library reembed --encoder bge-base
    """


@library.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(as_json: bool) -> None:
    """Count what the library holds, and say how its vectors are searched.

    \b
    Example:
      cytoscribe library stats
    """
    from agent.build import open_store

    with open_store(load_settings()) as store:
        counts, sizes, vectors = store.counts(), store.bytes_of_tables(), store.served()
    if as_json:
        told = [asdict(one) | {"is_due": one.is_due} for one in vectors]
        click.echo(json.dumps({**counts, "bytes": sizes, "vectors": told}))
        return
    for name, count in counts.items():
        click.echo(f"{count:>10,}  {name}")
    click.echo("\nOn disk, with indexes:")
    for name, size in sizes.items():
        click.echo(f"{size / 1e6:>10,.1f}  MB {name}")
    click.echo("\nVectors:")
    for one in vectors:
        click.echo(_served(one))


def _served(one: "Served") -> str:
    state = "" if one.active else " (not searched)"
    by = {"exact": "compared one by one"}.get(one.method, f"{one.method} index")
    size = f" of {one.index_bytes / 1e6:,.0f} MB" if one.index_bytes else ""
    lines = [
        f"{one.rows:>10,}  {one.kind} {one.model}{state}, {one.dimension} numbers each: {by}{size}",
        f"            {one.due} is due: {one.why}",
    ]
    if one.is_due:
        lines.append("            Run `cytoscribe library index` to build it.")
    return "\n".join(lines)


@library.command()
@click.option(
    "--method", type=click.Choice(["exact", "halfvec", "binary"]),
    help="Instead of what the size asks for; exact drops the index.",
)  # fmt: skip
@click.option("--model", help="Only the vectors of this model (see library stats).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, a model.")
def index(method: str | None, model: str | None, as_json: bool) -> None:
    """Build the index that the library's size asks for; a large ingest does so by itself.

    Questions are answered meanwhile. Ctrl-C stops and leaves nothing behind.

    \b
    Examples:
      cytoscribe library index
      cytoscribe library index --method binary --model minilm@53aa51172d14
    """
    from agent.build import open_store

    with (
        open_store(load_settings()) as store,
        bar() as progress,
        stop_asked("Stopping") as cancelled,
    ):
        chosen = [one for one in store.served() if model in (None, one.model)]
        if not chosen:
            raise BadInputError(f"the library has no vectors of {model or 'any model'}")
        for one in chosen:
            wanted = cast("Method", method) or (one.due if one.is_due else one.method)
            if wanted == one.method:
                state = "nothing to do"
            elif wanted == "exact":
                store.drop_index(one)
                state = "index dropped"
            elif store.build_index(one, wanted, lambda s: progress(s, "indexing"), cancelled):
                state = "index built"
            else:
                raise Cancelled("stopped; the library is searched as before")
            told = {"model": one.model, "method": wanted, "state": state}
            click.echo(json.dumps(told) if as_json else f"{one.model}: {wanted}, {state}")


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
    from agent.build import library_encoder, open_reranker, open_store
    from tools.literature_search import literature_search

    settings = load_settings(passages=k)
    with open_store(settings) as store:
        encoder = library_encoder(settings, store)()
        found = literature_search(
            query, encoder, store, settings.passages, ArticleFilter(**filters),
            reranker=open_reranker(settings, store),
        )  # fmt: skip
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
