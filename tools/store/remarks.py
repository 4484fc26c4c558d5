"""Remarks on Cytoscribe as a whole: added once, read back, never changed."""

from collections.abc import Sequence

from tools.corrections import Remark
from tools.store.connection import Database


class RemarkStore(Database):
    """What was said and belongs to no turn."""

    def add_remarks(self, remarks: Sequence[Remark]) -> int:
        """Add those that are new and return how many."""
        with self.transaction() as connection:
            added = (
                connection.execute(
                    "INSERT INTO remarks (remark_id, given_at, remark) VALUES (%s, %s, %s::jsonb) "
                    "ON CONFLICT DO NOTHING",
                    (one.remark_id, one.given_at, one.model_dump_json()),
                ).rowcount
                for one in remarks
            )
            return sum(added)

    def remarks(self) -> list[Remark]:
        """All of them, oldest first."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT remark::text FROM remarks ORDER BY given_at, remark_id"
            )
            return [Remark.model_validate_json(row[0]) for row in rows]
