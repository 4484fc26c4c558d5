"""Look into the library: what it holds."""

import json

import click

from agent.settings import load_settings


@click.group()
def library() -> None:
    """Look into the library: what it holds.

    \b
    Examples:
      cytoscribe library stats
      cytoscribe library stats --json
    """


@library.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def stats(as_json: bool) -> None:
    """Count images, articles, passages, turns, feedback, and embeddings by model.

    \b
    Example:
      cytoscribe library stats
    """
    from agent.build import open_store

    with open_store(load_settings()) as store:
        counts = store.counts()
    if as_json:
        click.echo(json.dumps(counts))
        return
    for name, count in counts.items():
        click.echo(f"{count:>10,}  {name}")
