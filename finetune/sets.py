"""The datasets of a recipe, read once: items to train on, items held out, and what was dropped.

A row's side is the one its dataset says, else that of its group's name (`data.splits`), so no
group is on two sides. A set without a development side gives up a tenth of its training groups.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.data.example import Split
from finetune.data.formats import read_rows
from finetune.data.row import Dropped, Row
from finetune.data.splits import by_hash, kept_for_training
from finetune.recipe import DataSet, FinetuneRecipe
from finetune.rows import Item, Sampler, Store, StoreWriter, Subset, Weighted, items
from tools.errors import BadInputError

Read = Callable[[DataSet, Dropped], Iterable[Row]]


@dataclass(frozen=True)
class Count:
    """What was read of a set."""

    name: str
    format: str
    licences: tuple[str, ...]
    images: int  # to train on; a row of text alone counts as one
    rows: int
    held_out: int
    dropped: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Sets:
    """Everything a run draws from and is measured by."""

    train: Sequence[Weighted]
    held_out: Sequence[Item]
    counts: Sequence[Count]

    def sampler(self, seed: int) -> Sampler:
        return Sampler(self.train, seed)


def of_rows(rows: Iterable[Row], held_out: Iterable[Row]) -> Sets:
    """Rows that are in memory, split already."""
    train, dev = list(items(rows)), list(items(held_out))
    if not train:
        raise BadInputError("there is no row to train on")
    return Sets([Weighted(train)], dev, _counts_of(train, dev))


def read_sets(data: Sequence[DataSet], folder: Path, read: Read, eval_images: int) -> Sets:
    """Read every set into `folder`.

    Raises:
        BadInputError: no set is named, a set has nothing to train on, or as its reader says.
    """
    if not data:
        raise BadInputError("data: no set is named; add one with its format and root")
    train, held_out, counts = list[Weighted](), list[Item](), list[Count]()
    for number, one in enumerate(data):
        learned, looked_at, count = _read(one, folder / str(number), read)
        train.append(Weighted(learned, one.weight))
        held_out += _some(looked_at, max(1, eval_images // len(data)), one.format)
        counts.append(count)
    return Sets(train, held_out, counts)


def sets_of(recipe: FinetuneRecipe, folder: Path) -> Sets:
    """The recipe's sets by the formats there are. Raises BadInputError as `read_sets`."""

    def read(one: DataSet, dropped: Dropped) -> Iterable[Row]:
        return read_rows(one.root, one.format, dropped)

    return read_sets(recipe.data, folder, read, recipe.eval_images)


def _read(one: DataSet, folder: Path, read: Read) -> tuple[Sequence[Item], Sequence[Item], Count]:
    dropped: Dropped = Counter()
    stores, licences, rows = _by_side(one, folder, read(one, dropped))
    all_of_it = one.split == "all"
    learned, looked_at = (stores["train"], []) if all_of_it else _sides(stores, one.split)
    learned = _some(learned, one.limit or len(learned), one.format)
    if not learned:
        said = ", ".join(f"{why} ({n})" for why, n in dropped.most_common()) or "none dropped"
        raise BadInputError(
            f"{one.root}: no row of its {one.split} side to train on; {rows} read, {said}"
        )
    counted = Count(
        one.root.name, one.format, tuple(sorted(licences)), len(learned), rows, len(looked_at),
        dict(dropped),
    )  # fmt: skip
    return learned, looked_at, counted


def _by_side(
    one: DataSet, folder: Path, rows: Iterable[Row]
) -> tuple[Mapping[Split, Store], set[str], int]:
    sides: tuple[Split, ...] = ("train", "dev", "test")
    writers = {side: StoreWriter(folder / side) for side in sides}
    licences, number = set[str](), 0
    for item in items(rows):
        side = "train" if one.split == "all" else side_of_row(item[0])
        writers[side].add(item)
        licences |= {row.licence for row in item}
        number += len(item)
    return {side: writer.close() for side, writer in writers.items()}, licences, number


def _sides(stores: Mapping[Split, Store], split: Split) -> tuple[Sequence[Item], Sequence[Item]]:
    """Items to learn from and to look at."""
    learned = stores[split]
    if split == "dev" or len(stores["dev"]):
        return learned, [] if split == "dev" else stores["dev"]
    sides = [kept_for_training(f"held out/{row.source}", row.group) for row, *_ in learned]
    dev = [i for i, side in enumerate(sides) if side == "dev"]
    train = [i for i, side in enumerate(sides) if side == "train"]
    return Subset(learned, train), Subset(learned, dev)


def side_of_row(row: Row) -> Split:
    """The side its dataset says, else by its group."""
    return row.split or by_hash(row.source, row.group)


def _some(found: Sequence[Item], number: int, seed: str) -> Sequence[Item]:
    """At most so many, drawn at random: neighbours are often of one class."""
    if len(found) <= number:
        return found
    return Subset(found, sorted(random.Random(seed).sample(range(len(found)), number)))


def _counts_of(train: Sequence[Item], dev: Sequence[Item]) -> list[Count]:
    sources = sorted({item[0].source for item in train})
    return [_count_of(source, train, dev) for source in sources]


def _count_of(source: str, train: Sequence[Item], dev: Sequence[Item]) -> Count:
    mine = [item for item in train if item[0].source == source]
    out = sum(item[0].source == source for item in dev)
    licences = tuple(sorted({row.licence for item in mine for row in item}))
    return Count(source, "rows", licences, len(mine), sum(map(len, mine)), out, {})
