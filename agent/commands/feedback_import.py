"""Take in a filled-in feedback form, csv or JSON: all of its rows, or none."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.settings import load_settings
from tools.errors import BadInputError

if TYPE_CHECKING:
    from agent.feedback_form import Form
    from tools.store import Store


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(file: Path, as_json: bool) -> None:
    """Take in a filled-in feedback form, csv or JSON: all of its rows, or none.

    A row with a turn_id is feedback on that answer, and its corrections train the next model as
    those of the app do; a row without one is a remark on Cytoscribe as a whole. Bad rows are named,
    by the number a spreadsheet gives them, and nothing is imported then. A file imported twice
    counts once.

    \b
    Examples:
      cytoscribe feedback form --last 50 --out form.csv     # to be filled in by a professional
      cytoscribe feedback import form.csv
      cytoscribe feedback import docs/share/feedback-form.json --json
    """
    from agent.build import open_store
    from agent.feedback_form import read_form

    form = read_form(file)
    with open_store(load_settings()) as store:
        told = keep(store, form, file)
    told["empty_rows"] = form.empty
    words = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in told.items())
    click.echo(json.dumps(told) if as_json else words)


def keep(store: "Store", form: "Form", path: Path) -> dict[str, int]:
    """Store what is new, as one; BadInputError names the rows that cannot be, and nothing is."""
    from agent.feedback import keep_feedback
    from agent.feedback_form import refuse

    known = {
        f.feedback_id
        for f in form.feedback.values()
        if any(json.loads(g)["feedback_id"] == f.feedback_id for g in store.feedback(f.turn_id))
    }
    new = {row: f for row, f in form.feedback.items() if f.feedback_id not in known}
    bad = list[str]()
    with store.together():
        for row, feedback in new.items():
            try:
                keep_feedback(store, feedback)
            except BadInputError as error:
                bad.append(f"row {row}: {error}")
        refuse(path, bad)
        remarks = store.add_remarks(list(form.remarks.values()))
    old = len(known) + len(form.remarks) - remarks
    return {"feedback": len(new), "remarks": remarks, "known_already": old}
