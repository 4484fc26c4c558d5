"""Who stops the server: the last user out, however it left.

Every process that uses the server holds a shared lock on one file, which the kernel frees even
on kill -9. Whoever can take that lock alone, under the start lock, may stop the server: the last
user when it closes, or this script, which watches in the background for the case that nobody did.
Run as a script it must import nothing but the standard library.
"""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

POLL_SECONDS = 1.0


def make_locks(root: Path) -> None:
    """Make the lock files; nothing else does, so that a removed folder stays removed."""
    for name in ("start.lock", "users.lock", "keeper.lock"):
        (root / name).touch()


@contextmanager
def starting(root: Path) -> Iterator[None]:
    """Hold off every other process that wants to start or stop the server of `root`."""
    with (root / "start.lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def join_users(root: Path) -> IO[str]:
    """Become a user of the server, until the returned file is closed or we die."""
    users = (root / "users.lock").open("r+")
    fcntl.flock(users, fcntl.LOCK_SH)
    return users


def nobody_uses(root: Path) -> bool:
    """Whether no process is a user right now (to be asked under `starting`)."""
    with (root / "users.lock").open("r+") as users:
        return _take(users)


def stop(pg_ctl: Path, data: Path, identity: tuple[int, int] | None) -> None:
    """Stop the server of `data`, if it runs, and wait for it."""
    lowered = {} if identity is None else {"user": identity[0], "group": identity[1]}
    subprocess.run(
        [pg_ctl, "-D", data, "-m", "fast", "-w", "stop"],
        cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, **lowered,
    )  # type: ignore[call-overload]  # fmt: skip


def watch(root: Path, pg_ctl: Path, data: Path, identity: tuple[int, int] | None) -> None:
    """Start this script in the background, unless one is at work; it takes our lock with it."""
    with (root / "keeper.lock").open("r+") as lock:
        if not _take(lock):
            return
        ids = [str(i) for i in identity or ()]
        subprocess.run(
            [sys.executable, "-I", __file__, root, pg_ctl, data, str(lock.fileno()), *ids],
            pass_fds=[lock.fileno()], cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _keep(root: Path, pg_ctl: Path, data: Path, held: int, *ids: int) -> None:
    while True:
        # Polled: a waiting lock would be granted in the moment in which the last user closes,
        # who would take us for another user and not stop the server.
        time.sleep(POLL_SECONDS)
        with starting(root):
            if nobody_uses(root):
                if (data / "postmaster.pid").exists():
                    stop(pg_ctl, data, (ids[0], ids[1]) if ids else None)
                os.close(held)  # still under `starting`: the next start launches a new keeper
                return


def main() -> None:
    if os.fork():
        return  # whoever started us need not wait for, nor reap, the one that stays
    root, pg_ctl, data, held, *ids = sys.argv[1:]
    with suppress(FileNotFoundError):  # the folder was removed
        _keep(Path(root), Path(pg_ctl), Path(data), int(held), *(int(i) for i in ids))


if __name__ == "__main__":
    main()
