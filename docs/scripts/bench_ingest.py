"""Measure the ingest of literature: its rate beside the encoder alone, kill -9s, memory.

    python docs/scripts/bench_ingest.py DATA [--parts rate,constant,real] [--keep DIR]

Writes docs/benchmarks/ingest.json, ingest.md and ingest-memory.svg; a part that is not run keeps
its last figures. The abstracts are those of the literature below DATA, made as many as wanted:
a copy begins at another sentence, and every title carries a number, so that no two texts are alike.
They are written as PubMed's baseline files are, 30,000 citations each.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(Path(__file__).parent)]

from ingest_page import write_page  # noqa: E402
from ingest_process import encoder, worker  # noqa: E402
from pubmed_files import citation, write  # noqa: E402

from agent.machine import machine  # noqa: E402
from tools.ingest import ingest_literature  # noqa: E402
from tools.ingest.literature import find_sources, ingest_sources  # noqa: E402
from tools.ingest.passages import sentences  # noqa: E402
from tools.ingest.workers import WorkerProcesses  # noqa: E402
from tools.library import Article  # noqa: E402
from tools.postgres import EmbeddedPostgres  # noqa: E402
from tools.store import Store  # noqa: E402

PROCESS = Path(__file__).with_name("ingest_process.py")
A_FILE = 30_000  # citations, as in PubMed's
KILLS = ((0.2, "the reader and its workers"), (0.45, "a worker"), (0.7, "the server"))
EVERY = 1.0  # seconds between two looks


def abstracts(data: Path) -> Iterator[str]:
    """Citations without end."""
    texts = []
    for source in find_sources(data):
        for window, _ in source.windows():
            for article in (one for one in window if isinstance(one, Article)):
                whole = " ".join(passage.text for passage in article.passages)
                texts.append((article.title, list(sentences(whole))))
    number = 0
    while True:
        for title, parts in texts:
            start = number // len(texts) % len(parts)
            text = " ".join(parts[start:] + parts[:start])
            number += 1
            yield citation(number, escape(text), title=escape(f"{title} ({number})"))


def baseline(
    folder: Path, citations: Iterator[str], number: int, a_file: int = A_FILE
) -> list[Path]:
    folder.mkdir(parents=True)
    files = []
    for at in range(0, number, a_file):
        path = folder / f"pubmed24n{len(files) + 1:04}.xml.gz"
        files.append(write(path, islice(citations, min(a_file, number - at)), md5=True))
    return files


@contextmanager
def database(folder: Path) -> Iterator[tuple[EmbeddedPostgres, Store]]:
    """An empty library on a server of its own, as durable as by default."""
    with EmbeddedPostgres(folder / "postgres") as server, Store(server.url) as store:
        store.migrate()
        yield server, store


def postmaster(folder: Path) -> psutil.Process:
    lines = (folder / "postgres/data/postmaster.pid").read_text().splitlines()
    return psutil.Process(int(lines[0]))


def processor_time(*roots: psutil.Process) -> float:
    """Seconds of these processes and what they started, those that have ended among them."""
    total = 0.0
    for root in roots:
        for process in (root, *root.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system
            if process is root:
                total += times.children_user + times.children_system
    return total


def measure_rate(data: Path, folder: Path, number: int, slices: int) -> dict[str, Any]:
    """Slice by slice, so that what else the machine does meets all alike."""
    files = baseline(folder / "files", abstracts(data), number, number // slices)
    warm_up = baseline(folder / "warm", islice(abstracts(data), A_FILE, None), 64)
    made = encoder("minilm")
    told: dict[str, list[float]] = {}

    def note(way: str, began: tuple[float, float], *servers: psutil.Process) -> None:
        told.setdefault(way, [0.0, 0.0])
        told[way][0] += time.monotonic() - began[0]
        told[way][1] += processor_time(psutil.Process(), *servers) - began[1]

    def now(*servers: psutil.Process) -> tuple[float, float]:
        return time.monotonic(), processor_time(psutil.Process(), *servers)

    def alone(texts: Sequence[str]) -> None:
        began = now()
        made.encode_passages(texts)
        note("encoder alone", began)

    with database(folder / "here") as (_, store), database(folder / "beside") as (server, other):
        ingest_literature(warm_up[0], store=store, encoder=made)
        ours, theirs = postmaster(folder / "here"), postmaster(folder / "beside")
        command = worker("minilm", server.url)
        with WorkerProcesses(other, command, 1) as workers, other.filling():
            ingest_sources(find_sources(warm_up[0]), "warm up", other, workers)
            last = _last(store)
            for file in files:
                began = now(ours)
                ingest_literature(file, store=store, encoder=made)
                note("in one process", began, ours)
                texts = _texts(store, last)
                last = _last(store)
                alone(texts)
                began = now(theirs)
                ingest_sources(find_sources(file), str(file), other, workers)
                note("a worker beside the reader", began, theirs)
        passages = store.counts()["passages"]
    return {
        "abstracts": number, "passages": passages, "slices": slices,
        "threads": int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)),
        "load": os.getloadavg()[1], "ways": told,
    }  # fmt: skip


def _texts(store: Store, after: int) -> list[str]:
    return [text for _, text in store.passages_without_embedding("nobody", 10**6, after)]


def _last(store: Store) -> int:
    return max(store.passage_sources(), default=0)


class Run:
    """An ingest that is killed and started again until it ends well."""

    def __init__(
        self, name: str, files: Sequence[Path], folder: Path, store: Store, url: str
    ) -> None:
        self.command = [sys.executable, PROCESS, "read", name, url, "1", *files]
        self.folder, self.store = folder, store
        self.points: list[tuple[int, float, float]] = []  # passages, MB of the reader, of a worker
        self.start()

    def start(self) -> None:
        self.reader = subprocess.Popen([*map(str, self.command)], stderr=subprocess.DEVNULL)

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.reader.pid).children() if self.reader.poll() is None else []

    def embedded(self) -> int:
        with self.store.transaction() as connection:
            row = connection.execute("SELECT count(*) FROM passages").fetchone()
        assert row is not None
        return int(row[0]) - self.store.waiting_passages()

    def look(self) -> int:
        done = self.embedded()
        try:
            reader = psutil.Process(self.reader.pid).memory_info().rss / 2**20
            worker_ = max((w.memory_info().rss for w in self.workers()), default=0) / 2**20
            self.points.append((done, reader, worker_))
        except psutil.NoSuchProcess:
            pass
        return done

    def kill(self, whom: str) -> None:
        victims = self.workers()
        if whom == "the server":
            server = postmaster(self.folder)
            victims = [server, *server.children(recursive=True)]
        if whom == "the reader and its workers":
            self.reader.kill()
            self.reader.wait()
        for victim in victims:
            victim.kill()
        psutil.wait_procs(victims, timeout=20)


def measure_kills(name: str, data: Path, folder: Path, number: int) -> dict[str, Any]:
    files = baseline(folder / "files", abstracts(data), number)
    with database(folder) as (server, store):
        began = time.monotonic()
        run = Run(name, files, folder, store, server.url)
        kills = list(KILLS)
        while True:
            time.sleep(EVERY)
            done = run.look()
            if kills and done >= kills[0][0] * number:
                whom = kills.pop(0)[1]
                print(f"{done:,} passages embedded: kill -9 of {whom}", flush=True)
                run.kill(whom)
                server.start()
            code = run.reader.poll()
            if code == 0:
                break
            if code is not None:
                run.start()
        seconds = time.monotonic() - began
        result = _counts(store) | {"seconds": seconds, "points": _thinned(run.points)}
    return {"abstracts": number, "kills": [whom for _, whom in KILLS], **result}


def _counts(store: Store) -> dict[str, int]:
    """What must be equal, counted by id as well as by row."""
    with store.transaction() as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM articles), (SELECT count(DISTINCT pmid) FROM articles), "
            "(SELECT count(*) FROM passages), (SELECT count(*) FROM passage_embeddings), "
            "(SELECT count(DISTINCT passage_id) FROM passage_embeddings), "
            "(SELECT count(DISTINCT (article_id, position)) FROM passages), "
            "(SELECT count(*) FROM embedding_queue)"
        ).fetchone()
    names = ("articles", "pmids", "passages", "vectors", "embedded", "positions", "waiting")
    assert row is not None
    return dict(zip(names, map(int, row), strict=True))


def _thinned(points: Sequence[tuple[int, float, float]], most: int = 200) -> list[list[float]]:
    step = max(1, len(points) // most)
    return [[done, round(reader, 1), round(worker_, 1)] for done, reader, worker_ in points[::step]]


def _command(part: str, number: int) -> str:
    threads = os.environ.get("OMP_NUM_THREADS")
    set_first = f"OMP_NUM_THREADS={threads} " if threads else ""
    return f"{set_first}make bench-ingest DATA=DIR BENCH='--parts {part} --{part} {number}'"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--parts", default="rate,constant,real")
    parser.add_argument("--rate", type=int, default=900, help="abstracts of the part rate")
    parser.add_argument("--slices", type=int, default=3)
    parser.add_argument("--constant", type=int, default=200_000)
    parser.add_argument("--real", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks")
    given = parser.parse_args()
    kept = given.out / "ingest.json"
    told = json.loads(kept.read_text()) if kept.exists() else {}
    for part in given.parts.split(","):
        folder = Path(tempfile.mkdtemp(prefix="cyto-"))
        folder.chmod(0o755)
        try:
            if part == "rate":
                result = measure_rate(given.data, folder, given.rate, given.slices)
            else:
                name = "constant" if part == "constant" else "minilm"
                result = measure_kills(name, given.data, folder, getattr(given, part))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        told[part] = result | {"date": date.today().isoformat(), "machine": machine()}
        told[part]["command"] = _command(part, getattr(given, part))
        kept.write_text(json.dumps(told, indent=1) + "\n")
    write_page(told, given.out)


if __name__ == "__main__":
    main()
