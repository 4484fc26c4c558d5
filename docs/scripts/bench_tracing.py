"""Make docs/benchmarks/tracing.md: what tracing costs a turn while its server is dead; the exit.

    python docs/scripts/bench_tracing.py [--turns 40] [--keep DIR] [--out FILE]

One process for each case below, on one database, with the lite checkpoint and the starter library.
Each round asks every process the same question about an image that is new to it, one process after
the other in random order. Compared are the pairs of one round: CPU seconds of the process, because
other programs on the machine change the wall time far more than tracing does, and wall seconds.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from langfuse_recorder import langfuse_recorder  # noqa: E402

from agent import build, tracing  # noqa: E402
from agent.machine import machine  # noqa: E402
from agent.settings import load_settings  # noqa: E402
from agent.tracing import NoTracer  # noqa: E402
from tools import simulate  # noqa: E402
from tools.postgres import EmbeddedPostgres  # noqa: E402

QUESTION = (
    "What cell is this, what do similar cases show, and what does the literature say about its"
    " nucleus?"
)
CASES = {
    "off": "no tracing: no Langfuse keys, nothing recorded",
    "kept": "no Langfuse keys; as the program runs by default",
    "refusing": "Langfuse's port refuses connections",
    "hanging": "Langfuse takes connections and never answers",
    "wrong keys": "Langfuse answers 401",
}
WARM_UP = 3  # turns that do not count


@dataclass
class Case:
    """A process that answers, and what its turns took."""

    name: str
    process: "subprocess.Popen[str]"
    cpu: list[float] = field(default_factory=list)  # seconds a turn
    wall: list[float] = field(default_factory=list)
    exit_seconds: float = 0.0

    def ask(self, seed: int) -> None:
        told = self._say(str(seed))
        self.cpu.append(told["cpu"])
        self.wall.append(told["wall"])

    def ready(self) -> None:
        self._read()

    def end(self) -> None:
        began = time.monotonic()
        pipe(self.process.stdin).close()
        self.process.wait()
        self.exit_seconds = time.monotonic() - began

    def _say(self, line: str) -> dict[str, float]:
        stdin = pipe(self.process.stdin)
        stdin.write(line + "\n")
        stdin.flush()
        return self._read()

    def _read(self) -> dict[str, float]:
        line = pipe(self.process.stdout).readline()
        if not line:
            sys.exit(f"The process of {self.name!r} ended; its words are above.")
        read: dict[str, float] = json.loads(line)
        return read


def pipe(one: TextIO | Any) -> TextIO:
    assert one is not None
    return one  # type: ignore[no-any-return]


def serve(case: str) -> None:
    """Answer a turn for each line of stdin, a seed; print its seconds."""
    if case == "off":
        tracing.open_tracing = lambda *_, **__: NoTracer()
    with build.open_assistant(load_settings()) as assistant:
        print("{}", flush=True)
        for line in sys.stdin:
            turn = assistant.new_turn(line, QUESTION, [cell(int(line))])
            wall, cpu = time.perf_counter(), time.process_time()
            assistant.ask(turn)
            took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
            print(json.dumps(took), flush=True)


def cell(seed: int) -> bytes:
    """A drawn cell as PNG."""
    file = BytesIO()
    Image.fromarray(simulate.draw("cell", seed).pixels).save(file, "PNG")
    return file.getvalue()


@contextmanager
def cases(database: str, folder: Path) -> Iterator[dict[str, Case]]:
    """The processes, ready to answer; the first fills the library for all."""
    with ExitStack() as stack:
        hanging = stack.enter_context(langfuse_recorder("hang")).url
        refused = stack.enter_context(langfuse_recorder("keys")).url
        urls = {"refusing": "http://127.0.0.1:9", "hanging": hanging, "wrong keys": refused}
        started = {}
        for name in CASES:
            keys = {"LANGFUSE_PUBLIC_KEY": "pk", "LANGFUSE_SECRET_KEY": "sk"}
            langfuse = {**keys, "LANGFUSE_BASE_URL": urls[name]} if name in urls else {}
            process = subprocess.Popen(
                [sys.executable, __file__, "--serve", name],
                env=os.environ
                | {"CYTOSCRIBE_DATABASE_URL": database, "CYTOSCRIBE_DATA_DIR": str(folder)}
                | {"OMP_NUM_THREADS": "1", **langfuse},
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            stack.callback(process.kill)
            started[name] = Case(name, process)
            if name == "off":
                started[name].ready()
        for name in list(CASES)[1:]:
            started[name].ready()
        yield started


def run(turns: int, folder: Path) -> dict[str, Case]:
    with EmbeddedPostgres(folder / "postgres") as server, cases(server.url, folder) as found:
        for seed in range(turns + WARM_UP):
            for case in random.Random(seed).sample(list(found.values()), len(found)):
                case.ask(1000 + seed)
            print(f"{seed + 1}/{turns + WARM_UP} turns", end="\r", file=sys.stderr)
        for case in found.values():
            case.end()
        return found


@contextmanager
def data_folder(chosen: Path | None) -> Iterator[Path]:
    """The folder chosen, or a new one for this run alone."""
    if chosen:
        yield chosen.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="cyto-") as name:
        Path(name).chmod(0o755)  # the server may run as another user
        yield Path(name)


def against(base: Sequence[float], other: Sequence[float]) -> str:
    """Median of the paired differences in % of the base's median, with a 95% interval."""
    first, second = np.array(base[WARM_UP:]), np.array(other[WARM_UP:])
    change = (second - first) / np.median(first) * 100
    drawn = np.random.default_rng(0).choice(change, (4000, len(change)))
    low, high = np.percentile(np.median(drawn, axis=1), (2.5, 97.5))
    return f"{np.median(change):+.1f}% ({low:+.1f} to {high:+.1f})"


