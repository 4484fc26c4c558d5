"""Work that outlives one run of the page's script: started once, followed by whoever looks.

Streamlit runs the script again at every click; a turn or a start must go on meanwhile. It knows
nothing of what the work is.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Callable[[Item], None], Callable[[], bool]], Result]  # (publish, cancelled)


class Job(Generic[Item, Result]):
    """`work(publish, cancelled)` in a thread of its own, with what it published so far."""

    def __init__(self, work: "Work[Item, Result]") -> None:
        self._items: list[Item] = []
        self._news = threading.Condition()
        self._cancelled = threading.Event()
        self._future: Future[Result] = Future()
        threading.Thread(target=self._run, args=(work,), daemon=True).start()

    def _run(self, work: "Work[Item, Result]") -> None:
        try:
            self._future.set_result(work(self._publish, self._cancelled.is_set))
        except BaseException as error:  # noqa: BLE001  raised again by `result`
            self._future.set_exception(error)
        with self._news:
            self._news.notify_all()

    def _publish(self, item: Item) -> None:
        with self._news:
            self._items.append(item)
            self._news.notify_all()

    @property
    def done(self) -> bool:
        return self._future.done()

    def cancel(self) -> None:
        """Ask the work to end soon; it decides when."""
        self._cancelled.set()

    def follow(self, tick: float = 0.2) -> Iterator[Item | None]:
        """Every item from the first on, and None after each `tick` seconds without one."""
        seen = 0
        while True:
            with self._news:
                if len(self._items) == seen and not self.done:
                    self._news.wait(tick)
                fresh, finished = self._items[seen:], self.done
            yield from fresh
            seen += len(fresh)
            if finished:
                return
            if not fresh:
                yield None

    def result(self) -> Result:
        """What the work returned, waiting for it; raises what it raised."""
        return self._future.result()
