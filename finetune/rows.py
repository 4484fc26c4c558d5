"""Rows to draw from: kept on disk by image, and drawn by step number.

A set of any size is written once, as it streams from its reader, and then read at any place; of it
only the offsets are in memory. What a step draws depends on the seed and the step's number alone,
so a resumed run sees what an unbroken one would have seen. It knows nothing of tokens.
"""

import json
import random
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Self, overload

from finetune.data.row import ImageSource, Row
from finetune.pictures import as_png

LINES, IMAGES = "rows.jsonl", "images.bin"
Item = tuple[Row, ...]  # the rows about one image, or one row of text alone


def items(rows: Iterable[Row]) -> Iterator[Item]:
    """Neighbouring rows of one image as one item; a row of text alone is an item of its own."""
    numbered = enumerate(rows)
    for _, found in groupby(numbered, lambda n: n[1].name if n[1].image is not None else n[0]):
        yield tuple(row for _, row in found)


class Store(Sequence[Item]):
    """Items in two files: one line of JSON an item, and the images that are no files."""

    def __init__(self, folder: Path) -> None:
        self._lines, self._images = folder / LINES, folder / IMAGES
        self._offsets = array("Q", _starts(self._lines))

    def __len__(self) -> int:
        return len(self._offsets)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        with self._lines.open("rb") as file:
            file.seek(self._offsets[index])
            image, *texts = json.loads(file.readline())
        source = self._image(image)
        return tuple(Row(image=source, **text) for text in texts)

    def _image(self, image: Any) -> Path | bytes | None:
        if image is None or isinstance(image, str):
            return Path(image) if image else None
        start, length = image
        with self._images.open("rb") as file:
            file.seek(start)
            return file.read(length)


class StoreWriter:
    """Writes a store item by item, in a `with` block: left without an error, the store is there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lines = (folder / f"{LINES}.partial").open("w", encoding="utf-8")
        self._images = (folder / IMAGES).open("wb")

    def add(self, item: Item) -> None:
        image = self._reference(item[0].image)
        self._lines.write(json.dumps([image, *map(_text_of, item)]) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._lines.close()
        self._images.close()
        if error is None:
            Path(self._lines.name).replace(self._folder / LINES)

    def _reference(self, image: ImageSource | None) -> str | list[int] | None:
        if image is None or isinstance(image, Path):
            return None if image is None else str(image.absolute())
        start = self._images.tell()
        self._images.write(image if isinstance(image, bytes) else as_png(image))
        return [start, self._images.tell() - start]


class Subset(Sequence[Item]):
    """Some of a sequence's items."""

    def __init__(self, items: Sequence[Item], chosen: Sequence[int]) -> None:
        self._items, self._chosen = items, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> "Subset": ...
    def __getitem__(self, index: int | slice) -> "Item | Subset":
        if isinstance(index, slice):
            return Subset(self._items, self._chosen[index])
        return self._items[self._chosen[index]]


def _starts(path: Path) -> Iterator[int]:
    at = 0
    with path.open("rb") as file:
        for line in file:
            yield at
            at += len(line)


def _text_of(row: Row) -> dict[str, Any]:
    return {
        "name": row.name, "prefix": row.prefix, "suffix": row.suffix, "group": row.group,
        "source": row.source, "licence": row.licence, "truth": dict(row.truth), "split": row.split,
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Weighted:
    """Items with their share of what is drawn, relative to that of others."""

    items: Sequence[Item]
    weight: float = 1.0


class Sampler:
    """Draws items of several sets by weight; each set is gone through in a new order an epoch."""

    def __init__(self, sets: Sequence[Weighted], seed: int) -> None:
        self._sets, self._seed = [one for one in sets if len(one.items)], seed
        self._orders: dict[tuple[int, int], list[int]] = {}

    @property
    def size(self) -> int:
        """Items of all sets."""
        return sum(len(one.items) for one in self._sets)

    def steps(self, number: int, start: int = 0) -> Iterator[list[Item]]:
        """`number` items a step, for ever, from step `start` on."""
        drawn = [0] * len(self._sets)
        weights = [one.weight for one in self._sets]
        step = 0
        while True:
            rng = random.Random(f"{self._seed}:{step}")
            places = []
            for which in rng.choices(range(len(drawn)), weights, k=number):
                places.append((which, drawn[which]))
                drawn[which] += 1
            if step >= start:
                yield [self._item(*place) for place in places]
            step += 1

    def _item(self, which: int, drawn: int) -> Item:
        found = self._sets[which].items
        epoch, place = divmod(drawn, len(found))
        if (which, epoch) not in self._orders:
            for old in [key for key in self._orders if key[0] == which and key[1] < epoch - 1]:
                del self._orders[old]
            order = list(range(len(found)))
            random.Random(f"{self._seed}:{which}:{epoch}").shuffle(order)
            self._orders[which, epoch] = order
        return found[self._orders[which, epoch][place]]
