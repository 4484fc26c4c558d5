"""One run of an ingest, noted in the database, and how it ends.

A run that is killed leaves its job `running` with its last numbers; the next run is a job of its
own and finds what is done by the ids.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tools.errors import StoreUnavailableError
from tools.ingest.indexing import index_due
from tools.ingest.report import Interrupted, Progress, Tally

if TYPE_CHECKING:
    from tools.store import Store

LARGE = 1_000  # articles or images; after fewer, autovacuum suffices


class Job:
    """The counts of a running ingest, told to the database and to the user after each batch."""

    def __init__(
        self, store: "Store", job_id: int, progress: Progress, cancelled: Callable[[], bool]
    ) -> None:
        self.tally = Tally()
        self._store, self._id, self._progress, self._cancelled = store, job_id, progress, cancelled

    def tell(self, share: float | None, what: str) -> None:
        """A batch is in: note it; raises Interrupted if the user has asked to stop."""
        self._store.update_job(self._id, self.tally.done, len(self.tally.skipped))
        self._progress(share, what)
        if self._cancelled():
            raise Interrupted(self.tally.report())

    def index(self, encoder: str | None = None) -> None:
        """Build what the library's size asks for; `encoder`'s vectors too, if not searched yet."""
        if self.tally.done >= LARGE:
            self._store.refresh_statistics()
        if not index_due(self._store, self._progress, self._cancelled, encoder):
            raise Interrupted(self.tally.report())


@contextmanager
def running_job(
    store: "Store", kind: str, path: str, progress: Progress, cancelled: Callable[[], bool]
) -> Iterator[Job]:
    """A job that ends as finished, cancelled or failed; indexes are built before it is finished."""
    job_id = store.start_job(kind, path)
    try:
        job = Job(store, job_id, progress, cancelled)
        yield job
        job.index()
    except (Interrupted, KeyboardInterrupt):
        store.finish_job(job_id, "cancelled")
        raise
    except StoreUnavailableError:
        raise  # nothing can be noted
    except BaseException:
        store.finish_job(job_id, "failed")
        raise
    store.finish_job(job_id, "finished")
