"""A bar on stderr for work that takes a while."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click


@contextmanager
def watch(label: str, length: int) -> Iterator[Any]:
    """Yields what tells how many steps more are done; silent where nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, show_pos=True, file=sys.stderr) as bar:
        yield bar.update
