"""Migrations: numbered SQL files, applied in order, each once, by one process at a time.

Forward only. A file that was applied may not change: its sha256 is kept with its number. A file
whose first line is `-- no-transaction` holds one statement that cannot run in a transaction.
"""

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import LiteralString

import psycopg
from psycopg import sql

from tools.errors import MigrationError
from tools.store.connection import CONNECT_SECONDS, Connection, describe, naming_failures
from tools.store.pgvector_version import version_advice

LOCK = 0x6379746F  # "cyto"
WAIT_SECONDS = 120
NO_TRANSACTION = "-- no-transaction"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Migration:
    version: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def read_migrations(folder: Traversable) -> list[Migration]:
    """The files `NNNN_name.sql` of a folder in order; two of one number are refused."""
    found = []
    for file in sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=_name):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if not (number.isdigit() and name):
            raise MigrationError(f"{file.name} is not named NNNN_name.sql")
        found.append(Migration(int(number), name, file.read_text("utf-8")))
    if len({m.version for m in found}) < len(found):
        raise MigrationError(f"two migrations of one number in {folder}")
    return found


def migrate(url: str, folder: Traversable | None = None) -> list[str]:
    """Apply what is missing and return its names; nothing changes when all is there.

    MigrationError: an applied file changed, the database is newer than this program, or pgvector
    is missing. Safe to call from several processes at once.
    """
    migrations = read_migrations(folder or files("migrations"))
    with naming_failures(url), psycopg.connect(
        url, autocommit=True, connect_timeout=CONNECT_SECONDS
    ) as connection, _alone(connection, url):  # fmt: skip
        _need_pgvector(connection, url)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (version integer PRIMARY KEY, "
            "name text NOT NULL, sha256 text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = connection.execute("SELECT version, sha256 FROM schema_migrations")
        applied = {int(version): str(digest) for version, digest in rows}
        pending = _pending(migrations, applied, url)
        for migration in pending:
            _apply(connection, migration)
        return [f"{m.version:04}_{m.name}" for m in pending]


def _pending(
    migrations: Sequence[Migration], applied: Mapping[int, str], url: str
) -> list[Migration]:
    newest = max(applied, default=0)
    if newest > max((m.version for m in migrations), default=0):
        raise MigrationError(
            f"The {describe(url)} has migration {newest:04}, which this program does not know: "
            "update the program"
        )
    for migration in migrations:
        if migration.version in applied and applied[migration.version] != migration.sha256:
            raise MigrationError(
                f"{migration.version:04}_{migration.name}.sql changed after it was applied to the "
                f"{describe(url)}: restore it, and put the change in a new file"
            )
    pending = [m for m in migrations if m.version not in applied]
    if pending and pending[0].version < newest:
        raise MigrationError(
            f"{pending[0].version:04}_{pending[0].name}.sql is older than the newest applied "
            f"migration {newest:04}: give it the next number"
        )
    return pending


def _apply(connection: Connection, migration: Migration) -> None:
    statement = sql.SQL(migration.text)  # a file we ship, not input
    done = "INSERT INTO schema_migrations (version, name, sha256) VALUES (%s, %s, %s)"
    row = (migration.version, migration.name, migration.sha256)
    if migration.text.startswith(NO_TRANSACTION):
        connection.execute(statement)
        connection.execute(done, row)
        return
    with connection.transaction():
        connection.execute(statement)
        connection.execute(done, row)


@contextmanager
def _alone(connection: Connection, url: str) -> Iterator[None]:
    """Hold the migration lock. Polled: a waiting session holds a snapshot, for which another's
    CREATE INDEX CONCURRENTLY would wait, a deadlock."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not _flag(connection, "SELECT pg_try_advisory_lock(%s)", LOCK):
        if time.monotonic() > deadline:
            raise MigrationError(
                f"Another process has been migrating the {describe(url)} for {WAIT_SECONDS} s: "
                "look for it in pg_stat_activity"
            )
        time.sleep(0.1)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def _need_pgvector(connection: Connection, url: str) -> None:
    """Create the extension where it is missing and may be created; else say who must do what."""
    query = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    version = connection.execute(query).fetchone()
    if version is None:
        try:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        except psycopg.errors.InsufficientPrivilege:
            raise MigrationError(
                f"The {describe(url)} lacks the extension pgvector and this user may not create "
                "it: let a superuser run `CREATE EXTENSION vector` in that database"
            ) from None
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.UndefinedFile):
            raise MigrationError(
                f"The server of the {describe(url)} does not have pgvector: install it there "
                "(Debian: postgresql-NN-pgvector; https://github.com/pgvector/pgvector), or leave "
                "CYTOSCRIBE_DATABASE_URL empty for the embedded database"
            ) from None
        version = connection.execute(query).fetchone()
    if version and (advice := version_advice(version[0])):
        logger.warning(advice)


def _flag(connection: Connection, query: LiteralString, *values: object) -> bool:
    row = connection.execute(query, values).fetchone()
    return bool(row and row[0])


def _name(file: Traversable) -> str:
    return file.name
