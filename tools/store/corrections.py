"""Corrections of professionals: added with their feedback, read back, never changed."""

from collections.abc import Sequence

from psycopg import sql
from psycopg.rows import dict_row

from tools.corrections import Correction
from tools.store.connection import Connection, Database

COLUMNS = tuple(Correction.model_fields)


class CorrectionStore(Database):
    """The history of human labels."""

    def reviews(self) -> list[Correction]:
        """Every correction that was ever given, oldest first; `tools.corrections.counting` says
        which of them count."""
        query = sql.SQL("SELECT {} FROM corrections ORDER BY given_at, correction_id").format(
            sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        )
        with self.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return [Correction.model_validate(row) for row in cursor.execute(query)]

    def unreviewed(self) -> dict[str, str]:
        """Images that were asked about and never reviewed, each with its newest session."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT DISTINCT ON (image_id) image_id, session_id FROM turns, "
                "jsonb_array_elements_text(record #> '{turn,images}') asked (image_id) "
                "WHERE NOT EXISTS (SELECT FROM corrections c WHERE c.image_id = asked.image_id) "
                "ORDER BY image_id, asked_at DESC"
            )
            return dict(rows.fetchall())


def add_corrections(connection: Connection, corrections: Sequence[Correction]) -> None:
    """Append rows; those of feedback that was stored before, as after a retry, are there already.

    A turn that is not there raises psycopg's ForeignKeyViolation.
    """
    insert = sql.SQL("INSERT INTO corrections ({}) VALUES ({}) ON CONFLICT DO NOTHING").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        sql.SQL(", ").join(map(sql.Placeholder, COLUMNS)),
    )
    with connection.cursor() as cursor:
        cursor.executemany(insert, [one.model_dump() for one in corrections])
