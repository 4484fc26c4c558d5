"""Answer a traced turn again, by the same or another model, and show what differs."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from agent.settings import load_settings
from tools.errors import BadInputError

if TYPE_CHECKING:
    from agent.assistant import Assistant
    from agent.replay import Change, Replay


@click.command()
@click.argument("trace_id", metavar="TRACE")
@click.option("--model", help="PaliGemma checkpoint to ask; default: the settings'.")
@click.option("--adapter", help="PEFT adapter on it; with --model, none unless it is given.")
@click.option("--text-model", help="Text model to write with; default: the settings'.")
@click.option("--json", "as_json", is_flag=True, help="Print the differences as one JSON object.")
def replay(
    trace_id: str, model: str | None, adapter: str | None, text_model: str | None, as_json: bool
) -> None:
    """Answer a traced turn again and show what differs: plan, findings, evidence, words, times.

    The turn sees the session as it was then. Its new trace is kept, tagged "replay"; the session is
    left as it is. Similar cases are searched among images that the model has embedded.

    \b
    Examples:
      cytoscribe replay 4f1c22ab
      cytoscribe replay 4f1c22ab --model google/paligemma2-3b-mix-448 --json
    """
    adapter = "" if model and adapter is None else adapter
    settings = load_settings(model=model, adapter=adapter, text_model=text_model)
    from agent.build import open_assistant

    assistant = open_assistant(settings, progress=_say)
    try:
        found = replayed(assistant, trace_id)
    finally:
        assistant.close()
    click.echo(found.model_dump_json(indent=2) if as_json else "\n".join(in_words(found)))


def replayed(assistant: "Assistant", trace_id: str) -> "Replay":
    """The turn of a trace, answered again by `assistant`, beside what it was."""
    from agent.commands.trace import named
    from agent.replay import compared

    trace = named(assistant.store, trace_id)
    session = assistant.history(trace.session_id)
    at = next((n for n, r in enumerate(session) if r.turn.turn_id == trace.turn_id), None)
    if at is None:
        raise BadInputError(
            f"The turn of {trace.trace_id} has no record (it failed, or is itself a replay); "
            "choose a trace that `cytoscribe trace list` shows with an answer"
        )
    return compared(session[at], assistant.replay(session[at], session[:at]))


def in_words(replay: "Replay") -> Iterator[str]:
    """Each kind of difference under its heading, or that there is none."""
    yield f"Trace {replay.trace_id}, answered again as {replay.replayed_trace_id}"
    yield from _section("Answer", replay.answered)
    yield from _section("Plan and tools", replay.plan)
    yield from _section("Findings", replay.findings)
    yield from _section("Evidence (cases and passages)", replay.evidence)
    yield ""
    yield "Sentences" if replay.sentences else "Sentences: the same"
    yield from (f"  - {change.before}" for change in replay.sentences if change.before)
    yield from (f"  + {change.after}" for change in replay.sentences if change.after)
    yield ""
    yield "Seconds"
    for change in replay.seconds:
        yield f"  {change.name}: {_seconds(change.before)} -> {_seconds(change.after)}"


def _section(heading: str, changes: "Sequence[Change]") -> Iterator[str]:
    yield ""
    yield heading if changes else f"{heading}: the same"
    for change in changes:
        yield f"  {change.name}: {_value(change.before)} -> {_value(change.after)}"


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _seconds(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _say(step: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{step} …", err=True)
