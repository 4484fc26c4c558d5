"""Traces of turns: each stored whole or not at all, and read back as it was."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tools.store.connection import Connection, Database
from tools.trace import Observed, Trace

FIELDS = tuple(Observed.model_fields)
JSON_FIELDS = ("usage", "input", "output", "metadata")
COLUMNS = sql.SQL(", ").join(map(sql.Identifier, FIELDS))
VALUES = sql.SQL(", ").join(map(sql.Placeholder, FIELDS))


class TraceStore(Database):
    """Traces by id, the newest first."""

    def save_trace(self, trace: Trace) -> None:
        """Store a trace; one that is stored again replaces the first."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM traces WHERE trace_id = %s", (trace.trace_id,))
            connection.execute(
                "INSERT INTO traces (trace_id, turn_id, session_id, user_id, tags, about, "
                "started_at) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    trace.trace_id, trace.turn_id, trace.session_id, trace.user_id,
                    list(trace.tags), Jsonb(trace.about), trace.root.started_at,
                ),
            )  # fmt: skip
            _insert_observations(connection, trace)

    def trace(self, trace_id: str) -> Trace | None:
        """A trace by its id; None when there is none."""
        found = self._traces(
            "SELECT trace_id FROM traces WHERE trace_id = %(id)s", {"id": trace_id}
        )
        return found[0] if found else None

    def traces_named(self, name: str) -> list[Trace]:
        """The traces whose id begins so or whose turn has that id, two at most."""
        return self._traces(
            "SELECT trace_id FROM traces WHERE starts_with(trace_id, %(name)s) "
            "OR turn_id = %(name)s LIMIT 2",
            {"name": name},
        )

    def traces(self, limit: int, *, session_id: str | None = None) -> list[Trace]:
        """The newest traces first, of one session or of all."""
        return self._traces(
            "SELECT trace_id FROM traces WHERE %(session)s::text IS NULL "
            "OR session_id = %(session)s ORDER BY started_at DESC, trace_id LIMIT %(limit)s",
            {"session": session_id, "limit": limit},
        )

    def tokens(self, since: datetime | None = None) -> list[tuple[str, int, int, int]]:
        """Model, turns, tokens read and written by it, of every model whose tokens were counted."""
        with self.transaction() as connection:
            return connection.execute(
                "SELECT model, count(DISTINCT trace_id), sum((usage->>'input')::bigint)::bigint, "
                "sum((usage->>'output')::bigint)::bigint FROM observations "
                "WHERE model IS NOT NULL AND usage ?& ARRAY['input', 'output'] AND "
                "(%(since)s::timestamptz IS NULL OR started_at >= %(since)s) "
                "GROUP BY model ORDER BY model",
                {"since": since},
            ).fetchall()

    def trace_ids(self, limit: int | None = None, *, session_id: str | None = None) -> list[str]:
        """The ids of `traces`, of all of them without a limit."""
        query = (
            "SELECT trace_id FROM traces WHERE %(session)s::text IS NULL "
            "OR session_id = %(session)s ORDER BY started_at DESC, trace_id LIMIT %(limit)s"
        )
        with self.transaction() as connection:
            rows = connection.execute(query, {"session": session_id, "limit": limit})
            return [row[0] for row in rows]

    def _traces(self, chosen: LiteralString, values: dict[str, object]) -> list[Trace]:
        query = sql.SQL(
            "SELECT trace_id, turn_id, session_id, user_id, tags, about, observations FROM traces "
            "JOIN ({chosen}) chosen USING (trace_id) CROSS JOIN LATERAL (SELECT jsonb_agg("
            "to_jsonb(observed) - 'trace_id' - 'position' ORDER BY position) AS observations "
            "FROM observations observed WHERE observed.trace_id = traces.trace_id) tree "
            "ORDER BY started_at DESC, trace_id"
        ).format(chosen=sql.SQL(chosen))
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return [Trace.model_validate(row) for row in cursor.execute(query, values)]


def _insert_observations(connection: Connection, trace: Trace) -> None:
    insert = sql.SQL(
        "INSERT INTO observations (trace_id, position, {columns}) "
        "VALUES (%(trace_id)s, %(position)s, {values})"
    ).format(columns=COLUMNS, values=VALUES)
    with connection.cursor() as cursor:
        cursor.executemany(insert, _rows(trace))


def _rows(trace: Trace) -> Sequence[dict[str, object]]:
    return [
        {
            **observed.model_dump(exclude=set(JSON_FIELDS)),
            **{name: _json(getattr(observed, name)) for name in JSON_FIELDS},
            "trace_id": trace.trace_id,
            "position": position,
        }
        for position, observed in enumerate(trace.observations)
    ]


def _json(value: object) -> Jsonb | None:
    return None if value is None else Jsonb(value)
