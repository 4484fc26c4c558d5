"""Work with what users said of the answers."""

import click

from agent.entry_points import EntryPointGroup


@click.group(cls=EntryPointGroup, entry_point_group="cytoscribe.feedback_commands")
def feedback() -> None:
    """Work with what users said of the answers: thumbs, comments and corrections.

    Each is a row of the database before anything else happens to it.

    \b
    Example:
      cytoscribe feedback send
    """
