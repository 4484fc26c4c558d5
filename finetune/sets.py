"""The datasets of a recipe: read once, split without leaks, and what of them was left out.

Rows are written to disk as they stream and items chosen among them: the side that is trained on,
held-out ones of the development side. An image that is nearly the same picture as one on an earlier
side (test, dev, train) is refused, and so is a group on several sides (`data.leaks`).
"""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from finetune.data.example import Split
from finetune.data.formats import read_rows
from finetune.data.leaks import Ledger
from finetune.data.row import Dropped, Row
from finetune.data.splits import kept_for_training, side
from finetune.recipe import DataSet, FinetuneRecipe
from finetune.rows import Item, Sampler, Store, StoreWriter, Subset, Weighted, items
from tools.errors import BadInputError

CHOSEN, SAY_SECONDS = "chosen.json", 5.0
LEAKED = "image undecodable, or on another side too: nearly repeated there, or by its group"
Say = Callable[[str], None]
Told = TypeVar("Told")


@dataclass(frozen=True)
class Count:
    """What was read of a set, and what was made of it."""

    name: str
    format: str
    licences: tuple[str, ...]
    rows: int  # read, of all sides
    images: int  # to train on; a text alone counts as one
    held_out: int
    dropped: Mapping[str, int]

    def in_words(self) -> str:
        """One line."""
        why = ", ".join(f"{reason} ({n:,})" for reason, n in self.dropped.items()) or "nothing"
        return (
            f"{self.name} ({self.format}): {self.rows:,} rows read, {self.images:,} images to train"
            f" on, {self.held_out:,} held out; left out: {why}; licence: {', '.join(self.licences)}"
        )


@dataclass(frozen=True, eq=False)
class Sets:
    """Everything a run draws from and is measured by."""

    train: Sequence[Weighted]
    held_out: Sequence[Item]
    counts: Sequence[Count]

    def sampler(self, seed: int) -> Sampler:
        return Sampler(self.train, seed)


def of_rows(rows: Iterable[Row], held_out: Iterable[Row]) -> Sets:
    """Rows that are in memory and split already. Raises BadInputError where there is none."""
    train, dev = list(items(rows)), list(items(held_out))
    if not train:
        raise BadInputError("there is no row to train on")
    sources = sorted({item[0].source for item in train})
    return Sets([Weighted(train)], dev, [_count_of(source, train, dev) for source in sources])


def sets_of(recipe: FinetuneRecipe, folder: Path, say: Say, fresh: bool = True) -> Sets:
    """The recipe's sets, read into `folder`; not `fresh`: as they were read there before.

    Raises:
        BadInputError: no set is named, a set has nothing to train on, or as its reader says.
    """
    if not recipe.data:
        raise BadInputError("data: no set is named; add one with its format and root")
    if fresh or not (folder / CHOSEN).exists():
        _read(recipe, folder, say)
    train, held_out, counts = list[Weighted](), list[Item](), list[Count]()
    for number, chosen in enumerate(json.loads((folder / CHOSEN).read_text("utf-8"))):
        store, one = Store(folder / str(number)), recipe.data[number]
        train.append(Weighted(Subset(store, chosen["train"]), one.weight))
        held_out += Subset(store, chosen["held_out"])
        counts.append(Count(**chosen["count"]))
        say(f"data: {counts[-1].in_words()}")
    return Sets(train, held_out, counts)


