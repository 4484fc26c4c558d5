"""Shapes as signed distances in pixels (negative inside), smooth noise, and where to put things.

A distance turns into a mask with a soft edge by `soft`; distances combine by minimum. Smooth
minimum: I. Quilez, "Smooth minimum" (iquilezles.org/articles/smin), the quadratic form.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]  # (rows, columns)
Point = tuple[float, float]  # (y, x), pixels


def soft(distance: Field, edge: float = 0.8) -> Field:
    """1 inside, 0 outside, a ramp `edge` pixels to either side of the outline."""
    return np.asarray(np.clip(0.5 - distance / (2 * edge), 0, 1), np.float32)


def noise(rng: np.random.Generator, shape: tuple[int, int], grain: float) -> Field:
    """Smooth noise of mean 0 and about unit spread; its features are `grain` pixels wide."""
    down, across = (_interpolation(side, grain) for side in shape)
    coarse = rng.standard_normal((down.shape[1], across.shape[1]), np.float32)
    return np.asarray(down @ coarse @ across.T)


@lru_cache(512)
def _interpolation(side: int, grain: float) -> Field:
    """Weights (side, knots) of knots `grain` pixels apart: cubic convolution (Keys 1981)."""
    places = np.arange(side) / grain + 1
    t = np.abs(places[:, None] - np.arange(int(places[-1]) + 3 if side else 0))
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0)).astype(np.float32)


def warped(
    rng: np.random.Generator, y: Field, x: Field, amount: float, grain: float
) -> tuple[Field, Field]:
    """Coordinates pushed about by smooth noise, so that outlines drawn in them are irregular."""
    return y + amount * noise(rng, y.shape, grain), x + amount * noise(rng, x.shape, grain)


def turned(y: Field, x: Field, angle: float) -> tuple[Field, Field]:
    """Coordinates in a frame rotated by `angle` radians."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return y * cos - x * sin, x * cos + y * sin


def disc(y: Field, x: Field, at: Point, radius: float) -> Field:
    return np.asarray(np.hypot(y - at[0], x - at[1]) - radius, np.float32)


def ellipse(y: Field, x: Field, ry: float, rx: float) -> Field:
    """About the distance to an ellipse: exact on the outline, scaled by the mean radius."""
    return np.asarray((np.hypot(y / ry, x / rx) - 1) * np.sqrt(ry * rx), np.float32)


def segment(y: Field, x: Field, a: Point, b: Point, radius: float) -> Field:
    """A line from a to b, `radius` thick to either side, with round ends."""
    dy, dx = b[0] - a[0], b[1] - a[1]
    along = ((y - a[0]) * dy + (x - a[1]) * dx) / max(dy * dy + dx * dx, 1e-6)
    t = np.clip(along, 0, 1)
    return (np.hypot(y - a[0] - t * dy, x - a[1] - t * dx) - radius).astype(np.float32)


def joined(a: Field, b: Field, smooth: float) -> Field:
    """The union of two shapes, filleted over `smooth` pixels."""
    blend = np.maximum(smooth - np.abs(a - b), 0) / smooth
    return np.minimum(a, b) - blend * blend * smooth / 4


def chain(
    y: Field, x: Field, points: Sequence[Point], radii: Sequence[float], neck: float, smooth: float
) -> Field:
    """Discs on a string: lobes joined by strands, or a band where the neck is as thick."""
    shape = disc(y, x, points[0], radii[0])
    for before, at, radius in zip(points, points[1:], radii[1:], strict=False):
        shape = joined(shape, segment(y, x, before, at, neck), smooth)
        shape = joined(shape, disc(y, x, at, radius), smooth)
    return shape


def arc(radius: float, start: float, span: float, n: int) -> list[Point]:
    """n points on a circle about the origin, from `start` over `span` radians."""
    angles = start + span * (np.arange(n) / max(n - 1, 1))
    return [(float(radius * np.sin(a)), float(radius * np.cos(a))) for a in angles]


class Crowd:
    """Places that keep their distance from one another."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int]) -> None:
        self._rng, self._shape = rng, shape
        self._taken = np.zeros((0, 3), np.float64)  # y, x, radius

    def take(self, y: float, x: float, radius: float) -> None:
        self._taken = np.vstack([self._taken, (y, x, radius)])

    def place(self, radius: float, closeness: float = 1.0, tries: int = 40) -> Point | None:
        """A free place for a disc, or None; closeness below 1 lets neighbours overlap a little."""
        spots = self._rng.uniform((0, 0), self._shape, (tries, 2))
        gaps = ((spots[:, None] - self._taken[:, :2]) ** 2).sum(axis=2)
        free = (gaps >= (closeness * (self._taken[:, 2] + radius)) ** 2).all(axis=1)
        if not free.any():
            return None
        y, x = spots[free.argmax()]
        self.take(y, x, radius)
        return float(y), float(x)
