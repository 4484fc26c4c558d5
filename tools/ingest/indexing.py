"""Build the indexes that the size of the library asks for: after loading, before switching over."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from tools.errors import BusyError
from tools.ingest.report import Progress

if TYPE_CHECKING:
    from tools.store import Store


def index_due(
    store: "Store",
    progress: Progress,
    cancelled: Callable[[], bool],
    encoder: str | None = None,
) -> bool:
    """Index the vectors that are searched, and those of `encoder`, where that is due.

    False where `cancelled` said so. What another process is building is left to it.
    """
    for served in store.served():
        if not (served.is_due and (served.active or served.model == encoder)):
            continue
        what = f"indexing {served.rows:,} vectors of {served.model}"
        with suppress(BusyError):
            if not store.build_index(served, served.due, partial(_tell, progress, what), cancelled):
                return False
    return True


def _tell(progress: Progress, what: str, share: float | None) -> None:
    progress(share, what)
