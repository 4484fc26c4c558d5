"""Keeps traces in the database, in the background: no answer waits for it.

A trace that cannot be saved waits and goes in with the next one that can; those that wait when the
process ends with the database away are lost, and so are the oldest beyond WAITING.
"""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tools.errors import CytoscribeError, StoreUnavailableError
from tools.trace import Trace

WAITING = 100  # traces
_log = logging.getLogger(__name__)


class TraceArchive:
    """Saves one trace after the other, `save` being the database's."""

    def __init__(self, save: Callable[[Trace], None]) -> None:
        self._save = save
        self._waiting: deque[Trace] = deque(maxlen=WAITING)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="cytoscribe-traces")

    def keep(self, trace: Trace) -> None:
        """Save the trace soon."""
        self._waiting.append(trace)
        self._pool.submit(self._save_waiting)

    def close(self) -> None:
        """Save what waits."""
        self._pool.shutdown(wait=True)

    def _save_waiting(self) -> None:
        while self._waiting:
            trace = self._waiting[0]
            try:
                self._save(trace)
            except StoreUnavailableError:
                return
            except CytoscribeError as error:
                _log.warning("the trace %s cannot be saved: %s", trace.trace_id, error)
            self._waiting.popleft()
