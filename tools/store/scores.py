"""Scores on their way to the tracing server: rows until it has taken them, and after.

The row of a score is locked while it is sent, so that several processes share the work and none
sends what another is sending. A process that dies gives its row back unsent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from tools.errors import RefusedScoreError, RemoteServiceError
from tools.score import Score
from tools.store.connection import Connection, Database

LONGEST_PAUSE = 300.0  # seconds; after a failure 1, 2, 4, … up to this


@dataclass(frozen=True)
class UnsentScores:
    """What still waits to be sent."""

    count: int
    oldest: datetime | None
    last_error: str | None


class ScoreStore(Database):
    """The outbox of scores."""

    def save_scores(self, scores: Iterable[Score]) -> None:
        """Store scores to be sent; one that changed is sent again."""
        with self.transaction() as connection:
            add_scores(connection, scores)

    def send_next_score(self, post: Callable[[Score], None]) -> bool:
        """Send the score that is due longest by `post`; False when none is due.

        Where `post` raises RefusedScoreError, that score waits; where it raises RemoteServiceError,
        all scores that are due wait, and the error is raised once this is stored.
        """
        with self.transaction() as connection:
            claimed = _claim(connection)
            if claimed is None:
                return False
            score, attempts = claimed
            pause = min(2.0**attempts, LONGEST_PAUSE)
            try:
                post(score)
            except RefusedScoreError as error:
                _postpone(connection, score, str(error), LONGEST_PAUSE)
                return True
            except RemoteServiceError as error:
                _postpone(connection, score, str(error), pause)
                _postpone_due(connection, pause)
                failure = error
            else:
                _mark_sent(connection, score)
                return True
        raise failure

    def try_scores_now(self) -> None:
        """Make every unsent score due."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE scores SET next_try = now() WHERE score_id IN (SELECT score_id FROM scores "
                "WHERE sent_at IS NULL FOR UPDATE SKIP LOCKED)"
            )

    def seconds_to_next_score(self) -> float | None:
        """Seconds until a score is due (0: now); None when all are sent."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT extract(epoch FROM min(next_try) - now())::float8 FROM scores "
                "WHERE sent_at IS NULL"
            ).fetchone()
        return None if row is None or row[0] is None else max(float(row[0]), 0.0)

    def unsent_scores(self) -> UnsentScores:
        """How many scores wait, since when, and why the one tried last was not taken."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT count(*), min(created_at), (array_agg(last_error ORDER BY next_try DESC) "
                "FILTER (WHERE last_error IS NOT NULL))[1] FROM scores WHERE sent_at IS NULL"
            ).fetchone()
        assert row is not None
        return UnsentScores(*row)


def add_scores(
    connection: Connection, scores: Iterable[Score], feedback_id: str | None = None
) -> None:
    """Store scores within a transaction under way; as they are, they are not sent twice."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO scores AS old (score_id, feedback_id, trace_id, name, value, data_type, "
            "comment, details, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (score_id) DO UPDATE SET value = excluded.value, "
            "data_type = excluded.data_type, comment = excluded.comment, "
            "details = excluded.details, created_at = excluded.created_at, sent_at = NULL, "
            "attempts = 0, last_error = NULL, next_try = now() "
            "WHERE (old.value, old.data_type, old.comment, old.details) IS DISTINCT FROM "
            "(excluded.value, excluded.data_type, excluded.comment, excluded.details)",
            [
                (s.score_id, feedback_id, s.trace_id, s.name, Jsonb(s.value), s.data_type,
                 s.comment, Jsonb(s.details), s.created_at)
                for s in scores
            ],
        )  # fmt: skip


def _claim(connection: Connection) -> tuple[Score, int] | None:
    """The next score and how often it was tried; its row is ours until the transaction ends."""
    row = connection.execute(
        "SELECT score_id, trace_id, name, value, data_type, comment, details, created_at, attempts "
        "FROM scores WHERE sent_at IS NULL AND next_try <= now() "
        "ORDER BY next_try, created_at, score_id LIMIT 1 FOR UPDATE SKIP LOCKED"
    ).fetchone()
    if row is None:
        return None
    *values, attempts = row
    return Score(**dict(zip(Score.model_fields, values, strict=True))), int(attempts)


def _mark_sent(connection: Connection, score: Score) -> None:
    connection.execute(
        "UPDATE scores SET sent_at = clock_timestamp(), attempts = attempts + 1, last_error = NULL "
        "WHERE score_id = %s",
        (score.score_id,),
    )


def _postpone(connection: Connection, score: Score, error: str, seconds: float) -> None:
    connection.execute(
        "UPDATE scores SET attempts = attempts + 1, last_error = %s, "
        "next_try = clock_timestamp() + make_interval(secs => %s) WHERE score_id = %s",
        (error, seconds, score.score_id),
    )


def _postpone_due(connection: Connection, seconds: float) -> None:
    """Let all that is due wait as well: it would fail in the same way."""
    connection.execute(
        "UPDATE scores SET next_try = clock_timestamp() + make_interval(secs => %s) "
        "WHERE score_id IN (SELECT score_id FROM scores WHERE sent_at IS NULL "
        "AND next_try <= now() FOR UPDATE SKIP LOCKED)",
        (seconds,),
    )
