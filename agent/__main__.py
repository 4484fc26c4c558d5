"""The command line: finds the sub-commands and turns errors into a line and an exit code.

A sub-command is an entry point of the group `cytoscribe.commands`. Exit codes: 0 done, 1 an error,
2 wrong usage, 130 stopped by Ctrl-C; 3 (of commands over many files) some files were refused.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version

import click

from agent.entry_points import EntryPointGroup
from tools.errors import Cancelled, CytoscribeError

STOPPED = 130  # what a shell reports after SIGINT


@click.group(cls=EntryPointGroup, entry_point_group="cytoscribe.commands")
@click.version_option(version("cytoscribe"))
def cytoscribe() -> None:
    """Ask about a cell image: one answer from PaliGemma, similar cases and PubMed passages.

    \b
    Examples:
      cytoscribe chat
      cytoscribe ask "What cell is this?" --image cell.png
      cytoscribe describe slides/ --json
      cytoscribe doctor

    Research use only.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error is one line on stderr."""
    try:
        return cytoscribe.main(arguments, "cytoscribe", standalone_mode=False) or 0
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except (click.Abort, Cancelled):
        click.echo("Stopped.", err=True)
        return STOPPED
    except CytoscribeError as e:
        click.echo(f"Error: {e}", err=True)
        return 1


if __name__ == "__main__":
    main()
