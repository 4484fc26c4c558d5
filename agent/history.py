"""The turns of sessions: in the database, and at hand while the database is away.

A turn that cannot be saved waits and goes in with the next one that can; waiting turns are lost
when the process ends first. What was read or saved lately is remembered, so that a chat goes on
through an outage.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Protocol

from agent.turn import TurnRecord
from tools.errors import StoreUnavailableError
from tools.evidence import Evidence

REMEMBERED = 100  # sessions


class Turns(Protocol):
    """Where turns are kept; `tools.store.Store` is one."""

    def save_turn(
        self,
        *,
        turn_id: str,
        session_id: str,
        trace_id: str,
        asked_at: datetime,
        record: str,
        evidence: Sequence[Evidence],
    ) -> None: ...

    def turns(self, session_id: str) -> list[str]: ...


class History:
    """Turn records by session, oldest first."""

    def __init__(self, store: Turns) -> None:
        self._store = store
        self._lock = Lock()
        self._waiting: dict[str, TurnRecord] = {}  # by turn id
        self._lately: OrderedDict[str, list[TurnRecord]] = OrderedDict()

    def read(self, session_id: str) -> list[TurnRecord]:
        """A session's turns; StoreUnavailableError where the database cannot be reached."""
        self.save_waiting()
        records = [TurnRecord.model_validate_json(text) for text in self._store.turns(session_id)]
        self._remember(session_id, records)
        return records

    def recall(self, session_id: str) -> tuple[list[TurnRecord], bool]:
        """A session's turns as far as they are known, and whether the database was read."""
        try:
            return self.read(session_id), True
        except StoreUnavailableError:
            with self._lock:
                return list(self._lately.get(session_id, ())), False

    def save(self, record: TurnRecord) -> None:
        """Save a turn and those that wait; StoreUnavailableError leaves it waiting."""
        with self._lock:
            known = self._lately.get(record.turn.session_id, [])
        self._remember(record.turn.session_id, [*known, record])
        self.wait(record)
        self.save_waiting()

    def wait(self, record: TurnRecord) -> None:
        """Keep a turn to be saved later; one that waits already is replaced."""
        with self._lock:
            self._waiting[record.turn.turn_id] = record

    def save_waiting(self) -> None:
        """Save the turns that wait, oldest first; StoreUnavailableError leaves them waiting."""
        with self._lock:
            waiting = list(self._waiting.values())
        for record in waiting:
            self._store.save_turn(
                turn_id=record.turn.turn_id,
                session_id=record.turn.session_id,
                trace_id=record.trace_id,
                asked_at=record.turn.asked_at,
                record=record.model_dump_json(),
                evidence=list(record.evidence().values()),
            )
            with self._lock:
                self._waiting.pop(record.turn.turn_id, None)

    def _remember(self, session_id: str, records: list[TurnRecord]) -> None:
        with self._lock:
            self._lately[session_id] = records
            self._lately.move_to_end(session_id)
            while len(self._lately) > REMEMBERED:
                self._lately.popitem(last=False)
