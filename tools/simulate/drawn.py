"""A drawing and its truth, and the canvas on which things are placed and counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tools.findings import BY_NAME, PLURALS, count_range
from tools.simulate.shapes import Field

FEWEST_PIXELS = 12  # a thing of which less shows is not counted
RANGED = {"smear": ("red blood cell", "white blood cell", "platelet"), "nuclei": ("nucleus",)}


@dataclass(frozen=True)
class Box:
    """The bounding box of one drawn thing, in pixels; x1 and y1 are exclusive."""

    thing: str  # of `tools.findings.COUNTS`
    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class Drawn:
    """A drawn image and everything that is true of it."""

    kind: str  # of `tools.findings.KINDS`
    pixels: NDArray[np.uint8]  # (height, width, 3), RGB
    caption: str
    labels: dict[str, str]  # question of `tools.findings` -> its option
    counts: dict[str, int]  # thing -> how many are in the image, whole or cut by its edge
    boxes: tuple[Box, ...]
    instances: NDArray[np.uint16]  # (height, width): 0, or 1 + the index of the thing's box
    simulated: bool = field(default=True, init=False)


class Canvas:
    """Optical density (or light) to draw on, and the map of what has been placed."""

    def __init__(self, height: int, width: int, things: Sequence[str]) -> None:
        self.shape = (height, width)
        self.density = np.zeros((height, width, 3), np.float32)
        self.instances = np.zeros((height, width), np.uint16)
        self.things = things
        self._y, self._x = np.mgrid[0:height, 0:width].astype(np.float32)
        self._placed: list[str] = []

    def window(self, y: float, x: float, reach: float) -> tuple[tuple[slice, slice], Field, Field]:
        """The part of the canvas within `reach` of a point, and coordinates relative to it."""
        height, width = self.shape
        rows = slice(max(0, int(y - reach)), min(height, int(y + reach) + 2))
        columns = slice(max(0, int(x - reach)), min(width, int(x + reach) + 2))
        where = rows, columns
        return where, self._y[where] - np.float32(y), self._x[where] - np.float32(x)

    def mark(self, thing: str, where: tuple[slice, slice], mask: Field) -> None:
        """Count a thing that covers `mask` > 0.5, over whatever lies there."""
        inside = mask > 0.5
        if inside.any():
            self._placed.append(thing)
            self.instances[where][inside] = len(self._placed)

    def visible(self) -> tuple[NDArray[np.uint16], tuple[Box, ...]]:
        """The map and the boxes of what can still be seen, in the order of placing."""
        sizes = np.bincount(self.instances.ravel(), minlength=len(self._placed) + 1)[1:]
        kept = np.flatnonzero(sizes >= FEWEST_PIXELS)
        numbers = np.zeros(len(self._placed) + 1, np.uint16)
        numbers[kept + 1] = np.arange(1, len(kept) + 1)
        instances = numbers[self.instances]
        things = [self._placed[i] for i in kept]
        edges = zip(things, *_edges(instances, len(kept)), strict=True)
        return instances, tuple(Box(*thing_and_edges) for thing_and_edges in edges)

    def finish(
        self, kind: str, pixels: NDArray[np.uint8], labels: dict[str, str], *, says: str
    ) -> Drawn:
        """The drawing, its counts and the ranges they fall into, and a caption of `says`."""
        instances, boxes = self.visible()
        found = Counter(box.thing for box in boxes)
        counts = {thing: found[thing] for thing in self.things}
        ranges = (count_range(thing, counts[thing]) for thing in RANGED.get(kind, ()))
        truth = {**labels, **{question.name: option for question, option in ranges}}
        caption = f"Simulated image: {says}{_numbers(counts, RANGED.get(kind, ()))}."
        return Drawn(kind, pixels, caption, truth, counts, boxes, instances)


def _edges(instances: NDArray[np.uint16], n: int) -> tuple[list[int], ...]:
    """Left, top, right and bottom of every instance."""
    rows, columns = np.nonzero(instances)
    numbers = instances[rows, columns] - 1
    low, high = np.full((2, n), max(instances.shape)), np.zeros((2, n), int)
    for axis, places in enumerate((columns, rows)):
        np.minimum.at(low[axis], numbers, places)
        np.maximum.at(high[axis], numbers, places + 1)
    return (*low.tolist(), *high.tolist())


def phrases(labels: dict[str, str], names: Sequence[str]) -> str:
    """The words with which a description says these labels."""
    spoken = (BY_NAME[name].phrase(labels[name]) for name in names if name in labels)
    return ", ".join(phrase for phrase in spoken if phrase)


def _numbers(counts: dict[str, int], things: Sequence[str]) -> str:
    some = [(thing, counts[thing]) for thing in things if counts[thing]]
    said = [f"{n} {thing if n == 1 else PLURALS[thing]}" for thing, n in some]
    return f"; {', '.join(said)}" if said else ""
