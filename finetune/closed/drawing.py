"""Images drawn for the sides of a comparison: the same ones wherever and whenever it runs.

Which images are drawn follows from a hash of their names and the seed, so an image that is added
to a set replaces at most one other. Only what is drawn is held in memory.
"""

import hashlib
import heapq
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from finetune.data.example import Split
from finetune.data.row import Row
from finetune.data.splits import share_of, side

Item = tuple[Row, ...]  # the rows about one image, or about one text
Sizes = Mapping[Split, int]
SIDES: tuple[Split, ...] = ("train", "dev", "test")


@dataclass(frozen=True, eq=False)
class Sides:
    """The drawn items of each side, in the order of their hashes."""

    train: tuple[Item, ...]
    dev: tuple[Item, ...]
    test: tuple[Item, ...]

    def digest(self) -> str:
        """Twelve hex digits that tell whether two splits are the same images and questions."""
        rows = [
            [side, row.name, row.prefix, row.suffix]
            for side, items in (("train", self.train), ("dev", self.dev), ("test", self.test))
            for item in items
            for row in item
        ]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:12]

    def sizes(self) -> dict[str, int]:
        return {"train": len(self.train), "dev": len(self.dev), "test": len(self.test)}


def draw(rows: Iterable[Row], sizes: Sizes, seed: int, dev_from: Split = "dev") -> Sides:
    """At most so many items of each side; rows of one image must follow each other.

    `dev_from`: a side whose groups are halved into it and the development side, for a set that has
    no development side to speak of.
    """
    drawn: dict[Split, list[tuple[float, int, Item]]] = {name: [] for name in SIDES}
    for number, (_, found) in enumerate(groupby(rows, lambda row: (row.source, row.name))):
        item = tuple(found)
        where = _side(item[0], dev_from)
        kept, place = drawn[where], (-_share(item[0], seed), -number, item)
        if len(kept) < sizes.get(where, 0):
            heapq.heappush(kept, place)
        elif kept:
            heapq.heappushpop(kept, place)
    ordered = {name: tuple(item for *_, item in sorted(kept)[::-1]) for name, kept in drawn.items()}
    return Sides(ordered["train"], ordered["dev"], ordered["test"])


def _side(row: Row, dev_from: Split) -> Split:
    told = side(row)
    if dev_from == "dev":
        return told
    if told == "dev":
        return dev_from
    again = share_of(f"halved/{row.source}/{row.group}") < 0.5
    return "dev" if told == dev_from and again else told


def _share(row: Row, seed: int) -> float:
    text = f"{seed}/{row.source}/{row.name}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
