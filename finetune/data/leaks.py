"""Rows split into train, dev and test, and what would leak from one side to another.

Two leaks are refused. A group (patient, slide, source) that a dataset has on two sides stays on
the first of test, dev, train. An image that is nearly the same picture as one on an earlier side is
left out. Of an image only its fingerprint is kept; what two images share but do not show is not
found.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from finetune.data.example import Split
from finetune.data.row import Dropped, Row
from finetune.data.splits import ORDER, side
from tools.errors import BadImageError
from tools.fingerprints import Fingerprints, fingerprint

UNDECODED = "its image cannot be decoded"
NAMED = 5  # refused images that the text names


@dataclass(frozen=True)
class SideCounts:
    """What is on a side, refused rows left out."""

    rows: int
    images: int
    groups: int


@dataclass(frozen=True)
class Refused:
    """An image that an earlier side shows already."""

    image: str  # "source/name"
    side: Split
    like: str
    like_side: Split


@dataclass(frozen=True)
class SplitReport:
    """How rows were split; `side_of` says it of each row."""

    rows: int
    images: int
    groups: int
    sides: Mapping[Split, SideCounts]
    refused: tuple[Refused, ...]
    torn: tuple[str, ...]  # groups, "source/group", that the dataset has on several sides
    dropped: Mapping[str, int]  # by the reader, and what could not be decoded
    _left_out: frozenset[str] = field(default=frozenset(), repr=False)
    _torn_to: Mapping[str, Split] = field(default_factory=dict, repr=False)

    def side_of(self, row: Row) -> Split | None:
        """The side of a row; None for one that is refused."""
        if row.image is not None and image_key(row) in self._left_out:
            return None
        return own if (own := side(row)) == self._torn_to.get(group_key(row), own) else None

    def in_words(self) -> str:
        """A line a fact."""
        lines = [f"{self.rows:,} rows about {self.images:,} images in {self.groups:,} groups"]
        lines += [f"  {n:,} left out: {reason}" for reason, n in sorted(self.dropped.items())]
        lines += [
            f"  {name}: {c.rows:,} rows, {c.images:,} images, {c.groups:,} groups"
            for name, c in self.sides.items()
        ]
        if self.torn:
            lines.append(f"{_some(self.torn)} on several sides; kept on the first of them")
        lines.append(f"{len(self.refused):,} images refused as near-duplicates of another side")
        lines += [f"  {r.image} ({r.side}) is like {r.like} ({r.like_side})"
                  for r in self.refused[:NAMED]]  # fmt: skip
        return "\n".join(lines)


def _some(groups: tuple[str, ...]) -> str:
    shown = ", ".join(groups[:NAMED]) + ", …" * (len(groups) > NAMED)
    return f"{len(groups):,} groups ({shown})"


def image_key(row: Row) -> str:
    return f"{row.source}/{row.name}"


def group_key(row: Row) -> str:
    return f"{row.source}/{row.group}"


def split_rows(rows: Iterable[Row], dropped: Dropped | None = None) -> SplitReport:
    """Read all rows once and split them; read them again to use them, by `side_of`.

    `dropped` is the reader's; what cannot be decoded is counted there too.
    """
    ledger = Ledger(Counter() if dropped is None else dropped)
    for row in rows:
        ledger.add(row)
    return ledger.report()


class Ledger:
    """What is kept of rows while they stream by."""

    def __init__(self, dropped: Dropped) -> None:
        self.dropped = dropped
        self.prints = Fingerprints()
        self.images: dict[str, int] = {}  # by key; the numbers index what follows
        self.sides, self.rows, self.group_of = array("B"), array("L"), array("L")
        self.groups: dict[str, int] = {}
        self.sources: list[str] = []  # of each group
        self.group_rows = array("L")  # three a group: of test, dev and train
        self.broken: set[str] = set()

    def add(self, row: Row) -> None:
        """A row whose image cannot be decoded is dropped."""
        at = ORDER.index(side(row))
        if row.image is not None and not self._seen(row, at):
            self.dropped[UNDECODED] += 1
            return
        self.group_rows[3 * self._group(row) + at] += 1

    def _group(self, row: Row) -> int:
        number = self.groups.setdefault(group_key(row), len(self.groups))
        if number == len(self.sources):
            self.sources.append(row.source)
            self.group_rows.extend((0, 0, 0))
        return number

    def _seen(self, row: Row, at: int) -> bool:
        """Count a row with its image, looked at the first time; False where that fails."""
        key = image_key(row)
        if key in self.broken:
            return False
        if key not in self.images:
            assert row.image is not None
            try:
                self.prints.add(fingerprint(row.image))
            except BadImageError:
                self.broken.add(key)
                return False
            self.images[key] = len(self.images)
            self.sides.append(at)
            self.rows.append(0)
            self.group_of.append(self._group(row))
        self.rows[self.images[key]] += 1
        return True

    def report(self) -> SplitReport:
        """Settle what is refused."""
        rows = np.array(self.group_rows, dtype=np.int64).reshape(-1, len(ORDER))
        kept_on = (rows > 0).argmax(1) if len(rows) else np.zeros(0, np.int64)
        names, keys = list(self.groups), list(self.images)
        sides, group_of = np.array(self.sides), np.array(self.group_of, dtype=np.int64)
        live = sides == kept_on[group_of]
        refused = self._refuse_duplicates(sides, live)
        left = np.where(np.arange(len(ORDER)) == kept_on[:, None], rows, 0)
        for image in refused:
            left[group_of[image], sides[image]] -= self.rows[image]
        torn = np.flatnonzero((rows > 0).sum(1) > 1)
        return SplitReport(
            rows=int(rows.sum()),
            images=len(keys),
            groups=len(names),
            sides=_counts(left, sides[live]),
            refused=tuple(
                Refused(keys[i], ORDER[sides[i]], keys[j], ORDER[sides[j]])
                for i, j in refused.items()
            ),
            torn=tuple(names[i] for i in torn),
            dropped=dict(self.dropped),
            _left_out=frozenset(keys[i] for i in refused) | self.broken,
            _torn_to={names[i]: ORDER[kept_on[i]] for i in torn},
        )

    def _refuse_duplicates(
        self, sides: NDArray[np.uint8], live: NDArray[np.bool_]
    ) -> dict[int, int]:
        """Image -> the one of an earlier side that it repeats; `live` loses those images."""
        refused: dict[int, int] = {}
        for at in range(len(ORDER) - 1):
            later = np.flatnonzero(live & (sides > at))
            for one in map(int, np.flatnonzero(live & (sides == at))):
                found = self.prints.like(one, later)
                if len(found):
                    refused |= dict.fromkeys(map(int, found), one)
                    live[found] = False
                    later = later[live[later]]
        return refused


def _counts(rows: NDArray[np.int64], sides: NDArray[np.uint8]) -> dict[Split, SideCounts]:
    """From the rows of each group, (groups, 3), and the side of each image."""
    return {
        name: SideCounts(
            rows=int(rows[:, at].sum()),
            images=int((sides == at).sum()),
            groups=int((rows[:, at] > 0).sum()),
        )
        for at, name in reversed(tuple(enumerate(ORDER)))
    }
