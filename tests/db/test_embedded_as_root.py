"""The embedded server when root starts it: it runs as an unprivileged account."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tools.errors import StoreUnavailableError
from tools.postgres import EmbeddedPostgres
from tools.postgres.account import server_account
from tools.postgres.binaries import find_binaries

pytestmark = [
    pytest.mark.db,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can lower itself"),
]


@pytest.fixture
def private_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder like root's home: nobody else may enter."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    yield folder


def test_it_runs_as_an_unprivileged_account(server_folder: Path):
    with EmbeddedPostgres(server_folder / "pg") as server, psycopg.connect(server.url):
        pid = int((server.data / "postmaster.pid").read_text().split("\n")[0])
        owner = Path(f"/proc/{pid}").stat().st_uid
    assert owner == server_account().uid != 0


def test_existing_folders_keep_their_owner_and_mode(server_folder: Path):
    above = server_folder / "above"
    above.mkdir()
    above.chmod(0o711)
    with EmbeddedPostgres(above / "made" / "pg") as server:
        assert above.stat().st_mode & 0o777 == 0o711
        assert above.stat().st_uid == server.root.stat().st_uid == 0


def test_new_folders_are_open_to_the_account_under_any_umask(server_folder: Path):
    before = os.umask(0o077)
    try:
        with EmbeddedPostgres(server_folder / "new" / "pg") as server:
            assert psycopg.connect(server.url).close() is None
    finally:
        os.umask(before)


def test_a_private_folder_above_is_named_and_left_alone(private_folder: Path):
    with pytest.raises(StoreUnavailableError, match="CYTOSCRIBE_DATA_DIR"):
        EmbeddedPostgres(private_folder / "pg").start()
    assert private_folder.stat().st_mode & 0o777 == 0o700


def test_programs_in_a_private_folder_run_from_a_copy(server_folder: Path, private_folder: Path):
    package = find_binaries().parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, private_folder / folder.name)
    user = (
        "import sys; from pathlib import Path; from tools.postgres import EmbeddedPostgres\n"
        "import psycopg\n"
        "with EmbeddedPostgres(Path(sys.argv[1])) as server:\n"
        "    print(psycopg.connect(server.url).execute('SHOW data_directory').fetchone()[0])\n"
        "    psycopg.connect(server.url).execute('CREATE EXTENSION vector')\n"
    )
    for _ in range(2):  # the second start finds the copy
        told = subprocess.run(
            [sys.executable, "-c", user, server_folder / "pg"],
            env=os.environ | {"PYTHONPATH": f"{private_folder}:{Path(__file__).parents[2]}"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert told.stdout == f"{server_folder}/pg/data\n"
    assert len(list((server_folder / "pg").glob("programs-*"))) == 1


def test_a_socket_folder_that_a_stranger_made_first_is_refused(server_folder: Path):
    server = EmbeddedPostgres(server_folder / ("deep-" * 30))
    server.socket_folder.mkdir()
    os.chown(server.socket_folder, 12345, 12345)
    try:
        with pytest.raises(StoreUnavailableError, match="belongs to another user"):
            server.start()
    finally:
        server.socket_folder.rmdir()
