"""List what can be found in an image: the closed questions, their answers, who teaches them."""

import json
from typing import Any

import click

from tools.findings import QUESTIONS, Question


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list, an object a finding.")
def findings(as_json: bool) -> None:
    """List what can be found in an image: the closed questions, their answers, who teaches them.

    A finding is claimed if its probability reaches CYTOSCRIBE_MIN_PROBABILITY. Ids are those of the
    Cell Ontology; no id: it has no single class for the answer, or the answer is no cell.

    \b
    Examples:
      cytoscribe findings
      cytoscribe findings --json
    """
    listed = [_listed(question) for question in QUESTIONS]
    click.echo(json.dumps(listed, indent=2) if as_json else "\n".join(map(_in_words, listed)))


def _listed(question: Question) -> dict[str, Any]:
    """Keys are only ever added, never renamed."""
    return {
        "name": question.name,
        "question": question.prompt,
        "values": [
            {"value": option, "ontology_id": question.ontology_id(option)}
            for option in question.options
        ],
        "unit": question.unit,
        "applies_to": list(question.applies_to),
        "cell_types": list(question.cell_types),
        "taught_by": list(question.taught_by),
    }


def _in_words(listed: dict[str, Any]) -> str:
    values = [
        v["value"] + f" ({v['ontology_id']})" * bool(v["ontology_id"]) for v in listed["values"]
    ]
    of = f"; of {', '.join(listed['cell_types'])}" if listed["cell_types"] else ""
    unit = f" [{listed['unit']}]" if listed["unit"] else ""
    return (
        f"{listed['name']}: {listed['question']}\n"
        f"    values: {', '.join(values)}{unit}\n"
        f"    asked of: {', '.join(listed['applies_to'])}{of}\n"
        f"    taught by: {', '.join(listed['taught_by'])}"
    )
