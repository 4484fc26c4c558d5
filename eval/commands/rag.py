"""Put questions with reference answers to the agent and measure the turns by RAGAS."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.settings import Settings, load_settings
from eval.watching import watch

if TYPE_CHECKING:
    from agent.assistant import Assistant
    from eval.rag.folder import Done, Folder
    from eval.rag.rows import Row

STOPPED = 130  # exit code
run_folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option(
    "--dataset", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rows, one JSON object a line; default: the 100 shipped here, on a starter library of "
    "their own.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run; named again, it is gone on with. Default: a new one in rag-runs/.",
)  # fmt: skip
@click.option("--against", type=run_folder, help="Folder of another run to compare this one with.")
@click.option("--limit", type=click.IntRange(min=1), help="Draw this many rows.")
@click.option("--seed", default=0, show_default=True, help="Of that draw.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.pass_context
def rag(
    ctx: click.Context, /, dataset: Path | None, out: Path | None, against: Path | None,
    limit: int | None, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Put questions with reference answers to the agent and measure the turns by RAGAS.

    A row: {"question": …, "image": FILE or none, "reference_answer": …, "reference_ids":
    ["pmid:123", …], "reference_tools": ["literature_search", …], "abstain": true where there is no
    answer}. The turns are real ones, on the library of the settings. Without a judge: context
    precision and recall, tool calls, quotations, likeness to the reference. With one
    (CYTOSCRIBE_JUDGE_MODEL and _URL, any OpenAI-compatible server): faithfulness and relevancy,
    how often its replies could not be read, and how far it agrees with reference verdicts.

    --out keeps rows.jsonl, summary.json and summary.md. With Langfuse's keys set, the run is also
    an experiment on a data set there.

    \b
    Exit codes:
      0    every row was asked and measured
      1    it could not be done; what was finished is kept
      2    wrong usage
      130  stopped by Ctrl-C; the same command with --out goes on

    \b
    Examples:
      cytoscribe eval rag --out runs/today
      cytoscribe eval rag --dataset mine.jsonl --out runs/mine --json
      cytoscribe eval rag --out runs/today --against runs/last-release
    """
    out = out or Path("rag-runs") / datetime.now().strftime("%Y%m%d-%H%M%S")
    try:
        told = _measure(dataset, out, limit, seed)
    except KeyboardInterrupt:
        click.echo(f"Stopped; the rows done are kept. Go on with --out {out}", err=True)
        ctx.exit(STOPPED)
    if against:
        told["against"] = _compared(out, against)
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else _in_words(told, out))


@click.command("rag-compare")
@click.argument("ours", type=run_folder)
@click.argument("theirs", type=run_folder)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def rag_compare(ours: Path, theirs: Path, as_json: bool) -> None:
    """Compare two runs of `eval rag` row by row: differences with 95% intervals.

    \b
    Examples:
      cytoscribe eval rag-compare runs/today runs/last-release
      cytoscribe eval rag-compare runs/with-text-model runs/extractive --json
    """
    from eval.rag.comparison import compare, in_words

    told = compare(ours, theirs)
    click.echo(json.dumps(told, ensure_ascii=False) if as_json else in_words(told))


def _measure(dataset: Path | None, out: Path, limit: int | None, seed: int) -> dict[str, Any]:
    from eval.rag.folder import Folder
    from eval.rag.judge import open_judge
    from eval.rag.rows import SHIPPED, drawn, read_rows
    from eval.rag.run import Runner, check_images, run_of
    from eval.ragas_metrics import ragas

    file = dataset or SHIPPED
    rows, folder = drawn(read_rows(file), limit, seed), Folder(out)
    check_images(rows, file.parent)
    ragas()  # before the slow part
    with _assistant(shipped=dataset is None) as assistant:
        with open_judge(assistant.settings, assistant.encoder) or nullcontext() as judge:
            before = folder.open(run_of(file, rows, assistant, judge))
            runner = Runner(assistant, file.parent, folder, judge)
            with watch("Asking", len(rows)) as step:
                done = runner.run(rows, before, step)
            if judge:
                judge.check(out, watch)
        missing = runner.references.missing(rows)
    return _told(folder, rows, done, missing, assistant.settings)


def _told(
    folder: "Folder", rows: "tuple[Row, ...]", done: "list[Done]", missing: list[str],
    settings: Settings,
) -> dict[str, Any]:  # fmt: skip
    """The summary, also as files and, where its keys are set, in Langfuse."""
    from eval.rag.folder import write
    from eval.rag.judge import read_judged
    from eval.rag.measured import JUDGED
    from eval.rag.summary import in_words, summary
    from eval.rag.verdicts import agreement, read_verdicts

    judged = read_judged(folder.path / "judge.jsonl")
    told = summary(folder.run(), done, missing)
    trust = agreement(judged, read_verdicts(), list(JUDGED))
    told |= trust | {"measured_on": told["measured_on"] | trust["measured_on"]}
    write(folder.path / "summary.json", told)
    (folder.path / "summary.md").write_text(in_words(told) + "\n", encoding="utf-8")
    if settings.langfuse_public_key and settings.langfuse_secret_key:
        from eval.experiments import send

        click.echo(send(settings, folder.run(), rows, done, folder.path.name), err=True)
    return told


@contextmanager
def _assistant(*, shipped: bool) -> "Iterator[Assistant]":
    """The assistant of the settings; for the shipped rows on the library they are about."""
    from agent.build import open_assistant
    from eval.rag.starter_library import open_starter_assistant, starter_settings

    settings = load_settings()
    if shipped:
        assistant = open_starter_assistant(starter_settings(settings), _say)
    else:
        assistant = open_assistant(settings, progress=_say)
    with assistant:
        yield assistant


def _say(step: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{step} …", err=True)


def _compared(out: Path, against: Path) -> dict[str, Any]:
    from eval.rag.comparison import compare, in_words
    from eval.rag.folder import write

    told = compare(out, against)
    write(out / "comparison.json", told)
    (out / "comparison.md").write_text(in_words(told) + "\n", encoding="utf-8")
    return told


def _in_words(told: dict[str, Any], out: Path) -> str:
    from eval.rag.comparison import in_words as compared
    from eval.rag.summary import in_words

    parts = [in_words(told)]
    if "against" in told:
        parts.append(compared(told["against"]))
    return "\n\n".join([*parts, f"Files: {out}"])
