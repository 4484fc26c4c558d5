"""Building an index of vectors beside the queries and ingests, with progress, until it is whole.

After loading, which is far cheaper than adding to a live index; by CREATE INDEX CONCURRENTLY, on a
connection of its own. One that was stopped or killed leaves an invalid index, which no search uses
and the next build drops.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
from psycopg import sql

from tools.errors import BusyError
from tools.store.connection import Connection
from tools.store.distances import Method, indexed_column
from tools.store.embeddings import TABLES, drop_index, index_name
from tools.store.indexes import IndexStore, Served, index_bytes

M = 16  # links of a vector, pgvector's default
# Twice pgvector's: the building takes twice as long, and a search a third less for the same recall.
EF_CONSTRUCTION = 128
BUILDING = 0x696E6478  # "indx": the lock of who builds
POLL_SECONDS = 0.2
PROGRESS = (
    "SELECT greatest(blocks_done / nullif(blocks_total, 0)::float8, "
    "tuples_done / nullif(tuples_total, 0)::float8) FROM pg_stat_progress_create_index "
    "WHERE pid = %s"
)


class IndexBuilder(IndexStore):
    """Indexes, built and dropped."""

    def build_index(
        self,
        served: Served,
        method: Method,
        progress: Callable[[float | None], object] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Build the index of a model's vectors; False where `cancelled` said so: nothing is left.

        Searches change over when it is whole, and the model's other index is dropped. BusyError
        where another process is building.
        """
        names = {m: index_name(served.kind, served.model_id, m) for m in ("halfvec", "binary")}
        with self.session() as session, self.session() as watching:
            _alone(session)
            if served.method != method:
                drop_index(session, names[method])  # what a killed build has left
            _prepare(session, served, method)
            try:
                _watched(session, watching, _creation(served, method), progress, cancelled)
            except psycopg.errors.QueryCanceled:
                drop_index(session, names[method])
                return False
            # Not knowing how many vectors are of this model, the planner would sort them all.
            session.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(TABLES[served.kind][0])))
            for other in names.keys() - {method}:
                drop_index(session, names[other])
            return True

    def drop_index(self, served: Served) -> None:
        """Drop the index of a model's vectors, if there is one: they are compared one by one."""
        with self.session() as session:
            drop_index(session, index_name(served.kind, served.model_id, served.method))

    def refresh_statistics(self) -> None:
        """Tell the planner what was loaded, and index-only scans what is visible to all."""
        with self.session() as session:
            session.execute("VACUUM (ANALYZE) articles, passages, images, postings")
            session.execute("ANALYZE passage_embeddings, image_embeddings")  # HNSW: slow to vacuum


def _alone(session: Connection) -> None:
    row = session.execute("SELECT pg_try_advisory_lock(%s)", (BUILDING,)).fetchone()
    if not (row and row[0]):
        raise BusyError("another process is building an index of this library: wait for it")


def _prepare(session: Connection, served: Served, method: Method) -> None:
    """Memory for the whole graph, which is far slower without; not more than a quarter of it."""
    needed = 2 * index_bytes(method, served.rows, served.dimension) // 1024 + 65_536
    session.execute(
        "SELECT set_config('maintenance_work_mem', least(%s, "
        "pg_size_bytes(current_setting('effective_cache_size')) / 4096)::text || 'kB', false)",
        (needed,),
    )


def _creation(served: Served, method: Method) -> sql.Composed:
    return sql.SQL(
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS {} ON {} USING hnsw {} "
        "WITH (m = {}, ef_construction = {}) WHERE model_id = {}"
    ).format(
        sql.Identifier(index_name(served.kind, served.model_id, method)),
        sql.Identifier(TABLES[served.kind][0]),
        indexed_column(served.dimension, served.normalised, method),
        sql.Literal(M),
        sql.Literal(EF_CONSTRUCTION),
        sql.Literal(served.model_id),
    )


def _watched(
    session: Connection,
    watching: Connection,
    creation: sql.Composed,
    progress: Callable[[float | None], object],
    cancelled: Callable[[], bool],
) -> None:
    """Run the statement in a thread; tell how far it is, and cancel it when asked to."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(session.execute, creation)
        try:
            while not wait([running], POLL_SECONDS).done:
                row = watching.execute(PROGRESS, (session.info.backend_pid,)).fetchone()
                progress(row[0] if row else None)
                if cancelled():
                    session.cancel_safe()
        except BaseException:
            session.cancel_safe()
            raise
    running.result()
