"""A database that is away, refuses, or goes away in the middle."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tools.errors import BadInputError, StoreUnavailableError
from tools.postgres import EmbeddedPostgres
from tools.store import Store

pytestmark = pytest.mark.db


def test_a_store_opens_without_a_connection():
    Store("postgresql://postgres@127.0.0.1:1/none").close()


def test_a_server_that_is_not_there_is_named_and_without_the_password():
    named = pytest.raises(StoreUnavailableError, match=r"'cells' on 127\.0\.0\.1")
    with Store("postgresql://me:secret@127.0.0.1:1/cells") as store, named as raised:
        store.counts()
    assert "refused" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_database_that_does_not_exist_is_named(database_server: str):
    url = make_conninfo(database_server, dbname="nowhere")
    with Store(url) as store, pytest.raises(StoreUnavailableError, match='"nowhere" does not'):
        store.counts()
    with Store(url) as store, pytest.raises(StoreUnavailableError, match='"nowhere" does not'):
        store.migrate()


def test_an_address_that_is_none_is_refused_at_once():
    with pytest.raises(BadInputError, match="CYTOSCRIBE_DATABASE_URL"):
        Store("http://localhost/cells")


def test_the_store_works_again_when_the_server_is_back(server_folder: Path):
    server = EmbeddedPostgres(server_folder / "pg", {"fsync": "off"})
    with Store(server.start()) as store:
        store.migrate()
        assert store.counts()["turns"] == 0
        server.stop()
        with pytest.raises(StoreUnavailableError):
            store.counts()
        server.start()
        assert store.counts()["turns"] == 0
        server.stop()


def test_a_restart_between_two_calls_is_not_noticed(server_folder: Path):
    together = threading.Barrier(6)

    def hold_a_connection() -> None:
        with store.transaction():
            together.wait()

    server = EmbeddedPostgres(server_folder / "pg", {"fsync": "off"})
    with Store(server.start()) as store, ThreadPoolExecutor(6) as pool:
        store.migrate()
        for held in [pool.submit(hold_a_connection) for _ in range(6)]:
            held.result()
        server.stop()
        server.start()  # six idle connections are lost now
        assert store.counts()["turns"] == 0
        server.stop()


def test_a_call_cut_in_the_middle_stores_nothing(store: Store, database_url: str):
    killed = pytest.raises(StoreUnavailableError, match="terminating connection")
    with killed, store.transaction() as connection:
        connection.execute("INSERT INTO ingest_jobs (kind, path) VALUES ('', '')")
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        connection.execute("SELECT 1")
    with store.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM ingest_jobs").fetchone() == (0,)


def test_many_threads_share_the_store(store: Store):
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(lambda n: store.start_job("images", str(n)), range(64)))
    assert len(set(jobs)) == 64


def test_a_bug_of_ours_is_not_taken_for_an_outage(store: Store):
    with pytest.raises(psycopg.errors.UndefinedTable), store.transaction() as connection:
        connection.execute("SELECT * FROM no_such_table")
