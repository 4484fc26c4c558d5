"""Fill the library: labelled images, literature files, a PubMed search."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from agent.settings import Settings, load_settings
from tools.errors import Cancelled, ModelUnavailableError
from tools.ingest.report import IngestReport, Interrupted, Progress, silent

SOME_SKIPPED = 3  # exit code
LAYOUTS = (
    "auto", "wbcatt", "chestxray14", "aptos", "voc", "points", "masks", "vision-flan", "laion",
    "csv", "folders",
)  # fmt: skip
FORMATS = ("auto", "pubmed-xml", "jats", "pubmedqa", "beir", "pubtator", "medline", "mimic")
WORKER = (sys.executable, "-m", "agent", "ingest", "work", "--until-done")

Run = Callable[[Progress, Callable[[], bool]], IngestReport]
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
source_option = click.option("--source", help="Name of the data set; default: its folder's.")


@click.group()
def ingest() -> None:
    """Fill the library: labelled images, literature files, a PubMed search.

    What is in the library already stays as it is: run a command again and nothing changes. Ctrl-C
    finishes the batch in hand; the same command goes on from there.

    \b
    Exit codes:
      0    everything went in or was there already
      1    it failed (database, model or PubMed not available, nothing to ingest)
      2    wrong usage
      3    some files or records were skipped; each is named on stderr, the rest went in
      130  stopped by Ctrl-C

    \b
    Examples:
      cytoscribe ingest images slides/
      cytoscribe ingest literature pubmed24n0001.xml.gz
      cytoscribe ingest work
      cytoscribe ingest pubmed --query "neutrophil nucleus segmentation" --max 200
    """


@ingest.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--layout", "--format", "layout", type=click.Choice(LAYOUTS), default="auto",
    show_default=True, help="How the set is laid out.",
)  # fmt: skip
@source_option
@click.option("--licence", default="not stated", show_default=True, help="Licence of the images.")
@click.option("--stain", help="Of all images that do not say it themselves.")
@click.option("--modality", help="Of all images that do not say it themselves.")
@as_json_option
@click.pass_context
def images(
    ctx: click.Context, /, path: Path, layout: str, source: str | None, licence: str, as_json: bool,
    **stated: str | None,
) -> None:  # fmt: skip
    """Add labelled images; they stay where they are, the library keeps a thumbnail.

    \b
    Layouts, found by themselves:
      folders      sub-folders named by class
      csv          a table (.csv, .tsv) with an image column, captions, attributes
      voc          Pascal VOC: Annotations/*.xml and JPEGImages
      wbcatt       PBC_dataset_normal_DIB and pbc_attr_v1_*.csv
      masks        images/ and labels/, or stage1_train/<id>/{images,masks}
      points       Dataset/*.jpg and Label/*.txt (Chula RBC-12)
      chestxray14  Data_Entry_2017.csv and images/ or images_001/images …
      aptos        train.csv and train_images/, or colored_images/ (APTOS 2019)
      vision-flan  annotation_*.json beside images_191task_1k/, or its Parquet tables
      laion        img2dataset's shards, or a metadata table with its images

    \b
    Examples:
      cytoscribe ingest images PBC_dataset_normal_DIB/ --licence "CC BY 4.0"
      cytoscribe ingest images BCCD/ --layout voc --source bccd --licence MIT --json
      cytoscribe ingest images fields/ --modality "fluorescence microscopy" --stain DAPI
      cytoscribe ingest images nih/ --format chestxray14
      cytoscribe ingest images laion2b/ --format laion
    """
    from agent.build import library_encoder, open_model, open_store
    from tools.ingest import Limits, ingest_images
    from tools.ingest.captions import embed_captions
    from tools.ingest.layouts import find_layout

    settings = load_settings()
    find_layout(path, layout)  # a wrong folder is told before the model is loaded
    limits = Limits(settings.max_pixels, settings.max_upload_mb * 2**20)
    labels = {name: value for name, value in stated.items() if value}

    def run(progress: Progress, cancelled: Callable[[], bool]) -> IngestReport:
        progress(None, "opening the library and the model")
        with open_store(settings) as store:
            report = ingest_images(
                path, store=store, model=open_model(settings), layout=layout, source=source,
                licence=licence, stated=labels, limits=limits, progress=progress,
                cancelled=cancelled,
            )  # fmt: skip
            progress(None, "embedding captions")
            try:
                embed_captions(store, library_encoder(settings, store)(), cancelled)
            except ModelUnavailableError as e:  # the images are in, and found by their words
                click.echo(f"The captions wait for the next ingest: {e}", err=True)
            return report

    carry_out(ctx, run, "images", as_json)


@ingest.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="auto", show_default=True,
    help="The files' format.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(0, 64), default=0, show_default=True,
    help="Processes that embed while this one reads; 0: this one does both.",
)  # fmt: skip
@source_option
@as_json_option
@click.pass_context
def literature(
    ctx: click.Context, paths: tuple[Path, ...], form: str, workers: int, source: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Add the articles of files, and of all literature files below folders, in their order.

    \b
    Formats, found by themselves (each also packed as .gz):
      pubmed-xml  PubMed XML           medline   MEDLINE text (.txt, .nbib)
      jats        PMC full text        pubtator  PubTator text
      pubmedqa    PubMedQA JSON        beir      BEIR or SciFact corpus.jsonl
      mimic       MIMIC-III NOTEEVENTS.csv, a note an article

    PubMed's yearly baseline and its daily update files go in as they are: later versions of a
    citation take the place of earlier ones, deleted ones leave, and a file is checked by the .md5
    beside it. A file that is in as a whole is passed over the next time.

    \b
    Examples:
      cytoscribe ingest literature pubmed24n0001.xml.gz
      cytoscribe ingest literature baseline/ updatefiles/ --workers 4
      cytoscribe ingest literature scifact/corpus.jsonl --json
    """
    from agent.build import library_encoder, open_store
    from tools.ingest.embedding import Here
    from tools.ingest.literature import find_sources, ingest_sources
    from tools.ingest.workers import WorkerProcesses

    settings = load_settings()
    # A wrong file is told before the encoder is loaded.
    sources = [found for path in paths for found in find_sources(path, form, source)]
    what = " ".join(map(str, paths))

    def run(progress: Progress, cancelled: Callable[[], bool]) -> IngestReport:
        progress(None, "opening the library and the text encoder")
        with open_store(settings) as store:
            if not workers:
                here = Here(store, library_encoder(settings, store)())
                return ingest_sources(sources, what, store, here, progress, cancelled)
            with WorkerProcesses(store, WORKER, workers) as others:
                return ingest_sources(sources, what, store, others, progress, cancelled)

    carry_out(ctx, run, "articles", as_json)


@ingest.command()
@click.option("--until-done", is_flag=True, help="End when nothing waits and nobody adds articles.")
@click.option(
    "--ray", "actors", type=click.IntRange(1, 1024),
    help="Embed what waits by so many actors of Ray Data (the extra `scale`), then end.",
)  # fmt: skip
@as_json_option
@click.pass_context
def work(ctx: click.Context, until_done: bool, actors: int | None, as_json: bool) -> None:
    """Embed the passages that wait in the library's queue, until Ctrl-C.

    Start as many as you like, on any machine that reaches the database (CYTOSCRIBE_DATABASE_URL):
    each takes batches that no other has. One that is killed loses and doubles nothing.

    \b
    Examples:
      cytoscribe ingest work
      CYTOSCRIBE_DATABASE_URL=postgresql://db/cells cytoscribe ingest work --until-done
      RAY_ADDRESS=auto cytoscribe ingest work --ray 16
    """
    from agent.build import library_encoder, open_store
    from tools.ingest.ray_workers import work_by_ray
    from tools.ingest.workers import work as embed

    settings = load_settings()

    def run(progress: Progress, cancelled: Callable[[], bool]) -> IngestReport:
        progress(None, "opening the library and the text encoder")
        with open_store(settings) as store:
            if actors:
                return work_by_ray(
                    store, lambda library: library_encoder(settings, library)(), actors,
                    progress=progress, cancelled=cancelled,
                )  # fmt: skip
            return embed(
                store, library_encoder(settings, store), until_done=until_done,
                progress=progress, cancelled=cancelled,
            )  # fmt: skip

    carry_out(ctx, run, "passages", as_json)


@ingest.command()
@click.option("--query", required=True, help="A PubMed search, as on pubmed.ncbi.nlm.nih.gov.")
@click.option(
    "--max", "limit", type=click.IntRange(1, 9_999), default=100, show_default=True,
    help="At most so many articles, the most relevant first.",
)  # fmt: skip
@as_json_option
@click.pass_context
def pubmed(ctx: click.Context, query: str, limit: int, as_json: bool) -> None:
    """Add the articles that a PubMed search finds.

    NCBI asks scripts for an address (CYTOSCRIBE_NCBI_EMAIL) and allows three requests a second, ten
    with a key (CYTOSCRIBE_NCBI_API_KEY).

    \b
    Example:
      cytoscribe ingest pubmed --query "leukocyte morphology[tiab] AND review[pt]" --max 200
    """
    from agent.build import library_encoder, open_store
    from tools.ingest import ingest_pubmed

    settings = load_settings()

    def run(progress: Progress, cancelled: Callable[[], bool]) -> IngestReport:
        progress(None, "opening the library and the text encoder")
        with open_store(settings) as store, _pubmed(settings) as client:
            return ingest_pubmed(
                query, limit, store=store, encoder=library_encoder(settings, store)(),
                pubmed=client, progress=progress, cancelled=cancelled,
            )  # fmt: skip

    carry_out(ctx, run, "articles", as_json)


def _pubmed(settings: Settings) -> Any:
    from tools.pubmed import PubMed

    key = settings.ncbi_api_key
    return PubMed(
        settings.ncbi_base_url,
        api_key=key.get_secret_value() if key else None,
        email=settings.ncbi_email,
    )


def carry_out(ctx: click.Context, run: Run, things: str, as_json: bool) -> None:
    """Run with a bar and Ctrl-C, then say how it ended."""
    try:
        with bar() as progress, stop_asked() as cancelled:
            report = run(progress, cancelled)
    except Interrupted as e:
        _print(e.report, things, as_json, "interrupted")
        click.echo("Run the same command again to go on from here.", err=True)
        raise Cancelled(str(e)) from None
    _print(report, things, as_json, "finished")
    if report.skipped:
        ctx.exit(SOME_SKIPPED)


def _print(report: IngestReport, things: str, as_json: bool, state: str) -> None:
    for name, reason in report.skipped:
        click.echo(f"skipped {name}: {reason}", err=True)
    if not as_json:
        click.echo(report.in_words(things))
        return
    skipped = [{"path": name, "reason": reason} for name, reason in report.skipped]
    told = {
        "state": state, "done": report.done, "unchanged": report.unchanged, "skipped": skipped,
        "deleted": report.deleted, "waiting": report.waiting,
    }  # fmt: skip
    click.echo(json.dumps(told, ensure_ascii=False))


@contextmanager
def stop_asked(
    told: str = "Finishing the batch in hand; Ctrl-C again stops at once.",
) -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; a second one stops at once."""
    asked = False

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        click.echo(f"\n{told}", err=True)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def bar() -> Iterator[Progress]:
    """A bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich import progress as rich
    from rich.console import Console

    columns: list[rich.ProgressColumn] = [
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.TimeRemainingColumn(),
        rich.TextColumn("{task.description}"),
    ]
    with rich.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting", total=None)

        def show(share: float | None, text: str) -> None:
            total = None if share is None else 1.0
            bar.update(task, total=total, completed=share or 0, description=text)

        yield show
