"""Conversations: sessions, turns with the evidence they stood on, and what users said of them.

Records come and go as JSON text; their form is the agent's.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from tools.corrections import Correction
from tools.errors import BadInputError
from tools.evidence import Evidence
from tools.score import Score
from tools.store.connection import Connection, Database
from tools.store.corrections import add_corrections
from tools.store.scores import add_scores


class TurnStore(Database):
    """Turns in order, each stored whole or not at all."""

    def save_turn(
        self,
        *,
        turn_id: str,
        session_id: str,
        trace_id: str,
        asked_at: datetime,
        record: str,
        evidence: Sequence[Evidence],
    ) -> None:
        """Store a turn (record: JSON) with its evidence; a turn saved again replaces the first."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO sessions (session_id, started_at) VALUES (%s, %s) "
                "ON CONFLICT DO NOTHING",
                (session_id, asked_at),
            )
            connection.execute(
                "INSERT INTO turns (turn_id, session_id, trace_id, asked_at, record) "
                "VALUES (%s, %s, %s, %s, %s::jsonb) ON CONFLICT (turn_id) DO UPDATE SET "
                "session_id = excluded.session_id, trace_id = excluded.trace_id, "
                "asked_at = excluded.asked_at, record = excluded.record",
                (turn_id, session_id, trace_id, asked_at, record),
            )
            _replace_evidence(connection, turn_id, evidence)

    def turns(self, session_id: str) -> list[str]:
        """The session's records as JSON, oldest first."""
        return self._texts(
            "SELECT record::text FROM turns WHERE session_id = %s ORDER BY asked_at, turn_id",
            session_id,
        )

    def turn(self, turn_id: str) -> str | None:
        """The record of one turn as JSON; None when there is no such turn."""
        found = self._texts("SELECT record::text FROM turns WHERE turn_id = %s", turn_id)
        return found[0] if found else None

    def turns_with_feedback(self, since: datetime | None = None) -> Iterator[tuple[str, list[str]]]:
        """Every record with what was said of it, all as JSON, oldest first; read bit by bit."""
        query = (
            "SELECT record::text, ARRAY(SELECT feedback::text FROM feedback f "
            "WHERE f.turn_id = turns.turn_id ORDER BY given_at, feedback_id) FROM turns "
            "WHERE %(since)s::timestamptz IS NULL OR asked_at >= %(since)s "
            "ORDER BY asked_at, turn_id"
        )
        with self.transaction() as connection, connection.cursor("turns") as cursor:
            yield from cursor.execute(query, {"since": since})

    def sessions(self, limit: int) -> list[tuple[str, str, datetime]]:
        """The newest sessions first: id, first question, when it was asked."""
        with self.transaction() as connection:
            return connection.execute(
                "SELECT session_id, coalesce(record #>> '{turn,question}', ''), asked_at FROM ("
                "SELECT DISTINCT ON (session_id) * FROM turns "
                "ORDER BY session_id, asked_at, turn_id) first "
                "ORDER BY asked_at DESC, session_id LIMIT %s",
                (limit,),
            ).fetchall()

    def save_feedback(
        self,
        *,
        feedback_id: str,
        turn_id: str,
        given_at: datetime,
        feedback: str,
        corrections: Sequence[Correction] = (),
        scores: Sequence[Score] = (),
    ) -> None:
        """Store feedback (JSON) on a turn; given again under its id, it replaces the first.

        Its corrections are added with it, and its scores to be sent, or nothing is stored;
        corrections are never replaced.
        """
        with self.transaction() as connection:
            try:
                connection.execute(
                    "INSERT INTO feedback (feedback_id, turn_id, given_at, feedback) "
                    "VALUES (%s, %s, %s, %s::jsonb) ON CONFLICT (feedback_id) DO UPDATE SET "
                    "given_at = excluded.given_at, feedback = excluded.feedback",
                    (feedback_id, turn_id, given_at, feedback),
                )
                add_corrections(connection, corrections)
                add_scores(connection, scores, feedback_id)
            except psycopg.errors.ForeignKeyViolation:
                raise BadInputError(f"There is no turn {turn_id!r} to give feedback on") from None

    def feedback(self, turn_id: str) -> list[str]:
        """What was said of a turn, as JSON, oldest first."""
        return self._texts(
            "SELECT feedback::text FROM feedback WHERE turn_id = %s ORDER BY given_at, feedback_id",
            turn_id,
        )

    def _texts(self, query: psycopg.abc.QueryNoTemplate, *values: str) -> list[str]:
        with self.transaction() as connection:
            return [row[0] for row in connection.execute(query, values)]


def _replace_evidence(connection: Connection, turn_id: str, evidence: Sequence[Evidence]) -> None:
    connection.execute("DELETE FROM evidence WHERE turn_id = %s", (turn_id,))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO evidence (turn_id, evidence_id, position, kind, content) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [
                (turn_id, e.evidence_id, position, e.kind, Jsonb(e.model_dump(mode="json")))
                for position, e in enumerate(evidence)
            ],
        )
