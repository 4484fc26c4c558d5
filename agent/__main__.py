"""The command line: finds the sub-commands and turns errors into a line and an exit code.

A sub-command is an entry point of the group `cytoscribe.commands`; its module is imported only
when it runs or its own help is asked. Exit codes: 0 done, 1 an error, 2 wrong usage, 130 stopped
by Ctrl-C; 3 (of commands over many files) some files were refused.
"""

import ast
import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from pathlib import Path

import click

from tools.errors import Cancelled, CytoscribeError

STOPPED = 130  # what a shell reports after SIGINT


class Commands(click.Group):
    """A group that reads a command's help line from its source, without importing it."""

    @cached_property
    def found(self) -> dict[str, EntryPoint]:
        return {e.name: e for e in entry_points(group="cytoscribe.commands")}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.found.get(cmd_name)
        return entry.load() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, _help_line(self.found[name])) for name in sorted(self.found)]
            )


def _help_line(entry: EntryPoint) -> str:
    spec = find_spec(entry.module)
    if spec is None or spec.origin is None:
        return ""
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    return (docstring or "").partition("\n")[0]


@click.command(cls=Commands)
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