def _read(recipe: FinetuneRecipe, folder: Path, say: Say) -> None:
    """Write and choose; the choice is written last, so that half a reading is never taken."""
    looked_at = max(1, recipe.eval_images // len(recipe.data))
    chosen = [
        _choose(one, folder / str(number), looked_at, say) for number, one in enumerate(recipe.data)
    ]
    if recipe.refuse_leaks:
        _refuse_leaks(chosen, say)
    for one, made in zip(recipe.data, chosen, strict=True):
        if not made.train:
            said = made.counted().in_words()
            raise BadInputError(f"{one.root}: no row of its {one.split} side to train on; {said}")
    told_apart = [
        {"train": made.train, "held_out": made.held_out, "count": asdict(made.counted())}
        for made in chosen
    ]
    (folder / CHOSEN).write_text(json.dumps(told_apart), "utf-8")


@dataclass(eq=False)
class _Chosen:
    """Which items of a store are trained on, looked at, and kept for a test."""

    one: DataSet
    store: Store
    rows: int
    dropped: Dropped
    licences: list[str]
    train: list[int]
    held_out: list[int]
    test: list[int]

    def counted(self) -> Count:
        return Count(
            self.one.root.name, self.one.format, tuple(self.licences), self.rows, len(self.train),
            len(self.held_out), dict(self.dropped),
        )  # fmt: skip

    def placed(self, say: Say) -> Iterator[tuple[int, Item]]:
        """Each item with the side that it is used on."""
        parts: dict[Split, list[int]] = {
            "test": self.test, "dev": self.held_out, "train": self.train,
        }  # fmt: skip
        for name, indices in parts.items():
            for index in _told(indices, f"comparing images of {self.one.root}", say):
                yield index, tuple(replace(row, split=name) for row in self.store[index])


def _choose(one: DataSet, folder: Path, looked_at: int, say: Say) -> _Chosen:
    dropped: Dropped = Counter()
    sides, groups, licences, number = _write(one, folder, dropped, say)
    if one.split in ("train", "test") and not sides["dev"]:
        _give_up_some(sides, one.split, groups)
    train = _some(sides["train" if one.split == "all" else one.split], one.limit, one.format)
    held_out = _some(sides["dev"], looked_at, one.format) if one.split in ("train", "test") else []
    test = sides["test"] if one.split == "train" else []
    return _Chosen(
        one, Store(folder), number, dropped, sorted(licences), train, held_out, test
    )  # fmt: skip


def _write(
    one: DataSet, folder: Path, dropped: Dropped, say: Say
) -> tuple[dict[Split, list[int]], list[str], set[str], int]:
    """Store the rows; items by side, the group of each item, licences, and the number of rows."""
    sides: dict[Split, list[int]] = {"train": [], "dev": [], "test": []}
    licences, groups, number = set[str](), list[str](), 0
    rows = _told(read_rows(one.root, one.format, dropped, one.limits), f"reading {one.root}", say)
    with StoreWriter(folder) as writer:
        for index, item in enumerate(items(rows)):
            writer.add(item)
            sides["train" if one.split == "all" else side(item[0])].append(index)
            groups.append(f"{item[0].source}/{item[0].group}")
            licences |= {row.licence for row in item}
            number += len(item)
    return sides, groups, licences, number


def _give_up_some(sides: dict[Split, list[int]], given: Split, groups: Sequence[str]) -> None:
    """A tenth of the groups to look at, where a set has no development side."""
    kept = {i: kept_for_training("held out", groups[i]) for i in sides[given]}
    sides["dev"] = [i for i, name in kept.items() if name == "dev"]
    sides[given] = [i for i, name in kept.items() if name == "train"]


def _refuse_leaks(chosen: Sequence[_Chosen], say: Say) -> None:
    """Leave out of what is trained on, and looked at, what an earlier side shows already."""
    ledger = Ledger(Counter())
    for one in chosen:
        for _, item in one.placed(say):
            for row in item:
                ledger.add(row)
    report = ledger.report()
    for one in chosen:
        kept = {index for index, item in one.placed(_nothing) if report.side_of(item[0])}
        left = len(one.train) + len(one.held_out)
        one.train = [index for index in one.train if index in kept]
        one.held_out = [index for index in one.held_out if index in kept]
        if left := left - len(one.train) - len(one.held_out):
            one.dropped[LEAKED] += left


def _some(found: list[int], number: int | None, seed: str) -> list[int]:
    """At most so many, drawn at random: neighbours are often of one class."""
    if number is None or len(found) <= number:
        return found
    return sorted(random.Random(seed).sample(found, number))


def _told(things: Iterable[Told], what: str, say: Say) -> Iterator[Told]:
    """The things, with a word on how many there were from time to time."""
    said = time.monotonic()
    for number, thing in enumerate(things, 1):
        if time.monotonic() - said > SAY_SECONDS:
            said = time.monotonic()
            say(f"{what}: {number:,}")
        yield thing


def _count_of(source: str, train: Sequence[Item], dev: Sequence[Item]) -> Count:
    mine = [item for item in train if item[0].source == source]
    out = sum(item[0].source == source for item in dev)
    licences = tuple(sorted({row.licence for item in mine for row in item}))
    return Count(source, "rows", licences, sum(map(len, mine)), len(mine), out, {})


def _nothing(line: str) -> None:
    """Said once already."""