def table(found: dict[str, Case]) -> Iterator[str]:
    off = found["off"]
    yield "| case | CPU ms a turn | CPU against off | wall ms a turn | wall against off | exit s |"
    yield "|---|---|---|---|---|---|"
    for case in found.values():
        cpu, wall = (1000 * np.median(s[WARM_UP:]) for s in (case.cpu, case.wall))
        changes = [against(off.cpu, case.cpu), against(off.wall, case.wall)]
        if case is off:
            changes = ["", ""]
        yield (
            f"| {case.name} | {cpu:.0f} | {changes[0]} | {wall:.0f} | {changes[1]} "
            f"| {case.exit_seconds:.1f} |"
        )


def page(found: dict[str, Case], turns: int) -> str:
    meanings = "\n".join(f"- {name}: {meaning}" for name, meaning in CASES.items())
    lines = "\n".join(table(found))
    load = os.getloadavg()[2]
    return f"""# What tracing costs a turn

```
python docs/scripts/bench_tracing.py --turns {turns}
```

{date.today()}; {machine("cpu")}; load of the machine at the end {load:.1f} (15 minutes), one thread
a process. {turns} turns a case with an image each, after {WARM_UP} that do not count, the cases in
random order within a round.

{meanings}

{lines}

Against off: median of the differences within a round, in % of the median of off, with a 95%
bootstrap interval. CPU is that of the whole process while the turn runs, with what background
threads do in that time. Exit is from the end of input to the end of the process. Other programs
on the machine stretch it: what it exceeds that of off by is the part of tracing.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/tracing.md")
    parser.add_argument("--keep", type=Path, help="folder to keep the library in, for the next run")
    parser.add_argument("--serve", choices=CASES, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        return serve(chosen.serve)
    with data_folder(chosen.keep) as folder:
        found = run(chosen.turns, folder)
    chosen.out.write_text(page(found, chosen.turns), "utf-8")
    print("\n".join(table(found)))
    return None


if __name__ == "__main__":
    main()
