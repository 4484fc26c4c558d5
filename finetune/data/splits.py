"""Splits without leaks: by group and hash, with near-duplicates refused across sides.

The side of a group is decided by a hash of its name alone, so it never changes when images are
added.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from finetune.data.example import Example, Pixels, Split
from finetune.data.row import Row
from tools.fingerprints import Fingerprints, fingerprint

ORDER: tuple[Split, ...] = ("test", "dev", "train")  # the first side keeps a duplicate


def share_of(text: str) -> float:
    """A number in 0..1 that the text alone decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def side_of(example: Example) -> Split:
    """The official side where there is one; WBCAtt's val is halved into dev and test."""
    if example.official_split is not None:
        return example.official_split
    if example.source == "pbc_wbcatt" and "nucleus_shape" in example.facts:
        return halved(example.source, example.group)
    return by_hash(example.source, example.group)


def side(row: Row) -> Split:
    """The side a dataset says, else by the hash of the row's group."""
    return row.split or by_hash(row.source, row.group)


def by_hash(source: str, group: str) -> Split:
    """Test for 15 of 100 groups, dev for 10, train for the others."""
    share = share_of(f"{source}/{group}")
    return "test" if share < 0.15 else "dev" if share < 0.25 else "train"


def halved(source: str, group: str) -> Split:
    """Dev or test, for a held-out part that is published as one."""
    return "dev" if share_of(f"{source}/{group}") < 0.5 else "test"


def kept_for_training(source: str, group: str) -> Split:
    """Dev for a tenth of the groups that a dataset keeps out of its test split, else train."""
    return "dev" if share_of(f"{source}/{group}") < 0.1 else "train"


def near_duplicates(images: Sequence[Pixels]) -> Iterable[tuple[int, int]]:
    """Pairs (i < j) of images that are nearly the same picture."""
    prints = Fingerprints()
    for image in images:
        prints.add(fingerprint(image))
    for i in range(len(images) - 1):
        yield from ((i, int(j)) for j in prints.like(i, np.arange(i + 1, len(images))))


def split(examples: Sequence[Example]) -> tuple[dict[Split, list[Example]], list[Example]]:
    """The sides, and the examples refused because a side before theirs holds a near-duplicate."""
    sides = [side_of(example) for example in examples]
    refused: set[int] = set()
    for i, j in near_duplicates([example.pixels for example in examples]):
        if sides[i] != sides[j]:
            refused.add(max(i, j, key=lambda k: ORDER.index(sides[k])))
    parts: dict[Split, list[Example]] = {"train": [], "dev": [], "test": []}
    for index, example in enumerate(examples):
        if index not in refused:
            parts[sides[index]].append(example)
    return parts, [examples[index] for index in sorted(refused)]
