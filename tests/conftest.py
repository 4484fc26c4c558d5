"""Fixtures shared by all tests."""

import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tools.postgres import EmbeddedPostgres
from tools.store import Store, migrate


def pytest_configure() -> None:
    """One thread a process: tiny models wait more than they compute on a busy machine.

    And undo that a run in the background ignores Ctrl-C: so would the processes we stop by it.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
    """An empty folder that an embedded server may use; pytest's own are closed to its account."""
    folder = Path(tempfile.mkdtemp(prefix="cyto-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """URL of a server whose databases we may create: CYTOSCRIBE_TEST_DATABASE_URL or embedded."""
    if url := os.environ.get("CYTOSCRIBE_TEST_DATABASE_URL"):
        yield url
        return
    folder = Path(tempfile.mkdtemp(prefix="cyto-"))
    folder.chmod(0o755)
    with EmbeddedPostgres(folder / "postgres", {"fsync": "off"}) as server:
        yield server.url
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_template(database_server: str) -> Iterator[str]:
    """Name of a migrated, empty database, from which each test's own is copied."""
    with _new_database(database_server) as url:
        migrate(url)
        yield str(conninfo_to_dict(url)["dbname"])


@pytest.fixture
def empty_database_url(database_server: str) -> Iterator[str]:
    """A database without tables, for this test alone."""
    with _new_database(database_server) as url:
        yield url


@pytest.fixture
def database_url(database_server: str, migrated_template: str) -> Iterator[str]:
    """A migrated database without rows, for this test alone."""
    with _new_database(database_server, migrated_template) as url:
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
def _new_database(server: str, template: str = "template1") -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
