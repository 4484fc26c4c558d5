"""Migrations, from an empty database to the newest."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tools.errors import BadInputError, MigrationError
from tools.store import Store, migrate
from tools.store.migrate import LOCK

pytestmark = pytest.mark.db


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (n integer);")
    return tmp_path


def versions(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT version FROM schema_migrations ORDER BY version")
        return [row[0] for row in rows]


def test_an_empty_database_becomes_a_library_and_stays_one(empty_database_url: str):
    with Store(empty_database_url) as store:
        applied = store.migrate()
        assert applied[0] == "0001_embedding_models"
        assert store.migrate() == []
        assert store.counts()["images"] == 0
    assert versions(empty_database_url) == list(range(1, len(applied) + 1))


def test_a_store_that_was_not_migrated_says_so(empty_database_url: str):
    with Store(empty_database_url) as store, pytest.raises(MigrationError, match="migrate"):
        store.counts()


def test_many_may_migrate_at_once(empty_database_url: str):
    ready = threading.Barrier(4)

    def start() -> int:
        ready.wait()
        return len(migrate(empty_database_url))

    with ThreadPoolExecutor(4) as pool:
        counts = sorted(future.result() for future in [pool.submit(start) for _ in range(4)])
    assert counts[:3] == [0, 0, 0]
    assert counts[3] == len(versions(empty_database_url))


def test_a_new_file_is_applied_alone(empty_database_url: str, files: Path):
    assert migrate(empty_database_url, files) == ["0001_first"]
    (files / "0002_second.sql").write_text("ALTER TABLE first ADD COLUMN m integer;")
    assert migrate(empty_database_url, files) == ["0002_second"]


def test_an_applied_file_must_not_change(empty_database_url: str, files: Path):
    migrate(empty_database_url, files)
    (files / "0001_first.sql").write_text("CREATE TABLE first (n bigint);")
    with pytest.raises(MigrationError, match=r"0001_first\.sql changed"):
        migrate(empty_database_url, files)


def test_a_file_that_comes_too_late_is_refused(empty_database_url: str, files: Path):
    (files / "0003_third.sql").write_text("SELECT 1;")
    migrate(empty_database_url, files)
    (files / "0002_late.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationError, match=r"0002_late\.sql is older"):
        migrate(empty_database_url, files)


def test_a_newer_database_is_not_touched(empty_database_url: str, files: Path):
    (files / "0002_second.sql").write_text("SELECT 1;")
    migrate(empty_database_url, files)
    (files / "0002_second.sql").unlink()
    with pytest.raises(MigrationError, match="update the program"):
        migrate(empty_database_url, files)


def test_a_file_that_fails_leaves_nothing_of_itself(empty_database_url: str, files: Path):
    (files / "0002_bad.sql").write_text("CREATE TABLE half (n integer); SELECT 1 / 0;")
    with pytest.raises(BadInputError, match="division by zero"):
        migrate(empty_database_url, files)
    assert versions(empty_database_url) == [1]
    (files / "0002_bad.sql").write_text("CREATE TABLE half (n integer);")
    assert migrate(empty_database_url, files) == ["0002_bad"]


def test_an_index_may_be_built_concurrently_while_another_waits(
    empty_database_url: str, files: Path
):
    (files / "0002_index.sql").write_text(
        "-- no-transaction\nCREATE INDEX CONCURRENTLY first_n ON first (n);"
    )
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(migrate, empty_database_url, files) for _ in range(2)]
        assert sorted(len(run.result(timeout=30)) for run in runs) == [0, 2]


def test_files_must_be_named_and_numbered(empty_database_url: str, files: Path):
    (files / "0001_twin.sql").write_text("SELECT 1;")
    with pytest.raises(MigrationError, match="two migrations of one number"):
        migrate(empty_database_url, files)
    (files / "0001_twin.sql").rename(files / "first.sql")
    with pytest.raises(MigrationError, match=r"first\.sql is not named"):
        migrate(empty_database_url, files)


def test_the_lock_is_free_after_a_failure(empty_database_url: str, files: Path):
    (files / "0002_bad.sql").write_text("SELECT 1 / 0;")
    with pytest.raises(BadInputError):
        migrate(empty_database_url, files)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone() == (True,)


def test_who_may_not_create_pgvector_is_told_what_to_do(empty_database_url: str):
    role = f"guest_{os.urandom(4).hex()}"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'guest'").format(sql.Identifier(role))
        )
        try:
            url = make_conninfo(empty_database_url, user=role, password="guest")
            with pytest.raises(MigrationError, match=r"superuser run `CREATE EXTENSION vector`"):
                migrate(url)
        finally:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_the_database_itself_refuses_to_mix_vectors(store: Store, database_url: str):
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO embedding_models (kind, name, dimension) VALUES ('image', 'm', 2)"
        )
        connection.execute(
            "INSERT INTO images SELECT 'img-1', '', 1, 1, '', '{}', '', '', '', false, ''"
        )
        for dimension in (2, 3):  # one does not fit the vector, the other not the model
            with pytest.raises(psycopg.IntegrityError), connection.transaction():
                connection.execute(
                    "INSERT INTO image_embeddings SELECT 'img-1', model_id, %s, '[1,2,3]' "
                    "FROM embedding_models",
                    (dimension,),
                )
