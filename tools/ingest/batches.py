"""Cut a stream into batches."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def batches(
    items: Iterable[T], size: int, weight: Callable[[T], int] = lambda _: 1
) -> Iterator[list[T]]:
    """Lists of items, each list closed when its weight reaches `size`."""
    batch: list[T] = []
    load = 0
    for item in items:
        batch.append(item)
        load += weight(item)
        if load >= size:
            yield batch
            batch, load = [], 0
    if batch:
        yield batch
