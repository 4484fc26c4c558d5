"""Ingest jobs: what was read from where, and how far it came."""

from typing import Literal

from tools.store.connection import Database

EndState = Literal["finished", "failed", "cancelled"]


class JobStore(Database):
    """A row per run of an ingest; a run that was killed stays `running` with its last numbers."""

    def start_job(self, kind: str, path: str) -> int:
        """Note that an ingest began; returns its id."""
        with self.transaction() as connection:
            row = connection.execute(
                "INSERT INTO ingest_jobs (kind, path) VALUES (%s, %s) RETURNING job_id",
                (kind, path),
            ).fetchone()
            assert row is not None
            return int(row[0])

    def update_job(self, job_id: int, done: int, skipped: int) -> None:
        """Note how many items are done and skipped so far."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE ingest_jobs SET done = %s, skipped = %s, updated_at = now() "
                "WHERE job_id = %s",
                (done, skipped, job_id),
            )

    def finish_job(self, job_id: int, state: EndState) -> None:
        """Note how the ingest ended."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE ingest_jobs SET state = %s, updated_at = now() WHERE job_id = %s",
                (state, job_id),
            )
