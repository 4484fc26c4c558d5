"""The supervisor of the embedded server: start it or join it, and leave no server behind.

A server counts as running when a connection works, never because a pid file says so: the pid in
it may be dead, a zombie's or a stranger's. Our files under the root folder:

    data/ (the cluster)   run/ (socket, logs)   *.lock (who uses it)   programs-*/ (a copy, rarely)
"""

import atexit
import hashlib
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psutil
import psycopg

from tools.errors import StoreUnavailableError
from tools.postgres import keeper
from tools.postgres.account import Account, server_account
from tools.postgres.binaries import binaries_for

PORT = 5432  # only the socket's name: no TCP port is opened
NO_PROCESS = 2**30  # above every system's largest pid
LONGEST_SOCKET_PATH = 103  # bytes; macOS allows 104 with the final NUL, Linux 108
START_SECONDS = 60


class EmbeddedPostgres:
    """A server for the folder `root`; several processes may use one at once.

    `start` gives its URL. The server stops with its last user, also when that one is killed.
    """

    def __init__(self, root: Path, options: Mapping[str, str] | None = None) -> None:
        self.root = root.expanduser().resolve()
        self.data = self.root / "data"
        self.run_folder = self.root / "run"
        self.options = dict(options or {})  # server settings, for tests
        self._users: IO[str] | None = None

    def start(self) -> str:
        """Start or join the server and return its URL; StoreUnavailableError says what failed."""
        account = server_account()
        self._make_folders(account)
        keeper.make_locks(self.root)
        with keeper.starting(self.root):
            programs = binaries_for(account, self.root)
            if not self.data.exists():
                self._initialise(account, programs)
            self._users = self._users or keeper.join_users(self.root)
            atexit.register(self.stop)
            try:
                keeper.watch(self.root, programs / "pg_ctl", self.data, _identity(account))
                self._ensure_running(account, programs)
            except BaseException:
                self._leave()
                raise
        return self.url

    def stop(self) -> bool:
        """Leave; True when we were the last user and the server was stopped."""
        atexit.unregister(self.stop)
        if self._users is None:
            return False
        self._leave()
        try:
            with keeper.starting(self.root):
                return self._stop_if_unused()
        except FileNotFoundError:  # the folder was removed: the server notices and ends by itself
            return False

    @property
    def url(self) -> str:
        """The postgresql:// URL over the unix socket."""
        host = quote(str(self.socket_folder), safe="")
        return f"postgresql://postgres@/postgres?host={host}&port={PORT}"

    @property
    def socket_folder(self) -> Path:
        """`run`, or a short folder of its own where that path is too long for a socket."""
        path = str(self.run_folder / f".s.PGSQL.{PORT}.lock")
        if len(path.encode()) <= LONGEST_SOCKET_PATH and re.fullmatch(r"[\w/. +-]+", path):
            return self.run_folder
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"cytoscribe-{digest}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _stop_if_unused(self) -> bool:
        if not keeper.nobody_uses(self.root):
            return False
        account = server_account()
        programs = binaries_for(account, self.root)
        keeper.stop(programs / "pg_ctl", self.data, _identity(account))
        return True

    def _make_folders(self, account: Account) -> None:
        missing = [p for p in (self.root, *self.root.parents) if not p.exists()]
        try:
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
                if account.lowered:  # only what we just made: the account must get through
                    folder.chmod(0o755)
        except OSError as error:
            raise StoreUnavailableError(
                f"Cannot make {self.root} ({error.strerror}): set CYTOSCRIBE_DATA_DIR to a folder "
                "you can write to"
            ) from error
        if account.lowered and not account.can_enter(self.root):
            raise StoreUnavailableError(
                f"PostgreSQL runs as uid {account.uid} when started by root, and that user cannot "
                f"reach {self.root}: set CYTOSCRIBE_DATA_DIR to a folder outside private ones, "
                "such as /var/lib/cytoscribe"
            )
        for folder in {self.run_folder, self.socket_folder}:
            account.own(folder)

    def _initialise(self, account: Account, programs: Path) -> None:
        """Make the cluster beside its place and rename it: a kill in between leaves no ruin."""
        for left_over in self.root.glob("data.init-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        # A name of its own: the initdb of a killed start may still be writing.
        part = Path(tempfile.mkdtemp(prefix="data.init-", dir=self.root))
        account.own(part)
        made = account.run(
            [
                programs / "initdb", "-D", part, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            ],
            cwd=self.run_folder,
        )  # fmt: skip
        if made.returncode:
            raise StoreUnavailableError(f"Cannot make a database in {self.data}: {made.stdout}")
        part.rename(self.data)

    def _ensure_running(self, account: Account, programs: Path) -> None:
        if self._answer() is None:
            return
        if not self._postmaster_lives():
            self._disown_stale_locks()
            self._launch(account, programs)
        deadline = time.monotonic() + START_SECONDS  # it may be recovering from a crash
        while (reason := self._answer()) is not None:
            if time.monotonic() > deadline:
                raise StoreUnavailableError(f"The server of {self.data} does not answer: {reason}")
            time.sleep(0.1)

    def _launch(self, account: Account, programs: Path) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "unix_socket_permissions": "0700",  # no password: only the account and root get in
            "port": str(PORT),
            "shared_buffers": "512MB",  # taken as it fills; holds the indexes of 200,000 passages
        } | self.options
        words = [f"-D {shlex.quote(str(self.data))}"]
        words += [f"-c {name}={shlex.quote(value)}" for name, value in settings.items()]
        started = account.run(
            [programs / "pg_ctl", "-w", "-t", str(START_SECONDS), "-l", "server.log",
             "-o", " ".join(words), "start"],
            cwd=self.run_folder, env={"PGDATA": str(self.data)},
        )  # fmt: skip
        if started.returncode and not self._postmaster_lives():  # of a start that was killed
            log = self.run_folder / "server.log"
            tail = log.read_text(errors="replace")[-1000:] if log.exists() else started.stdout
            raise StoreUnavailableError(f"PostgreSQL did not start on {self.data}:\n{tail}")

    def _answer(self) -> str | None:
        """None when a connection works, else why it does not."""
        try:
            psycopg.connect(self.url, connect_timeout=3).close()
        except psycopg.OperationalError as error:
            return str(error)
        return None

    def _lock_files(self) -> tuple[Path, ...]:
        return self.data / "postmaster.pid", self.socket_folder / f".s.PGSQL.{PORT}.lock"

    def _postmaster_lives(self) -> bool:
        """Whether the pid file names a live server of this very data folder."""
        try:
            first = self._lock_files()[0].read_text().split("\n")[0]
            process = psutil.Process(int(first))
            zombie = process.status() == psutil.STATUS_ZOMBIE
            return not zombie and str(self.data) in process.cmdline()
        except (OSError, ValueError, psutil.Error):
            return False

    def _disown_stale_locks(self) -> None:
        """Replace the pid in a left-over lock file by one that surely is no process.

        The file itself stays, so that the server still checks the shared memory it names for
        backends that outlived their postmaster.
        """
        for path in self._lock_files():
            if path.exists():
                _, *rest = path.read_text().split("\n")
                path.write_text("\n".join([str(NO_PROCESS), *rest]))

    def _leave(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None


def _identity(account: Account) -> tuple[int, int] | None:
    return (account.uid, account.gid) if account.lowered else None
