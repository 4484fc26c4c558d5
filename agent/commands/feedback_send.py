"""Send the scores that still wait for Langfuse, now."""

import json
import sys
from typing import TYPE_CHECKING

import click

from agent.settings import load_settings
from tools.errors import RemoteServiceError

if TYPE_CHECKING:
    from agent.score_api import ScoreApi
    from tools.store import Store
    from tools.store.scores import UnsentScores


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def send(ctx: click.Context, as_json: bool) -> None:
    """Send the scores that still wait for Langfuse, now; exit code 1 if any is not taken.

    The page sends them by itself; this is for after an outage or a change of keys. It may be
    stopped and run again: a score that was taken is not sent twice.

    \b
    Examples:
      cytoscribe feedback send
      cytoscribe feedback send --json
    """
    from agent.build import open_store
    from agent.score_api import ScoreApi

    settings = load_settings()
    with ScoreApi(settings) as api, open_store(settings) as store:
        before = store.unsent_scores().count
        _send(store, api, before, quiet=as_json)
        left = store.unsent_scores()
    sent = before - left.count
    told = {"sent": sent, "unsent": left.count, "last_error": left.last_error}
    click.echo(json.dumps(told) if as_json else _in_words(sent, left))
    ctx.exit(1 if left.count else 0)


def _send(store: "Store", api: "ScoreApi", count: int, quiet: bool) -> None:
    """Send until nothing is due, or the server takes no more."""
    store.try_scores_now()
    with click.progressbar(length=count, file=sys.stderr, hidden=quiet) as bar:
        try:
            while store.send_next_score(api.post):
                bar.update(1)
        except RemoteServiceError:
            return  # its words are with the scores


def _in_words(sent: int, left: "UnsentScores") -> str:
    why = f": {left.last_error}" if left.last_error else ""
    return f"{sent} scores sent" + (f", {left.count} still wait{why}" if left.count else "")
