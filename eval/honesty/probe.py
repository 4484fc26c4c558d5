"""A probe: what it tries, and how often the agent must hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eval.honesty.bench import Bench


@dataclass(frozen=True)
class Try:
    """One try of a probe."""

    what: str  # was asked or shown
    held: bool
    said: str = ""  # the answer, where it did not hold


@dataclass(frozen=True)
class Probe:
    """`run` makes about as many tries as it is asked for."""

    name: str
    means: str  # what held means
    run: Callable[[Bench, int], Iterator[Try]]
    tries: int
    quick: int
    floor: float
    goal: float
