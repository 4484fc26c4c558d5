"""Command groups whose commands are entry points, so that packages above the agent can add some.

A command's module is imported only when it runs or its own help is asked; its line in the group's
help is the first line of its module's docstring, read from the source.
"""

import ast
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click


class EntryPointGroup(click.Group):
    """The commands of one group of entry points, by their names."""

    def __init__(self, *args: Any, entry_point_group: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entry_point_group = entry_point_group

    @cached_property
    def found(self) -> dict[str, EntryPoint]:
        return {e.name: e for e in entry_points(group=self.entry_point_group)}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self.found)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.found.get(cmd_name)
        return entry.load() if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        lines = [(name, _help_line(self.found[name])) for name in sorted(self.found)]
        if lines:  # click writes no empty list
            with formatter.section("Commands"):
                formatter.write_dl(lines)


def _help_line(entry: EntryPoint) -> str:
    spec = find_spec(entry.module)
    if spec is None or spec.origin is None:
        return ""
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    return (docstring or "").partition("\n")[0]
