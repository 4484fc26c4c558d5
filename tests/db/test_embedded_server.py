"""The embedded server under everything that can go wrong around it."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tools.errors import StoreUnavailableError
from tools.postgres import EmbeddedPostgres

pytestmark = pytest.mark.db

USER = """
    import sys, time
    from pathlib import Path
    from tools.postgres import EmbeddedPostgres
    server = EmbeddedPostgres(Path(sys.argv[1]), {"fsync": "off"})
    server.start()
    print("started", flush=True)
    sys.stdin.readline()
"""


def server(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "pg", {"fsync": "off"})


@pytest.fixture
def other_process(server_folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A second process that uses the server until it reads a line."""
    with start_user(server_folder) as user:
        assert user.stdout and user.stdout.readline() == "started\n"
        yield user
        user.kill()


def start_user(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(USER), folder / "pg"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def postmaster(folder: Path) -> psutil.Process | None:
    """The live server process of a folder, wherever its pid file points."""
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if str(folder / "pg" / "data") in words and "postgres" in words[0]:
            return process
    return None


def wait_until_stopped(folder: Path, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while postmaster(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    return postmaster(folder) is None


def crash(folder: Path) -> None:
    """kill -9 of the server: its pid file and socket stay."""
    process = postmaster(folder)
    assert process is not None
    family = [process, *process.children(recursive=True)]
    for member in family:
        member.kill()
    psutil.wait_procs(family, timeout=10)
    assert (folder / "pg" / "data" / "postmaster.pid").exists()


def forge_pid(folder: Path, pid: int) -> None:
    for path in (folder / "pg/data/postmaster.pid", folder / "pg/run/.s.PGSQL.5432.lock"):
        _, *rest = path.read_text().split("\n")
        path.write_text("\n".join([str(pid), *rest]))


def ask(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT 1").fetchone()
    assert row is not None
    return int(row[0])


def test_it_starts_answers_and_stops_with_its_only_user(server_folder: Path):
    with server(server_folder) as started:
        assert ask(started.url) == 1
        assert postmaster(server_folder)
    assert postmaster(server_folder) is None


def test_rows_outlive_a_restart(server_folder: Path):
    with server(server_folder) as first, psycopg.connect(first.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    with server(server_folder) as second, psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_starting_twice_and_stopping_twice_does_no_harm(server_folder: Path):
    started = server(server_folder)
    assert started.start() == started.start()
    assert started.stop() is True
    assert started.stop() is False
    assert ask(started.start()) == 1
    started.stop()


def test_the_last_user_stops_it(server_folder: Path, other_process: "subprocess.Popen[str]"):
    ours = server(server_folder)
    ours.start()
    assert ours.stop() is False
    assert ask(ours.url) == 1
    other_process.communicate("leave\n")
    assert postmaster(server_folder) is None


def test_a_killed_user_does_not_keep_it_running(
    server_folder: Path, other_process: "subprocess.Popen[str]"
):
    ours = server(server_folder)
    ours.start()
    other_process.kill()
    other_process.wait()
    assert ours.stop() is True
    assert postmaster(server_folder) is None


def test_it_stops_when_its_only_user_is_killed(
    server_folder: Path, other_process: "subprocess.Popen[str]"
):
    other_process.kill()
    assert wait_until_stopped(server_folder)


def test_a_user_that_comes_after_a_kill_finds_it_running(
    server_folder: Path, other_process: "subprocess.Popen[str]"
):
    other_process.kill()
    with server(server_folder) as started:
        time.sleep(2.5)  # longer than the keeper waits
        assert ask(started.url) == 1
    assert wait_until_stopped(server_folder)


def test_an_interrupted_user_stops_it(server_folder: Path, other_process: "subprocess.Popen[str]"):
    other_process.send_signal(signal.SIGINT)
    other_process.wait()
    assert wait_until_stopped(server_folder)


def test_two_processes_may_start_it_first_at_once(server_folder: Path):
    users = [start_user(server_folder) for _ in range(3)]
    for user in users:
        assert user.stdout and user.stdout.readline() == "started\n"
    for user in users:
        user.communicate("leave\n")
        assert user.returncode == 0
    assert postmaster(server_folder) is None


def test_a_first_start_that_was_killed_is_made_up_for(server_folder: Path):
    user = start_user(server_folder)
    while not list((server_folder / "pg").glob("data.init-*/postgresql.conf")):
        time.sleep(0.002)
    user.kill()
    user.communicate()
    assert not (server_folder / "pg" / "data").exists()
    with server(server_folder) as started:
        assert ask(started.url) == 1


def test_a_crashed_server_is_started_again(server_folder: Path):
    with server(server_folder) as started:
        crash(server_folder)
        assert ask(started.start()) == 1


def test_a_dead_process_in_the_pid_file_is_no_server(server_folder: Path):
    with server(server_folder) as started:
        crash(server_folder)
        dead = subprocess.Popen(["true"])
        dead.wait()
        forge_pid(server_folder, dead.pid)
        assert ask(started.start()) == 1


def test_a_zombie_in_the_pid_file_is_no_server(server_folder: Path):
    with server(server_folder) as started:
        crash(server_folder)
        zombie = subprocess.Popen(["true"])
        while psutil.Process(zombie.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        forge_pid(server_folder, zombie.pid)
        assert ask(started.start()) == 1
        zombie.wait()


def test_a_removed_folder_does_not_break_the_exit(server_folder: Path):
    with server(server_folder):
        crash(server_folder)
        shutil.rmtree(server_folder / "pg")


@pytest.mark.parametrize("pid", [os.getpid(), 1])
def test_a_foreign_process_in_the_pid_file_is_no_server(server_folder: Path, pid: int):
    with server(server_folder) as started:
        crash(server_folder)
        forge_pid(server_folder, pid)
        assert ask(started.start()) == 1


def test_a_stale_socket_lock_alone_does_not_stop_a_start(server_folder: Path):
    with server(server_folder):
        pass
    run = server_folder / "pg" / "run"
    (run / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n{server_folder}\n")
    (run / ".s.PGSQL.5432").touch()
    with server(server_folder) as started:
        assert ask(started.url) == 1


def test_an_empty_or_garbled_pid_file_does_not_stop_a_start(server_folder: Path):
    with server(server_folder) as started:
        for content in ("", "no number\nat all\n"):
            crash(server_folder)
            (server_folder / "pg/data/postmaster.pid").write_text(content)
            assert ask(started.start()) == 1


def test_a_long_path_gets_a_short_socket(server_folder: Path):
    deep = server_folder / ("cells " * 12).strip() / ("nuclei-" * 12)
    with EmbeddedPostgres(deep) as started:
        assert len(str(started.socket_folder)) < 60
        assert ask(started.url) == 1
        assert started.socket_folder.stat().st_mode & 0o777 == 0o700
    with EmbeddedPostgres(deep) as again:
        assert again.socket_folder == started.socket_folder
    again.socket_folder.rmdir()


@pytest.mark.parametrize("name", ["it's", 'the "best" $HOME', "a,b", "Zellkörper"])
def test_a_folder_may_have_any_name(server_folder: Path, name: str):
    folder = server_folder / name
    with EmbeddedPostgres(folder) as started:
        assert ask(started.url) == 1
    if started.socket_folder != started.run_folder:
        started.socket_folder.rmdir()


def test_only_its_account_may_reach_it(server_folder: Path):
    with server(server_folder) as started:
        assert started.run_folder.stat().st_mode & 0o777 == 0o700
        assert started.data.stat().st_mode & 0o777 == 0o700
        with psycopg.connect(started.url) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_variables_of_libpq_do_not_lead_astray(
    server_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {"PGPORT": "1", "PGDATA": "/nowhere", "PGHOST": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    with server(server_folder) as started:
        assert ask(started.url) == 1


def test_a_start_that_fails_says_why_and_leaves_nothing_running(server_folder: Path):
    with pytest.raises(StoreUnavailableError, match="no_such_setting"):
        EmbeddedPostgres(server_folder / "pg", {"no_such_setting": "1"}).start()
    assert postmaster(server_folder) is None


def test_a_folder_that_cannot_be_made_is_named(server_folder: Path):
    (server_folder / "file").touch()
    with pytest.raises(StoreUnavailableError, match="set CYTOSCRIBE_DATA_DIR"):
        EmbeddedPostgres(server_folder / "file" / "pg").start()
