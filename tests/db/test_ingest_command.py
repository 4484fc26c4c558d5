"""`cytoscribe ingest` as a user runs it: exit codes, JSON, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from eutils import serving
from test_ingest_images import cells, wait_for

from tools.store import Store

pytestmark = pytest.mark.db


@pytest.fixture
def environment(database_url: str, tiny_paligemma_dir: Path) -> dict[str, str]:
    own = {"CYTOSCRIBE_DATABASE_URL": database_url, "CYTOSCRIBE_MODEL": str(tiny_paligemma_dir)}
    return os.environ | own | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}


@contextmanager
def started(environment: dict[str, str], *arguments: object) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "agent", "ingest", *map(str, arguments)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()  # no orphan where the test fails


def run(environment: dict[str, str], *arguments: object) -> tuple[int, str, str]:
    with started(environment, *arguments) as process:
        out, error = process.communicate(timeout=200)
    return process.returncode, out, error


def test_images_go_in_and_bad_ones_give_exit_code_3(environment, tmp_path):
    environment |= {"CYTOSCRIBE_TEXT_ENCODER": "/nowhere"}  # images need none
    cells(tmp_path, 3)
    (tmp_path / "ig" / "bad.png").write_text("hello")
    code, out, error = run(environment, "images", tmp_path, "--json")
    report = json.loads(out)
    assert (code, report["state"], report["done"]) == (3, "finished", 3)
    assert report["skipped"][0]["path"].endswith("bad.png")
    assert "skipped" in error
    (tmp_path / "ig" / "bad.png").unlink()
    code, out, error = run(environment, "images", tmp_path)
    assert (code, out) == (0, "0 images added, 3 unchanged, 0 skipped\n")


def test_ctrl_c_finishes_the_batch_and_says_how_to_go_on(environment, tmp_path, store: Store):
    cells(tmp_path, 2000)
    with started(environment, "images", tmp_path) as process:
        wait_for(store, 16)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Run the same command again" in error
    held = store.counts()["images"]
    assert out == f"{held:,} images added, 0 unchanged, 0 skipped\n"
    assert held % 16 == 0


def test_literature_needs_no_vision_model(environment, tmp_path):
    (tmp_path / "x.txt").write_text("5|t|Title.\n5|a|Abstract.\n")
    environment |= {"CYTOSCRIBE_MODEL": "/nowhere"}
    code, out, error = run(environment, "literature", tmp_path)
    assert (code, out) == (0, "1 articles added, 0 unchanged, 0 skipped\n"), error


def test_several_files_are_embedded_by_a_worker(environment, tmp_path, store: Store):
    for number in (5, 6):
        (tmp_path / f"{number}.txt").write_text(f"{number}|t|Title.\n{number}|a|Abstract.\n")
    code, out, error = run(environment, "literature", *tmp_path.glob("*.txt"), "--workers", 1)
    assert (code, out) == (0, "2 articles added, 0 unchanged, 0 skipped\n"), error
    counts = store.counts()
    assert counts["passages"] == 2 and store.waiting_passages() == 0
    code, out, error = run(environment, "work", "--until-done")
    assert (code, out) == (0, "0 passages added, 0 unchanged, 0 skipped\n"), error


def test_pubmed_is_searched_at_the_address_of_the_settings(environment):
    with serving() as ncbi:
        environment |= {"CYTOSCRIBE_NCBI_BASE_URL": ncbi.url, "CYTOSCRIBE_NCBI_API_KEY": "k"}
        code, out, error = run(environment, "pubmed", "--query", "cells", "--max", 3, "--json")
    assert (code, json.loads(out)["done"]) == (0, 3), error
