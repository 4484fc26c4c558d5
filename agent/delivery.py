"""Sends scores to Langfuse from a thread of its own, until each has been taken.

Scores are rows of the database first; several processes may send from one database. Nothing waits
for the server, and nothing is dropped: what is not taken stays, with the reason.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, Self

from tools.closing import Closing
from tools.errors import RefusedScoreError, RemoteServiceError, StoreUnavailableError
from tools.score import Score

LOOK_EVERY = 30.0  # seconds; other processes store feedback too
SECONDS_TO_CLOSE = 3.0  # what is not sent by then stays for the next start
logger = logging.getLogger(__name__)


class Outbox(Protocol):
    """Where scores wait; `tools.store.Store` is one."""

    def send_next_score(self, post: Callable[[Score], None]) -> bool: ...

    def seconds_to_next_score(self) -> float | None: ...


class Delivery(Closing):
    """A thread that sends what is due, from `with` on; `wake` it when there is something new."""

    def __init__(self, outbox: Outbox, post: Callable[[Score], None]) -> None:
        self._outbox, self._post = outbox, post
        self._wake = threading.Event()
        self._deadline = float("inf")  # of time.monotonic
        self._said = ""
        self._thread = threading.Thread(target=self._run, daemon=True, name="cytoscribe-delivery")

    def wake(self) -> None:
        """Look at once for what is due; returns at once."""
        self._wake.set()

    def close(self) -> None:
        """Let the thread finish what the server takes now; at most SECONDS_TO_CLOSE."""
        self._deadline = time.monotonic() + SECONDS_TO_CLOSE
        self._wake.set()
        self._thread.join(SECONDS_TO_CLOSE)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def _run(self) -> None:
        while self._deadline == float("inf"):
            pause = self._send_what_is_due()
            self._wake.wait(pause)
            self._wake.clear()
        self._send_what_is_due()

    def _send_what_is_due(self) -> float:
        """Send until nothing is due or the server takes no more; return seconds to wait."""
        try:
            while time.monotonic() < self._deadline and self._outbox.send_next_score(self._try):
                self._said = ""
        except (RemoteServiceError, StoreUnavailableError) as error:
            self._say(str(error))
        return self._pause()

    def _try(self, score: Score) -> None:
        try:
            self._post(score)
        except RefusedScoreError as error:
            self._say(str(error))
            raise

    def _pause(self) -> float:
        try:
            due = self._outbox.seconds_to_next_score()
        except StoreUnavailableError:
            return LOOK_EVERY
        return LOOK_EVERY if due is None else min(due + 0.1, LOOK_EVERY)

    def _say(self, failure: str) -> None:
        """Log a failure once, until something else happens."""
        if failure != self._said:
            logger.warning("Scores wait to be sent: %s", failure)
        self._said = failure
