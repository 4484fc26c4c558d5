"""Measure the search of a large library beside bm25s, hnswlib and LlamaIndex's PGVectorStore.

python docs/scripts/bench_retrieval.py CORPUS QUERIES [--passages N] [--vectors N] [--queries N]:
a corpus.jsonl and a queries.jsonl in BEIR's layout. All are asked the same queries over the same
texts and vectors in one run, in turns, so that whatever else the machine does meets all alike.
Writes speed.md, speed.json and speed.svg to docs/benchmarks/retrieval.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

import retrieval_contenders as contenders  # noqa: E402
from made_texts import MadeTexts  # noqa: E402
from retrieval_contenders import Asked, Data, ServerCpu, timed  # noqa: E402
from retrieval_page import page, picture  # noqa: E402
from retrieval_vectors import Scaled, scaled  # noqa: E402

from agent.machine import machine  # noqa: E402
from tools.postgres import EmbeddedPostgres  # noqa: E402
from tools.store import Store  # noqa: E402

ROUND = 50  # queries, then the next run has its turn
WARM = 10  # queries of a run before any counts
OPTIONS = {"autovacuum": "off", "shared_buffers": "2GB"}


@dataclass
class Measured:
    """A run of a contender, with what it took."""

    contender: str
    run: str
    asked: Asked = field(default_factory=Asked)
    recall: float | None = None


@dataclass(frozen=True)
class Result:
    """All that the page tells."""

    command: str
    day: str
    machine: str
    load: tuple[float, float, float]
    passages: int
    queries: int
    runs: list[dict[str, object]]
    took: dict[str, dict[str, float]]
    bytes: dict[str, int]
    scaled: list[Scaled]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("queries_file", type=Path)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--vectors", type=int, default=300_000, help="synthetic ones; 0: none")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv/peers", help="PGVectorStore's")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks/retrieval")
    given = parser.parse_args()
    result = run(given)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "speed.json").write_text(as_json(result), "utf-8")
    (given.out / "speed.md").write_text(page(json.loads(as_json(result))), "utf-8")
    picture(json.loads(as_json(result)), given.out / "speed.svg")
    print((given.out / "speed.md").read_text("utf-8"))


def as_json(result: Result) -> str:
    return json.dumps(result, default=lambda one: one.__dict__, indent=1) + "\n"


def run(given: argparse.Namespace) -> Result:
    load = os.getloadavg()
    with server() as (folder, url, cpu), Store(url) as store:
        store.migrate()
        data, took = loaded(given, store)
        measured, took["LlamaIndex PGVectorStore"], sizes = compared(
            given, store, url, folder, data, cpu, took
        )
        del data
        found = scaled(url, given.vectors, cpu) if given.vectors else []
    chosen = f"--passages {given.passages} --vectors {given.vectors} --queries {given.queries}"
    command = f"make bench-retrieval DATA=scifact BENCH='{chosen}'"
    rows = [as_row(one) for one in measured]
    return Result(
        command, str(date.today()), machine("cpu"), load, given.passages, given.queries, rows,
        took, sizes, found,
    )  # fmt: skip


@contextmanager
def server() -> Iterator[tuple[Path, str, ServerCpu]]:
    """The embedded server; nothing is vacuumed meanwhile, and both libraries fit its memory."""
    with tempfile.TemporaryDirectory(prefix="cyto-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server may run as another user
        with EmbeddedPostgres(folder / "postgres", OPTIONS) as embedded:
            pid = (embedded.data / "postmaster.pid").read_text("utf-8").split("\n", 1)[0]
            yield folder, embedded.url, ServerCpu(int(pid))


def loaded(given: argparse.Namespace, store: Store) -> tuple[Data, dict[str, dict[str, float]]]:
    """The passages in our library, and what loading took."""
    made = MadeTexts(abstracts(given.corpus), given.passages)
    queries = [row["text"] for row in rows_of(given.queries_file)][: given.queries]
    texts = made.passages
    vectors = made.encoder.encode_passages(texts)
    took = contenders.load_ours(store, texts, vectors)
    numbers = contenders.numbers_of(store)
    ids = np.array(sorted(numbers))
    order = [numbers[i] for i in ids.tolist()]
    known = made.encoder.encode_queries(queries)
    return Data(ids, [texts[n] for n in order], vectors[order], queries, known), {
        "Cytoscribe": took
    }


def compared(
    given: argparse.Namespace, store: Store, url: str, folder: Path, data: Data, cpu: ServerCpu,
    took: dict[str, dict[str, float]],
) -> tuple[list[Measured], dict[str, float], dict[str, int]]:  # fmt: skip
    with ExitStack() as stack:
        peer = contenders.PGVectorStore(given.peers, url, folder, data)
        stack.callback(peer.close)
        ways = {"Cytoscribe": contenders.ours(store, data)}
        hnswlib, bm25s = {}, {}
        with timed(hnswlib, "index"):
            ways["hnswlib"] = contenders.of_hnswlib(contenders.load_hnswlib(data), data)
        with timed(bm25s, "index"):
            ways["bm25s"] = contenders.of_bm25s(data)
        took |= {"hnswlib": hnswlib, "bm25s": bm25s}
        asks = {
            (name, one): (lambda numbers, search=search: contenders.ask(search, numbers))
            for name, searches in ways.items()
            for one, search in searches.items()
        } | {
            ("LlamaIndex PGVectorStore", one): (lambda numbers, one=one: peer.ask(one, numbers))
            for one in contenders.PEER_RUNS
        }
        measured = in_turns(asks, len(data.queries), cpu)
    judge(measured, data, contenders.numbers_of(store))
    return measured, dict(peer.took), contenders.sizes(store)


def in_turns(
    asks: dict[tuple[str, str], Callable[[Sequence[int]], Asked]], queries: int, cpu: ServerCpu
) -> list[Measured]:
    """Some queries of each run, then again, until each has had all."""
    measured = {key: Measured(*key) for key in asks}
    for key in asks:
        asks[key](range(WARM))
    for start in range(0, queries, ROUND):
        for key, ask in asks.items():
            before = cpu.seconds()
            answer = ask(range(start, min(start + ROUND, queries)))
            total = measured[key].asked
            total.server += cpu.seconds() - before
            total.client += answer.client
            total.seconds += answer.seconds
            total.found += answer.found
        print(f"{start + ROUND} of {queries} queries", end="\r", file=sys.stderr)
    return list(measured.values())


def judge(measured: Sequence[Measured], data: Data, numbers: dict[int, int]) -> None:
    """Recall of the vector searches against comparing all."""
    number = np.array([numbers[i] for i in data.ids.tolist()])
    years, journals = contenders.years_and_journals(number)
    truths = {
        "": data.truth(),
        ", 1%": data.truth(journals == 7),
        ", 20%": data.truth(years >= 2015),
    }
    for one in measured:
        if one.run.startswith(("dense", "ids alone")):
            key = one.run.partition(", k ")[2].removeprefix("100").removeprefix("10")
            one.recall = one.asked.recall(truths[key])


def as_row(one: Measured) -> dict[str, object]:
    recall = None if one.recall is None else round(one.recall, 4)
    figures = {name: round(value, 3) for name, value in one.asked.figures().items()}
    return {"contender": one.contender, "run": one.run, **figures, "recall": recall}


def abstracts(corpus: Path) -> list[str]:
    """Texts of a corpus in BEIR's or SciFact's own layout."""
    rows = rows_of(corpus)
    texts = (row["text"] if "text" in row else " ".join(row["abstract"]) for row in rows)
    return [text for text in texts if text.strip()]


def rows_of(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
