"""Workers: processes that embed what waits in the queue, on this machine or any other.

They share nothing but the database. Each takes a batch that no other has; one that is killed gives
its batch back.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from tempfile import TemporaryFile
from time import monotonic, sleep
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from tools.errors import ChangedEncoderError, StoreUnavailableError, WorkerError
from tools.ingest.embedding import WAIT, embed_waiting
from tools.ingest.report import IngestReport, Interrupted, Progress, never, silent
from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.store import Store

PATIENCE = 60.0  # seconds that a worker waits for a database that has gone away


def work(
    store: "Store",
    encoder: Callable[[], TextEncoder],
    *,
    until_done: bool = False,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> IngestReport:
    """Embed what waits and what will come; `encoder` gives the library's, once it has one.

    Ends with Interrupted when `cancelled` says so after a batch and, if `until_done`, when nothing
    waits and nobody fills the queue. A database that is restarted is waited for.
    """
    done, lost = 0, 0.0
    while True:
        try:
            for size in embed_waiting(store, encoder()):
                done, lost = done + size, 0.0
                progress(None, f"{done:,} passages embedded")
                if cancelled():
                    raise Interrupted(IngestReport(done))
            if until_done and not store.being_filled() and not store.waiting_passages():
                return IngestReport(done)
        except ChangedEncoderError:
            continue  # the library has changed over: the batch waits for the new one
        except StoreUnavailableError:
            lost = lost or monotonic()
            if monotonic() - lost > PATIENCE:
                raise
        if cancelled():
            raise Interrupted(IngestReport(done))
        sleep(WAIT)


class WorkerProcesses:
    """Workers as child processes, for as long as the context lasts; one that is killed is replaced.

    `command` starts one that ends by itself when all is done. They share the processor's cores,
    unless OMP_NUM_THREADS says how many each may use.
    """

    def __init__(self, store: "Store", command: Sequence[str], number: int) -> None:
        self._store, self._command, self._number = store, command, number
        self._running: list[_Worker] = []

    def go_on(self) -> Iterator[None]:
        self._replace_dead()
        yield

    def finish(self) -> Iterator[None]:
        while self._store.waiting_passages():
            self._replace_dead()
            sleep(WAIT)
            yield

    def __enter__(self) -> Self:
        self._running = [self._start() for _ in range(self._number)]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._running:
            if kind is not None:
                worker.process.send_signal(signal.SIGINT)
        for worker in self._running:
            worker.process.wait()
            worker.said.close()

    def _start(self) -> "_Worker":
        cores = max(1, (os.cpu_count() or 1) // self._number)
        return _Worker(self._command, {"OMP_NUM_THREADS": str(cores), **os.environ})

    def _replace_dead(self) -> None:
        for at, worker in enumerate(self._running):
            code = worker.process.poll()
            if code is None:
                continue
            if code > 0:
                raise WorkerError(f"a worker failed: {worker.last_words()}")
            worker.said.close()
            self._running[at] = self._start()


class _Worker:
    """A process, in a session of its own: Ctrl-C reaches it once, from us."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self.said: IO[bytes] = TemporaryFile()  # noqa: SIM115  # closed when it has ended
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.said,
            start_new_session=True,
        )

    def last_words(self) -> str:
        self.said.seek(0)
        lines = self.said.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.process.returncode}"
