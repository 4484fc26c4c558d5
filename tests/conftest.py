"""Fixtures shared by all tests."""

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from server_folder import new_server_folder

from tools.postgres import EmbeddedPostgres
from tools.store import Store, migrate

NewDatabase = Callable[..., AbstractContextManager[str]]


def pytest_configure() -> None:
    """One thread a process: tiny models wait more than they compute on a busy machine.

    And undo that a run in the background ignores Ctrl-C: so would the processes we stop by it.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts servers of its own: another server for all others changes nothing in it."""
    for item in items:
        if item.get_closest_marker("db") and "database_server" not in item.fixturenames:
            item.add_marker("own_server")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the repository; its tests skip where it is missing."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CYTOSCRIBE_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no development data at {folder} (set CYTOSCRIBE_SHARED_DATA)")
    return folder


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """An empty folder that an embedded server may use."""
    with new_server_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """URL of a server whose databases we may create: CYTOSCRIBE_TEST_DATABASE_URL or embedded."""
    if url := os.environ.get("CYTOSCRIBE_TEST_DATABASE_URL"):
        yield url
        return
    with (
        new_server_folder() as folder,
        EmbeddedPostgres(folder / "postgres", {"fsync": "off"}) as server,
    ):
        yield server.url


@pytest.fixture(scope="session")
def new_database(database_server: str) -> NewDatabase:
    """Makes a copy of the database that a URL names, by default an empty one, for a block."""
    return partial(_new_database, database_server)


@pytest.fixture(scope="session")
def migrated_template(new_database: NewDatabase) -> Iterator[str]:
    """A migrated, empty database, from which each test's own is copied."""
    with new_database() as url:
        migrate(url)
        yield url


@pytest.fixture
def empty_database_url(new_database: NewDatabase) -> Iterator[str]:
    """A database without tables, for this test alone."""
    with new_database() as url:
        yield url


@pytest.fixture
def database_url(new_database: NewDatabase, migrated_template: str) -> Iterator[str]:
    """A migrated database without rows, for this test alone."""
    with new_database(migrated_template) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty library."""
    with Store(database_url) as store:
        yield store


@pytest.fixture(scope="session")
def tiny_paligemma_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real PaliGemma checkpoint of random weights, 350 kB, for `load_paligemma`."""
    import tiny_paligemma

    return tiny_paligemma.save(tmp_path_factory.mktemp("checkpoint") / "tiny")


@pytest.fixture(scope="session")
def tiny_paligemma2_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a Gemma 2 decoder, as in PaliGemma 2."""
    import tiny_paligemma

    return tiny_paligemma.save(tmp_path_factory.mktemp("checkpoint") / "tiny2", 2)


@contextmanager
def _new_database(server: str, template: str = "dbname=template1") -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    copied = str(conninfo_to_dict(template)["dbname"])
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(copied)
            )
        )
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
