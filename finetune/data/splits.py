"""Splits without leaks: by group and hash, with near-duplicates refused across sides.

The side of a group is decided by a hash of its name alone, so it never changes when images are
added. A near-duplicate is found by a difference hash of 64 bits (Krawetz 2013) that agrees to 4
bits, confirmed by a thumbnail; rotated copies and two photographs of one cell are not found.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finetune.data.example import Example, Pixels, Split

HASH_BITS_APART = 4
THUMBNAIL_GREYS_APART = 8.0
_ORDER: tuple[Split, ...] = ("test", "dev", "train")  # the first side keeps a duplicate


def _share(text: str) -> float:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


def side_of(example: Example) -> Split:
    """The official side where there is one; WBCAtt's val is halved into dev and test."""
    if example.official_split is not None:
        return example.official_split
    if example.source == "pbc_wbcatt" and "nucleus_shape" in example.facts:
        return "dev" if _share(f"{example.source}/{example.group}") < 0.5 else "test"
    return side_of_group(example.source, example.group)


def side_of_group(source: str, group: str) -> Split:
    """Test for 15% of the groups, dev for 10%, where a dataset has no split of its own."""
    share = _share(f"{source}/{group}")
    return "test" if share < 0.15 else "dev" if share < 0.25 else "train"


def kept_for_training(source: str, group: str) -> Split:
    """Dev for a tenth of the groups that a dataset keeps out of its test split, else train."""
    return "dev" if _share(f"{source}/{group}") < 0.1 else "train"


def difference_hash(pixels: Pixels) -> NDArray[np.bool_]:
    """64 signs of the horizontal gradient of a 9 x 8 grey thumbnail."""
    grey = Image.fromarray(pixels).convert("L").resize((9, 8), Image.Resampling.BILINEAR)
    values = np.asarray(grey, dtype=np.int16)
    return np.asarray(values[:, 1:] > values[:, :-1]).ravel()


def _thumbnail(pixels: Pixels) -> NDArray[np.float32]:
    small = Image.fromarray(pixels).resize((16, 16), Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32).ravel()


def near_duplicates(images: Sequence[Pixels]) -> Iterable[tuple[int, int]]:
    """Pairs (i < j) of images that are nearly the same picture."""
    bits = np.stack([difference_hash(image) for image in images]).astype(np.float32)
    thumbnails = np.stack([_thumbnail(image) for image in images])
    for i in range(len(images) - 1):
        later = bits[i + 1 :]
        apart = (bits[i] * (1 - later) + (1 - bits[i]) * later).sum(1)
        for j in np.flatnonzero(apart <= HASH_BITS_APART) + i + 1:
            if np.abs(thumbnails[i] - thumbnails[j]).mean() < THUMBNAIL_GREYS_APART:
                yield i, int(j)


def split(examples: Sequence[Example]) -> tuple[dict[Split, list[Example]], list[Example]]:
    """The sides, and the examples refused because a side before theirs holds a near-duplicate."""
    sides = [side_of(example) for example in examples]
    refused: set[int] = set()
    for i, j in near_duplicates([example.pixels for example in examples]):
        if sides[i] != sides[j]:
            refused.add(max(i, j, key=lambda k: _ORDER.index(sides[k])))
    parts: dict[Split, list[Example]] = {"train": [], "dev": [], "test": []}
    for index, example in enumerate(examples):
        if index not in refused:
            parts[sides[index]].append(example)
    return parts, [examples[index] for index in sorted(refused)]
