"""Read the traces of turns: what ran, for how long, on what evidence; export them masked."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from agent.settings import MaskLevel, load_settings
from tools.errors import BadInputError

if TYPE_CHECKING:
    from tools.store import Store
    from tools.trace import Observed, Trace

BAR = 24  # characters of the time line


@click.group()
def trace() -> None:
    """Read the traces of turns: what ran, for how long, on what evidence.

    A trace is named by its id, by the first digits of it, or by the id of its turn.

    \b
    Examples:
      cytoscribe trace list
      cytoscribe trace show 4f1c22ab
      cytoscribe trace export --out traces.jsonl
    """


@trace.command("list")
@click.option("--session", help="Only of this session.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_traces(session: str | None, limit: int, as_json: bool) -> None:
    """List the newest traces: id, time, duration, tokens, question.

    \b
    Examples:
      cytoscribe trace list --limit 50
      cytoscribe trace list --session 5f2e --json
    """
    from agent.build import open_store

    with open_store(load_settings()) as store:
        found = store.traces(limit, session_id=session)
    for one in found:
        click.echo(json.dumps(_summary(one)) if as_json else _line(_summary(one)))
    if not (found or as_json):
        click.echo("There are no traces yet: ask something, in `cytoscribe chat` or `ask`.")


@trace.command()
@click.argument("trace_id", metavar="TRACE")
@click.option("--json", "as_json", is_flag=True, help="Print the whole trace.")
def show(trace_id: str, as_json: bool) -> None:
    """Show the tree of a trace, with times and what each part found.

    \b
    Example:
      cytoscribe trace show 4f1c22ab
    """
    from agent.build import open_store

    with open_store(load_settings()) as store:
        found = named(store, trace_id)
    click.echo(found.model_dump_json(indent=2) if as_json else "\n".join(_in_words(found)))


@trace.command()
@click.argument("trace_ids", metavar="[TRACE]...", nargs=-1)
@click.option("--session", help="The traces of this session.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, the newest.")
@click.option(
    "--mask", "level", type=click.Choice(get_args(MaskLevel)),
    help="What is hidden; default: CYTOSCRIBE_EXPORT_MASK (identifiers).",
)  # fmt: skip
@click.option("--images", is_flag=True, help="With thumbnails of similar cases; never of uploads.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout.")
def export(
    trace_ids: tuple[str, ...], session: str | None, limit: int | None,
    level: MaskLevel | None, images: bool, out: Path | None,
) -> None:  # fmt: skip
    """Export traces as JSON, one a line: the tree, the turn's record, its feedback.

    Names, ids and dates are masked as far as rules find them; `--mask text` hides questions,
    answers and passages as well. Times are kept as milliseconds from the turn's start.

    \b
    Examples:
      cytoscribe trace export --out traces.jsonl
      cytoscribe trace export 4f1c22ab --mask text
    """
    from agent.build import open_store
    from agent.masking import Masker
    from agent.trace_export import exported

    settings = load_settings()
    masker = Masker(level or settings.export_mask)
    with open_store(settings) as store:
        chosen = trace_ids or store.trace_ids(limit, session_id=session)
        traces = (named(store, trace_id) for trace_id in chosen)
        written = _write((json.dumps(exported(t, store, masker, images)) for t in traces), out)
    if out:
        click.echo(f"{written} traces in {out}; hidden: {masker.level}", err=True)


def named(store: "Store", trace_id: str) -> "Trace":
    """The trace of that name; BadInputError where it stands for none, or for several."""
    found = store.traces_named(trace_id)
    if len(found) == 1:
        return found[0]
    raise BadInputError(
        f"{trace_id!r} stands for several traces; give more of its digits"
        if found
        else f"There is no trace {trace_id!r}; `cytoscribe trace list` shows those there are"
    )


def _write(lines: Iterator[str], out: Path | None) -> int:
    """Print the lines, or write the file when all are there; returns their number."""
    if out is None:
        printed = 0
        for line in lines:
            click.echo(line)
            printed += 1
        return printed
    unfinished = out.with_name(f"{out.name}.part")
    with unfinished.open("w", encoding="utf-8") as file:
        written = sum(file.write(f"{line}\n") > 0 for line in lines)
    unfinished.replace(out)
    return written


def _summary(trace: "Trace") -> dict[str, object]:
    """Keys are only ever added, never renamed."""
    asked = trace.root.input or {}
    return {
        "trace_id": trace.trace_id,
        "turn_id": trace.turn_id,
        "session_id": trace.session_id,
        "user_id": trace.user_id,
        "tags": list(trace.tags),
        **trace.about,
        "started_at": trace.root.started_at.isoformat(),
        "duration_ms": trace.root.duration_ms,
        "tokens": trace.tokens(),
        "error": trace.root.error,
        "question": asked.get("question", ""),
    }


def _line(told: dict[str, object]) -> str:
    seconds = float(str(told["duration_ms"])) / 1000
    failed = f"  FAILED: {told['error']}" if told["error"] else ""
    when, question = str(told["started_at"])[:19], " ".join(str(told["question"]).split())
    return f"{str(told['trace_id'])[:12]}  {when}  {seconds:7.2f} s  {question}{failed}"


def _in_words(trace: "Trace") -> Iterator[str]:
    yield f"Trace {trace.trace_id} of session {trace.session_id}, turn {trace.turn_id}"
    yield f"{trace.root.started_at:%Y-%m-%d %H:%M:%S} UTC"
    whose = [f"user {trace.user_id}"] if trace.user_id else []
    yield ", ".join([*whose, *(f"{name} {value}" for name, value in trace.about.items())])
    if trace.tags:
        yield f"Tags: {', '.join(trace.tags)}"
    if tokens := trace.tokens():
        yield f"Tokens: {', '.join(f'{count} {name}' for name, count in tokens.items())}"
    yield ""
    for depth, observed in trace.tree():
        yield _row(trace, depth, observed)
    yield from _evidence(trace.observations)


def _row(trace: "Trace", depth: int, observed: "Observed") -> str:
    name = f"{'  ' * depth}{observed.name} ({observed.kind})"
    failed = f"  FAILED: {observed.error}" if observed.error else ""
    model = f"  {observed.model}" if observed.model else ""
    return f"{_bar(trace, observed)} {observed.duration_ms:9.1f} ms  {name}{model}{failed}"


def _bar(trace: "Trace", observed: "Observed") -> str:
    """When it ran, from the turn's start to its end."""
    start, length = trace.place(observed)
    before = min(BAR - 1, int(start * BAR))
    filled = min(BAR - before, max(1, round(length * BAR)))
    return "·" * before + "█" * filled + "·" * (BAR - before - filled)


def _evidence(observations: Sequence["Observed"]) -> Iterator[str]:
    found = [e for o in observations for e in o.evidence()]
    if found:
        yield ""
        yield "Evidence"
    for evidence in found:
        told = evidence.get("title") or evidence.get("caption") or evidence.get("text") or ""
        yield f"  {evidence['evidence_id']}  {evidence['kind']:<11}  {told}"
