"""The embedded programs as an ordinary server: TCP on a free loopback port, with a password.

`python -m tests.db.tcp_server COMMAND…` runs COMMAND with CYTOSCRIBE_TEST_DATABASE_URL set to it
and ends with its exit code; without a command it prints the URL and serves until Ctrl-C.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tools.postgres import EmbeddedPostgres

VARIABLE = "CYTOSCRIBE_TEST_DATABASE_URL"


@contextmanager
def tcp_server() -> Iterator[str]:
    """URL, with its password, of a server that lives as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="cyto-tcp-"))
    folder.chmod(0o755)  # the account that the server runs under must enter
    port, password = _free_port(), secrets.token_urlsafe(12)
    try:
        with EmbeddedPostgres(folder / "postgres") as server:
            _require_password(server, password)
        options = {"listen_addresses": "127.0.0.1", "port": str(port), "fsync": "off"}
        url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        with _WithPassword(folder / "postgres", options, url):
            yield url
    finally:
        shutil.rmtree(folder)


class _WithPassword(EmbeddedPostgres):
    """An embedded server whose socket asks for a password too: it is reached over TCP."""

    def __init__(self, root: Path, options: dict[str, str], url: str) -> None:
        super().__init__(root, options)
        self._url = url

    @property
    def url(self) -> str:
        return self._url


def _require_password(server: EmbeddedPostgres, password: str) -> None:
    statement = sql.SQL("ALTER ROLE postgres PASSWORD {}").format(sql.Literal(password))
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)
    rules = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (server.data / "pg_hba.conf").write_text(rules)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(command: list[str]) -> int:
    with tcp_server() as url:
        if command:
            return subprocess.run(command, env=os.environ | {VARIABLE: url}).returncode
        sys.stdout.write(f"{VARIABLE}={url}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
