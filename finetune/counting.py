"""`python -m finetune.counting`: counts by measuring against the truth, beside a constant.

Red cells, white cells and platelets of BCCD, nuclei of the Data Science Bowl, at full resolution,
on the same sides as training. The constant is the median of the training side. BCCD's boxes are
not exhaustive: heaps and cells at the edge are boxed in some images and not in others.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import get_args

import click
import numpy as np
from PIL import Image

from eval.descriptions import Estimate, Pair, accuracy, count_error, estimate, within_tenth
from finetune.data.collection import DATASETS
from finetune.data.example import Example, Pixels, Split
from finetune.data.splits import split
from tools.errors import BadInputError
from tools.findings import COUNTS
from tools.measure import measure
from tools.measure.quantities import QUANTITIES

PICTURES = {"bccd": "BCCD/JPEGImages/{}", "nuclei_dsb2018": "images/{}.png"}
NAMES = {q.thing: q.name for q in QUANTITIES.values() if q.thing}


@dataclass(frozen=True)
class Line:
    """One row of the table: how well one thing is counted."""

    thing: str
    images: int
    within_10: Estimate
    exact: Estimate
    mae: Estimate
    constant: int  # median of the training side
    constant_within_10: float
    constant_mae: float


def counted(example: Example) -> dict[str, int]:
    """The true number of everything that was annotated in the image."""
    found = Counter(instance.thing for instance in example.instances)
    return {thing: found[thing] for thing in example.counted}


def lines(
    train: Sequence[Example], side: Sequence[Example], pixels: Callable[[Example], Pixels]
) -> list[Line]:
    """The table of one side, a thing a row; `pixels` gives an example's whole picture."""
    usual = {
        thing: round(median(counts))
        for thing in COUNTS
        if (counts := [n[thing] for n in map(counted, train) if thing in n])
    }
    with click.progressbar(side, label="Measuring", file=sys.stderr) as bar:
        said = [_said(example, pixels(example)) for example in bar]
    return [_line(thing, n, side, said) for thing, n in usual.items()]


def _said(example: Example, pixels: Pixels) -> dict[str, str]:
    values = measure(pixels, example.kind).values
    return {thing: str(round(values.get(NAMES[thing], 0))) for thing in example.counted}


def _line(
    thing: str, usual: int, side: Sequence[Example], said: Sequence[Mapping[str, str]]
) -> Line:
    rows = [(counted(e), s) for e, s in zip(side, said, strict=True) if thing in e.counted]
    pairs: list[Pair] = [({thing: str(truth[thing])}, s) for truth, s in rows]
    constant: list[Pair] = [(truth, {thing: str(usual)}) for truth, _ in pairs]
    return Line(
        thing,
        len(pairs),
        estimate(within_tenth(thing), pairs),
        estimate(accuracy(thing), pairs),
        estimate(count_error(thing), pairs),
        usual,
        within_tenth(thing)(constant),
        count_error(thing)(constant),
    )


def _words(line: Line) -> str:
    return (
        f"{line.thing:17} {line.images:6}  {line.within_10}  {line.exact}  "
        f"{line.mae.value:5.1f} ({line.mae.low:.1f}–{line.mae.high:.1f})  "
        f"always {line.constant}: {line.constant_within_10:.3f}, {line.constant_mae:.1f}"
    )


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of the sets.")
@click.option("--side", default="dev", show_default=True, type=click.Choice(get_args(Split)))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a thing.")
def main(data: Path, side: str, as_json: bool) -> None:
    """Count by measuring and print how far the counts are off.

    \b
    Examples:
      python -m finetune.counting --data data
      python -m finetune.counting --data data --side test --json
    """
    names = [name for name in PICTURES if (data / name).is_dir()]
    if not names:
        raise BadInputError(f"none of {', '.join(PICTURES)} is below {data}")
    parts, _ = split([example for name in names for example in DATASETS[name](data / name)])

    def pixels(example: Example) -> Pixels:
        path = data / example.source / PICTURES[example.source].format(example.name)
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"), dtype=np.uint8)

    table = lines(parts["train"], next(v for k, v in parts.items() if k == side), pixels)
    if not as_json:
        click.echo("thing             images  within 10%           exact                MAE")
    for line in table:
        click.echo(json.dumps(asdict(line)) if as_json else _words(line))


if __name__ == "__main__":
    main()
