"""Look at datasets before training on them."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tools.errors import BadInputError

if TYPE_CHECKING:
    from finetune.data.leaks import Ledger, SplitReport
    from finetune.data.row import Row, RowFormat
    from finetune.data.shortcut import Probe


@dataclass(frozen=True)
class Asked:
    """A dataset to check, and its format."""

    form: "RowFormat"
    path: Path


@dataclass(frozen=True)
class Read:
    """What was read of a dataset; the seconds are the reader's, without decoding images."""

    format: str
    path: str
    rows: int
    seconds: float
    dropped: Mapping[str, int]

    def in_words(self) -> str:
        return f"{self.path} ({self.format}): {self.rows:,} rows, {self.speed:,} rows/s"

    @property
    def speed(self) -> int:
        return round(self.rows / self.seconds) if self.seconds else 0


@click.group()
def data() -> None:
    """Look at datasets before training on them.

    \b
    Examples:
      cytoscribe data formats
      cytoscribe data check BCCD/ --format voc
    """


@data.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list, an object a format.")
def formats(as_json: bool) -> None:
    """List the formats that training rows are read from.

    \b
    Example:
      cytoscribe data formats
    """
    from finetune.data.formats import FORMATS

    known = [
        {"name": f.name, "looks_for": f.looks_for, "teaches": f.teaches} for f in FORMATS.values()
    ]
    said = (f"{f['name']}: {f['looks_for']}\n    teaches {f['teaches']}" for f in known)
    click.echo(json.dumps(known, indent=2) if as_json else "\n".join(said))


@data.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--format", "form", help="The format of PATH: see `cytoscribe data formats`.")
@click.option(
    "--set", "sets", multiple=True, metavar="FORMAT=PATH",
    help="A further dataset of the mixture; may be given several times.",
)  # fmt: skip
@click.option("--unsafe", type=float, help="LAION: punsafe must lie below.")
@click.option("--watermark", type=float, help="LAION: pwatermark must lie below.")
@click.option("--similarity", type=float, help="LAION: similarity must reach this.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(
    path: Path | None,
    form: str | None,
    sets: tuple[str, ...],
    as_json: bool,
    **limits: float | None,
) -> None:
    """Read datasets as training would: rows, what is left out and why, splits, leaks.

    Every image is decoded. An image that nearly repeats one on an earlier side (test, dev, train)
    is refused, also across datasets. Of several datasets it is told whether they can be known by
    the look of their images alone.

    \b
    Examples:
      cytoscribe data check pbc_wbcatt/ --format wbcatt
      cytoscribe data check --set voc=BCCD/ --set masks=nuclei/ --json
      cytoscribe data check laion/ --format laion --unsafe 0.1
    """
    from finetune.data.leaks import Ledger
    from finetune.data.shortcut import probe

    given = {name: value for name, value in limits.items() if value is not None}
    asked = [_asked(form or "", path, given)] if path else []
    asked += [_asked(*_pair(one), given) for one in sets]
    if not asked:
        raise click.UsageError("name a dataset: PATH --format NAME, or --set FORMAT=PATH")
    ledger = Ledger(Counter())
    read = [_read(one, ledger) for one in asked]
    ledger.dropped = Counter(
        {f"{one.format}: {why}": n for one in read for why, n in one.dropped.items()}
    )
    report, told = ledger.report(), probe(ledger) if len(asked) > 1 else None
    if as_json:
        click.echo(json.dumps(_as_json(read, report, told), ensure_ascii=False))
        return
    click.echo("\n".join([*(one.in_words() for one in read), report.in_words()]))
    if len(asked) > 1:
        click.echo(told.in_words() if told else "shortcut probe: fewer than two sets of 5 groups")


def _pair(text: str) -> tuple[str, Path]:
    form, equals, path = text.partition("=")
    if not equals:
        raise click.UsageError(f"--set {text!r}: write FORMAT=PATH, such as voc=BCCD/")
    return form, Path(path)


def _asked(name: str, path: Path, limits: Mapping[str, float]) -> Asked:
    from finetune.data.formats import FORMATS, format_of

    if name not in FORMATS:
        raise click.UsageError(f"no format is called {name!r}; known: {', '.join(FORMATS)}")
    known = format_of(name, limits if name == "laion" else {})
    if not path.exists():
        raise BadInputError(f"{path} does not exist; {name} is {known.looks_for}")
    return Asked(known, path)


def _read(asked: Asked, ledger: "Ledger") -> Read:
    """Read a dataset into the ledger, with a count on a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    dropped = ledger.dropped = Counter[str]()
    clock = Clock(asked.form.read(asked.path, dropped))
    shown = Console(stderr=True)
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=shown, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"reading {asked.path}")
        for number, row in enumerate(clock, 1):
            ledger.add(row)
            if not number % 100:
                bar.update(task, description=f"reading {asked.path}: {number:,} rows")
    return Read(asked.form.name, str(asked.path), clock.rows, clock.seconds, dict(dropped))


class Clock(Iterator["Row"]):
    """Rows as they come, counted, and the seconds that their reader took."""

    def __init__(self, rows: Iterator["Row"]) -> None:
        self._rows, self.rows, self.seconds = rows, 0, 0.0

    def __next__(self) -> "Row":
        start = time.perf_counter()
        try:
            row = next(self._rows)
        finally:
            self.seconds += time.perf_counter() - start
        self.rows += 1
        return row


def _as_json(read: Sequence[Read], report: "SplitReport", told: "Probe | None") -> dict[str, Any]:
    """Keys are only ever added, never renamed."""
    return {
        "sets": [{**asdict(one), "rows_per_second": one.speed} for one in read],
        "rows": report.rows,
        "images": report.images,
        "groups": report.groups,
        "sides": {name: asdict(counts) for name, counts in report.sides.items()},
        "refused": [asdict(one) for one in report.refused],
        "groups_on_several_sides": list(report.torn),
        "shortcut": {**asdict(told), "warns": told.warns} if told else None,
    }
