"""What long work tells while it goes on: nothing, or a bar on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import click

Step = Callable[[int], None]  # tells how many steps more are done
Watch = Callable[[str, int], AbstractContextManager[Step]]  # what is done, in how many steps


def unwatched(_: str, __: int) -> AbstractContextManager[Step]:
    """Nobody watches."""
    return nullcontext(lambda _: None)


@contextmanager
def watch(label: str, length: int) -> Iterator[Step]:
    """A bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, show_pos=True, file=sys.stderr) as bar:
        yield bar.update


class Shares:
    """The shares done that an ingest tells, as the steps of a bar of a hundred."""

    def __init__(self, step: Step) -> None:
        self._step, self._done = step, 0

    def __call__(self, share: float | None, _: str) -> None:
        done = round(100 * (share or 0))
        self._step(done - self._done)
        self._done = done
