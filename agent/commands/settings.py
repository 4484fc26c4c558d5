"""Print every option with its value, where the value came from, and what it means."""

import dataclasses
import json

import click

from agent.options import options
from agent.settings import load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, keyed by option.")
def settings(as_json: bool) -> None:
    """Print every option with its value, where the value came from, and what it means.

    Set an option in the environment or in a file .env in the working folder; the environment goes
    first. Secrets are masked.

    \b
    Examples:
      cytoscribe settings
      CYTOSCRIBE_PORT=9000 cytoscribe settings --json
    """
    found = list(options(load_settings()))
    if as_json:
        click.echo(json.dumps({o.name: dataclasses.asdict(o) for o in found}, indent=2))
        return
    for option in found:
        click.echo(f"{option.variable}={option.value}  ({option.source})\n    {option.meaning}")
