"""Connections: a pool that opens at first use, survives a restarted server and names failures."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Self

import psycopg
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from tools.errors import BadInputError, MigrationError, StoreUnavailableError

Connection = psycopg.Connection[TupleRow]

CONNECT_SECONDS = 3
POOL_SIZE = 8


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
    except psycopg.DataError as error:
        raise BadInputError(f"The database refuses a value: {error}") from error


class Database:
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
            try:
                with self._pool.connection() as connection:
                    yield connection
            except PoolTimeout:
                self._say_why()
                raise

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
        """Refuse a lost connection, and with it the idle ones: a restart has lost them all."""
        try:
            ConnectionPool.check_connection(connection)
        except psycopg.OperationalError:
            self._pool.drain()
            raise

    def _say_why(self) -> None:
        """The pool only says that it waited: connect once more, for the server's own words."""
        with psycopg.connect(self.url, connect_timeout=CONNECT_SECONDS) as connection:
            _prepare(connection)

    def close(self) -> None:
        """Close all connections; the store cannot be used afterwards."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _prepare(connection: Connection) -> None:
    """Let numpy vectors be parameters; a new database lacks the type until it is migrated."""
    try:
        register_vector(connection)
    except psycopg.ProgrammingError as error:
        raise MigrationError(
            f"The database has no `vector` type yet: migrate it ({error})"
        ) from None
    connection.commit()
