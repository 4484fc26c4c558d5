"""Connections: a pool that opens at first use, survives a restarted server and names failures."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files
from selectors import EVENT_READ, DefaultSelector

import psycopg
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from tools.closing import Closing
from tools.errors import (
    BadInputError,
    MigrationError,
    StoreDamagedError,
    StoreUnavailableError,
)

Connection = psycopg.Connection[TupleRow]

CONNECT_SECONDS = 3
POOL_SIZE = 8
EF = 64  # candidates of a search by an HNSW index, where it asks for no other number


def describe(url: str) -> str:
    """The database in words, without the password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise BadInputError(f"CYTOSCRIBE_DATABASE_URL is not a Postgres URL: {error}") from None
    return f"database {parts.get('dbname', '(default)')!r} on {parts.get('host', 'this machine')}"


@contextmanager
def naming_failures(url: str) -> Iterator[None]:
    """Turn the driver's errors into ours; those that are a bug of ours pass through."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise StoreUnavailableError(
            f"The {describe(url)} cannot be reached: {str(error).strip()}. "
            "Is the server running, and is CYTOSCRIBE_DATABASE_URL right?"
        ) from error
    except psycopg.errors.UndefinedTable as error:
        if (table := _table_of_ours(error)) is None:
            raise
        raise StoreDamagedError(
            f"the table {table!r} is gone from the {describe(url)}; restore it from a backup, or "
            "name another database by CYTOSCRIBE_DATABASE_URL"
        ) from error
    except psycopg.DataError as error:
        raise BadInputError(f"The database refuses a value: {error}") from error


def _table_of_ours(error: psycopg.errors.UndefinedTable) -> str | None:
    """The missing table, if the migrations made it; another name is a bug in a statement."""
    named = re.search(r'"(?:\w+\.)?(\w+)"', error.diag.message_primary or "")
    if named is None:
        return None
    texts = (f.read_text("utf-8") for f in files("migrations").iterdir() if f.name.endswith(".sql"))
    made = re.compile(rf"CREATE TABLE (IF NOT EXISTS )?{named[1]}\b", re.IGNORECASE)
    return named[1] if any(made.search(text) for text in texts) else None


class Database(Closing):
    """What every part of the store shares: the pool and the transaction."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = describe(url)
        # Its warnings would say a second time, on stderr, what our errors say.
        logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())
        self._held: ContextVar[Connection | None] = ContextVar("held", default=None)
        self._pool = ConnectionPool(
            url,
            min_size=0,
            max_size=POOL_SIZE,
            open=False,
            kwargs={"connect_timeout": CONNECT_SECONDS, "application_name": "cytoscribe"},
            configure=_prepare,
            check=self._check,
            timeout=CONNECT_SECONDS,
            reconnect_timeout=0.1,  # no back-off: each call tries anew, so that we notice recovery
        )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection that commits at the end, or rolls back when the block raises."""
        if held := self._held.get():
            yield held
            return
        with naming_failures(self.url):
            self._pool.open()
            if not self._pool.get_stats()["pool_size"]:
                self._say_why()  # at once: the pool would wait, however plainly it is refused
            try:
                with self._pool.connection() as connection:
                    yield connection
            except PoolTimeout:
                self._say_why()
                raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection on which each statement stands alone: no BEGIN and COMMIT to wait for."""
        with self.transaction() as connection:
            if self._held.get():
                yield connection
                return
            connection.autocommit = True
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection of its own, outside a transaction: for what takes minutes."""
        with naming_failures(self.url), psycopg.connect(
            self.url, autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as connection:  # fmt: skip
            yield connection

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread or task stores inside is stored as a whole, or not at all."""
        with self.transaction() as connection:
            token = self._held.set(connection)
            try:
                yield
            finally:
                self._held.reset(token)

    def _check(self, connection: Connection) -> None:
        """Refuse a lost connection, and with it the idle ones: a restart has lost them all.

        A server that ends closes the connection, which can be read; where nothing can, nothing has
        happened, and the server need not be asked.
        """
        if _silent(connection):
            return
        try:
            ConnectionPool.check_connection(connection)
        except psycopg.OperationalError:
            self._pool.drain()
            raise

    def _say_why(self) -> None:
        """Connect once, for the server's own words: the pool only says that it waited."""
        with psycopg.connect(self.url, connect_timeout=CONNECT_SECONDS) as connection:
            _prepare(connection)

    def close(self) -> None:
        """Close all connections; the store cannot be used afterwards."""
        self._pool.close()


def _silent(connection: Connection) -> bool:
    with DefaultSelector() as selector:
        selector.register(connection.fileno(), EVENT_READ)
        return not selector.select(timeout=0)


def _prepare(connection: Connection) -> None:
    """Let numpy vectors be parameters; a new database lacks the type until it is migrated."""
    try:
        register_vector(connection)
    except psycopg.ProgrammingError as error:
        raise MigrationError(
            f"The database has no `vector` type yet: migrate it ({error})"
        ) from None
    connection.execute("SELECT set_config('hnsw.ef_search', %s, false)", (str(EF),))
    connection.commit()
