"""Prepare what is needed next while what was prepared is used; the order stays."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def ahead(make: Callable[[Given], Made], given: Iterator[Given], workers: int) -> Iterator[Made]:
    """`make` of each, by `workers` threads (0: none) that are two things ahead each."""
    if not workers:
        yield from map(make, given)
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as pool:
        waiting: deque[Future[Made]] = deque(
            pool.submit(make, one) for one in islice(given, 2 * workers)
        )
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(make, one) for one in islice(given, 1))
        finally:
            for one in waiting:
                one.cancel()
