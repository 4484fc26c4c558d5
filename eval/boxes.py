"""Boxes as PaliGemma writes them, and how many of them are right.

"<loc0012><loc0345><loc0200><loc0500> nucleus ; …": y_min, x_min, y_max, x_max in 1,024ths of the
image (Beyer et al. 2024, arXiv:2407.07726, after Chen et al. 2022, arXiv:2109.10852). Generated
boxes have no score of their own, so that there is no curve of precision over recall: F1 at one
overlap is given instead.
"""

import re
from collections.abc import Sequence

import numpy as np

from eval.descriptions import Formula, Metric, Sums

BINS = 1024
OVERLAP = 0.5  # intersection over union from which two boxes are of one object
Box = tuple[float, float, float, float]  # left, top, right, bottom in shares of the image
Boxed = tuple[Sequence[Box], Sequence[Box]]  # said, true
_WRITTEN = re.compile(r"<loc(\d{4})><loc(\d{4})><loc(\d{4})><loc(\d{4})> *([^;<]*)")


def read_boxes(text: str, thing: str) -> list[Box]:
    """The boxes of `thing` that a text names; those without area are left out."""
    found = []
    for *places, named in _WRITTEN.findall(text):
        top, left, bottom, right = (int(place) / BINS for place in places)
        if named.strip() == thing and right > left and bottom > top:
            found.append((left, top, right, bottom))
    return found


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)


def matched(said: Sequence[Box], true: Sequence[Box]) -> int:
    """How many boxes find an object of their own, the best overlaps first."""
    pairs = sorted(
        ((overlap(s, t), i, j) for i, s in enumerate(said) for j, t in enumerate(true)),
        reverse=True,
    )
    taken: set[int] = set()
    found: set[int] = set()
    for share, i, j in pairs:
        if share >= OVERLAP and i not in taken and j not in found:
            taken.add(i)
            found.add(j)
    return len(found)


def _terms(images: Sequence[Boxed]) -> tuple[Sums, Formula]:
    added = [(2 * matched(said, true), len(said) + len(true)) for said, true in images]
    return np.array(added, dtype=float).reshape(-1, 2), _f1


def _f1(sums: Sums) -> Sums:
    """1 where nothing is said and nothing is there."""
    right, boxes = sums[..., 0], sums[..., 1]
    return np.divide(right, boxes, out=np.ones(np.shape(boxes)), where=boxes > 0)


box_f1: Metric[Boxed] = Metric(_terms)  # F1 of the boxes of all images
