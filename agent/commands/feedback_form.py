"""Write a feedback form: answers of this installation, to be judged in any spreadsheet."""

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.settings import load_settings

if TYPE_CHECKING:
    from agent.turn import TurnRecord
    from tools.store import Store


@click.command()
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True,
              help="How many of the newest answers.")  # fmt: skip
@click.option("--session", help="The answers of this session instead.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path),
              help="The csv file to write; default: print it.")  # fmt: skip
def form(last: int, session: str | None, out: Path | None) -> None:
    """Write a feedback form: answers of this installation, to be judged in any spreadsheet.

    Who fills it in needs neither the app nor an account. `cytoscribe feedback import` takes it
    back. docs/share/feedback-form.md explains the columns.

    \b
    Examples:
      cytoscribe feedback form --last 50 --out form.csv
      cytoscribe feedback form --session <its id> > form.csv
    """
    from agent.build import open_store
    from agent.feedback_form import write_form

    with open_store(load_settings()) as store:
        text = write_form(_records(store, last, session))
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, encoding="utf-8-sig")  # with the mark by which Excel knows UTF-8
    click.echo(f"{out}: {text.count(chr(10)) - 1} lines to fill in")


def _records(store: "Store", last: int, session: str | None) -> "list[TurnRecord]":
    from agent.turn import TurnRecord

    if session:
        texts = store.turns(session)
    else:
        texts = list(deque((text for text, _ in store.turns_with_feedback()), maxlen=last))
    return [TurnRecord.model_validate_json(text) for text in texts]
