"""The real page, served as `cytoscribe chat` does, on a data folder of its own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_ANSWER = 60
CHAT = ("agent", "chat", "--port", "{port}")


@dataclass(frozen=True)
class PageServer:
    url: str
    data: Path  # CYTOSCRIBE_DATA_DIR


@contextmanager
def page_server(*command: str, **environment: str) -> Iterator[PageServer]:
    """Serve the page, or what `command` serves on {port}, until the block ends."""
    data = Path(tempfile.mkdtemp(prefix="cyto-page-"))
    data.chmod(0o755)  # started by root, Postgres runs as another user
    port = _free_port()
    settings = {"CYTOSCRIBE_DATA_DIR": str(data), **environment}
    words = [word.format(port=port) for word in command or CHAT]
    log = (data / "page.log").open("w+")
    server = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT, env={**os.environ, **settings}, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server, Path(log.name))
        yield PageServer(f"http://127.0.0.1:{port}", data)
    finally:
        server.terminate()
        server.wait(SECONDS_TO_ANSWER)
        log.close()
        shutil.rmtree(data, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the page did not start:\n{log.read_text()}")
