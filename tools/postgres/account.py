"""The account the server runs under: ours, or an unprivileged one when we are root.

PostgreSQL refuses to run as root. No account is made and no existing folder's mode is changed.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.errors import StoreUnavailableError

UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """User and group ids; `lowered` when they are not our own."""

    uid: int
    gid: int
    lowered: bool

    def run(
        self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end in its own session (a Ctrl-C of ours does not reach it).

        The output goes through a file: a daemon that keeps a pipe open would hold us up.
        """
        log = cwd / "command.log"
        with log.open("w+") as output:
            ended = subprocess.run(
                [str(part) for part in command],
                cwd=cwd, env=environment() | dict(env or {}), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True, **self._identity(),
            )  # fmt: skip
        return subprocess.CompletedProcess(ended.args, ended.returncode, log.read_text())

    def can_run(self, program: Path) -> bool:
        """Whether the account may read and execute `program`."""
        try:
            subprocess.run([program, "--version"], check=True, cwd="/", env=environment(),
                           capture_output=True, **self._identity())  # fmt: skip
        except (PermissionError, subprocess.CalledProcessError):
            return False
        return True

    def can_enter(self, folder: Path) -> bool:
        """Whether the account may reach what lies in `folder`."""
        command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)]
        return subprocess.run(command, capture_output=True, **self._identity()).returncode == 0

    def own(self, folder: Path) -> None:
        """Make `folder` (0700) and give it to the account; refuse one that is a stranger's."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in (self.uid, os.geteuid()):
            raise StoreUnavailableError(
                f"{folder} belongs to another user; remove it or set CYTOSCRIBE_DATA_DIR"
            )
        folder.chmod(0o700)
        if self.lowered:
            os.chown(folder, self.uid, self.gid)

    def _identity(self) -> dict[str, Any]:
        if not self.lowered:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def environment() -> dict[str, str]:
    """Our environment without libpq's variables (PGPORT, PGDATA would change the server)."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PG")}


def server_account() -> Account:
    """Our own account, or as root the first unprivileged one that exists."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), lowered=False)
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, lowered=True)
    raise StoreUnavailableError(
        f"PostgreSQL does not run as root and none of the users {', '.join(UNPRIVILEGED)} exists; "
        "run as an ordinary user or set CYTOSCRIBE_DATABASE_URL"
    )
