"""Write a feedback form: answers of this installation, to be judged in any spreadsheet."""

import json
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
              help="The file to write; default: print it.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="A JSON list of rows instead of csv.")
def form(last: int, session: str | None, out: Path | None, as_json: bool) -> None:
    """Write a feedback form: answers of this installation, to be judged in any spreadsheet.

    Who fills it in needs neither the app nor an account. `cytoscribe feedback import` takes it
    back. docs/share/feedback-form.md explains the columns.

    \b
    Examples:
      cytoscribe feedback form --last 50 --out form.csv
      cytoscribe feedback form --session <its id> > form.csv
      cytoscribe feedback form --json --out form.json
    """
    from agent.build import open_store
    from agent.feedback_form import COLUMNS, form_rows, write_form

    with open_store(load_settings()) as store:
        records = _records(store, last, session)
    rows = [dict.fromkeys(COLUMNS, "") | row for row in form_rows(records)]
    text = f"{json.dumps(rows, indent=1, ensure_ascii=False)}\n" if as_json else write_form(records)
    if out is None:
        click.echo(text, nl=False)
        return
    # csv with the mark by which Excel knows UTF-8
    out.write_text(text, encoding="utf-8" if as_json else "utf-8-sig")
    click.echo(f"{out}: {len(rows)} rows to fill in")


def _records(store: "Store", last: int, session: str | None) -> "list[TurnRecord]":
    from agent.turn import TurnRecord

    if session:
        texts = store.turns(session)
    else:
        texts = list(deque((text for text, _ in store.turns_with_feedback()), maxlen=last))
    return [TurnRecord.model_validate_json(text) for text in texts]
