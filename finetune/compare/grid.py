"""The grid, cell by cell: those that are kept are skipped, one that fails does not stop the rest.

Each cell runs in a process of its own, so its peak memory is its own and a crash is only its own.
"""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TextIO

import click

from finetune.compare.cell import run_cell
from finetune.compare.cells import DONE, FAILED, Cell, Told, keep, kept
from finetune.compare.config import CompareConfig
from tools.errors import BadInputError, Cancelled, CytoscribeError

Run = Callable[[Cell, CompareConfig, Path], Told]
Say = Callable[[str], None]
GRID, STOPPED = "grid.json", 130  # a file; an exit code


def run_grid(
    cells: Sequence[Cell], config: CompareConfig, out: Path, run: Run, say: Say
) -> list[Told]:
    """Every cell, done or failed, in order.

    Raises:
        BadInputError: `out` holds another comparison.
        Cancelled: stopped by Ctrl-C; what is done is kept.
    """
    _claim(config, out)
    found = {cell: kept(cell, out) for cell in cells}
    left = [cell for cell, told in found.items() if told is None or told["status"] != DONE]
    began = time.monotonic()
    for number, cell in enumerate(left):
        say(f"[{number + 1}/{len(left)}] {cell.name}{_time_left(began, number, len(left))}")
        told = found[cell] = _run(cell, config, out, run)
        keep(cell, out, told)
        if told["status"] == FAILED:
            say(f"  failed: {told['error']}")
    return [told for told in found.values() if told]


def _time_left(began: float, done: int, number: int) -> str:
    if not done:
        return ""
    seconds = (time.monotonic() - began) / done * (number - done)
    return f" (about {max(1, round(seconds / 60))} min left)"


def in_process(say: Say) -> Run:
    """Run a cell here."""
    return lambda cell, config, out: run_cell(cell, config, out, say)


def in_child(cell: Cell, config: CompareConfig, out: Path) -> Told:
    """Run a cell in a process of its own, which writes what it does into logs/; Ctrl-C ends both.

    Raises ChildError where it ends without an answer, and Cancelled where it was stopped.
    """
    log = cell.file(out).parent.parent / "logs" / f"{cell.file(out).stem}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, log.open("w", encoding="utf-8") as words:
        asked, answer = Path(folder, "cell.json"), Path(folder, "told.json")
        asked.write_text(json.dumps([asdict(cell), config.model_dump(mode="json")]), "utf-8")
        arguments = [sys.executable, "-m", __name__, str(asked), str(answer), str(out)]
        code = run_child(arguments, stderr=words)
        if code == STOPPED:
            raise Cancelled(f"{cell.name} was stopped")
        if not answer.exists():
            raise ChildError(code, log)
        told: Told = json.loads(answer.read_text("utf-8"))
    return told


def run_child(
    arguments: Sequence[str], *, stdout: TextIO | None = None, stderr: TextIO | None = None
) -> int:
    """Its exit code; what stops this process (SIGTERM too) stops the child first, which is saved.

    SIGTERM comes as KeyboardInterrupt.
    """
    started = partial(subprocess.Popen, arguments, stdout=stdout, stderr=stderr)
    with _terminated_as_interrupted(), started() as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.terminate()
            child.wait()  # it saves first
            raise


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which alone takes signals
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class ChildError(CytoscribeError):
    """A cell's process ended without an answer: killed, out of memory, or a bug of ours."""

    def __init__(self, code: int, log: Path) -> None:
        said = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
        last = said[-1] if said else "it said nothing"
        super().__init__(f"its process ended with {code}: {last} (all of it: {log})")


def _run(cell: Cell, config: CompareConfig, out: Path, run: Run) -> Told:
    try:
        return run(cell, config, out)
    except Cancelled:
        raise
    except (CytoscribeError, MemoryError) as error:
        return {"status": FAILED, **asdict(cell), "error": f"{type(error).__name__}: {error}"}


def _claim(config: CompareConfig, out: Path) -> None:
    """Cells of different comparisons must not mix; more models, methods and datasets may come."""
    file = out / GRID
    mine = config.model_dump(mode="json")
    if file.is_file():
        theirs = json.loads(file.read_text("utf-8"))
        changed = [key for key in mine if _clash(mine[key], theirs.get(key, mine[key]))]
        if changed:
            raise BadInputError(
                f"{out} holds a comparison with another {', '.join(changed)}; give another --out"
            )
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(mine, indent=1) + "\n", "utf-8")


def _clash(mine: object, theirs: object) -> bool:
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return any(mine[key] != theirs[key] for key in mine.keys() & theirs.keys())
    return not isinstance(mine, list) and mine != theirs


def _child(asked: Path, answer: Path, out: Path) -> None:
    values, config = json.loads(asked.read_text("utf-8"))
    try:
        run = in_process(partial(click.echo, err=True))
        told = _run(Cell(**values), CompareConfig.model_validate(config), out, run)
    except (KeyboardInterrupt, Cancelled):
        sys.exit(STOPPED)
    answer.write_text(json.dumps(told), "utf-8")


if __name__ == "__main__":
    _child(*map(Path, sys.argv[1:]))
