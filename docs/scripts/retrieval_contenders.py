"""Who is asked in `bench_retrieval.py`, each with its way to load and to search.

Every search takes the number of a query and returns the ids found, best first.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bm25s
import hnswlib
import numpy as np
import psutil
import Stemmer

from tools.ingest.indexing import index_due
from tools.ingest.report import never, silent
from tools.library import EVERYTHING, Article, ArticleFilter, Passage
from tools.literature_search import literature_search
from tools.reranking import LinearReranker
from tools.store import Store
from tools.store.connection import EF
from tools.store.index_building import EF_CONSTRUCTION, M

LINKS, EFFORT = M, EF_CONSTRUCTION  # HNSW's, everybody's
ENCODER = "lsa"
FILTERS = {"1%": ArticleFilter(journals=("Journal 7",)), "20%": ArticleFilter(year_from=2015)}
PEER_RUNS = (
    "dense, k 10", "dense, k 100", "dense, k 10, 1%", "dense, k 10, 20%", "hybrid, depth 10",
    "hybrid, depth 100",
)  # fmt: skip
SIZED = {  # relations, by what they are called on the page
    "our vector index": "passage_embeddings_1_halfvec", "our postings": "postings",
    "PGVectorStore's vector index": "data_bench_embedding_idx",
    "its index of words": "bench_idx",
}  # fmt: skip
Search = Callable[[int], Sequence[int]]


@dataclass
class Asked:
    """What the queries of a run took and found."""

    seconds: list[float] = field(default_factory=list)
    found: list[list[int]] = field(default_factory=list)
    client: float = 0.0  # CPU seconds
    server: float = 0.0

    def recall(self, truth: np.ndarray) -> float:
        """Of the 10 that an exact search finds."""
        hits = [len(set(f[:10]) & set(t)) for f, t in zip(self.found, truth.tolist(), strict=True)]
        return float(np.mean(hits)) / 10

    def figures(self) -> dict[str, float]:
        """Milliseconds a query."""
        p50, p95 = np.percentile(self.seconds, (50, 95)) * 1000
        count = len(self.seconds) / 1000
        return {
            "p50": p50,
            "p95": p95,
            "client": self.client / count,
            "server": self.server / count,
        }


class ServerCpu:
    """CPU seconds of a Postgres server and all its processes that live."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = psutil.Process(postmaster)

    def seconds(self) -> float:
        total = 0.0
        for process in (self._postmaster, *self._postmaster.children()):
            used = process.cpu_times()
            total += used.user + used.system
        return total


@dataclass(frozen=True)
class Data:
    """The passages by rising id, with their vectors, and the queries."""

    ids: np.ndarray
    texts: Sequence[str]
    vectors: np.ndarray
    queries: Sequence[str]
    query_vectors: np.ndarray

    def truth(self, allowed: np.ndarray | None = None) -> np.ndarray:
        """The ids of the 10 nearest to each query, by comparing all."""
        similar = self.query_vectors @ self.vectors.T
        if allowed is not None:
            similar[:, ~allowed] = -2
        return self.ids[np.argsort(-similar, axis=1)[:, :10]]


def years_and_journals(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the articles with these numbers; evenly spread, so that the filters keep 20% and 1%."""
    return 1975 + ids % 50, ids % 100


def load_ours(store: Store, texts: Sequence[str], vectors: np.ndarray) -> dict[str, float]:
    """Fill the library as an ingest does; seconds by step."""
    took = {}
    with timed(took, "articles"):
        for start in range(0, len(texts), 2_000):
            end = min(start + 2_000, len(texts))
            store.add_articles([_article(n, texts[n]) for n in range(start, end)])
            store.merge_lexical_index()
    with timed(took, "vectors"):
        numbers = numbers_of(store)
        for start in range(0, len(texts), 5_000):
            ids = sorted(numbers)[start : start + 5_000]
            store.add_passage_embeddings(ENCODER, ids, vectors[[numbers[i] for i in ids]])
        store.refresh_statistics()
    with timed(took, "index"):
        index_due(store, silent, never)
    return took


def numbers_of(store: Store) -> dict[int, int]:
    """The number of each passage's text, by the passage's id."""
    return {i: int(name.rpartition(":")[2]) for i, name in store.passage_sources().items()}


def _article(number: int, text: str) -> Article:
    year, journal = years_and_journals(np.array(number))
    return Article(
        source_id=f"made:{number}", corpus="made", year=int(year), journal=f"Journal {journal}",
        passages=(Passage(section="abstract", text=text),),
    )  # fmt: skip


@contextmanager
def timed(took: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    took[name] = time.perf_counter() - began
    print(f"{name}: {took[name]:.1f} s", file=sys.stderr)


class Known:
    """An encoder whose vectors are known: its own time is not what is measured here."""

    name, dimension, normalised = ENCODER, 384, True

    def __init__(self, data: Data) -> None:
        self._vectors = dict(zip(data.queries, data.query_vectors, strict=True))

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self._vectors[text] for text in texts])

    encode_passages = encode_queries


def ours(store: Store, data: Data) -> dict[str, Search]:
    """The store's two legs and the whole search, by run."""
    encoder = Known(data)

    def nearest(k: int, filters: ArticleFilter = EVERYTHING) -> Search:
        return lambda n: [
            hit.passage_id
            for hit in store.nearest_passages(ENCODER, data.query_vectors[n], k, filters)
        ]

    def dense(k: int, filters: ArticleFilter = EVERYTHING) -> Search:
        """With the texts, as PGVectorStore gives them."""
        by_ids = nearest(k, filters)

        def search(n: int) -> Sequence[int]:
            found = by_ids(n)
            store.evidence(dict.fromkeys(found, 0.0))
            return found

        return search

    def words(n: int) -> list[int]:
        return [hit.passage_id for hit in store.lexical_passages(data.queries[n], 100)]

    def hybrid(n: int) -> list[int]:
        literature_search(data.queries[n], encoder, store, 10)
        return []

    def reranked(n: int) -> list[int]:
        literature_search(data.queries[n], encoder, store, 10, reranker=LinearReranker(store))
        return []

    runs: dict[str, Search] = {f"ids alone, k {k}": nearest(k) for k in (10, 100)}
    runs |= {f"dense, k {k}": dense(k) for k in (10, 100)}
    runs |= {f"dense, k 10, {name}": dense(10, filters) for name, filters in FILTERS.items()}
    hybrids = {"hybrid, depth 100": hybrid, "hybrid, ranked again": reranked}
    return runs | {"words, k 100": words} | hybrids


def load_hnswlib(data: Data) -> hnswlib.Index:
    index = hnswlib.Index("cosine", data.vectors.shape[1])
    index.init_index(len(data.ids), M=LINKS, ef_construction=EFFORT, random_seed=0)
    index.add_items(data.vectors, data.ids)
    index.set_num_threads(1)
    return index


def of_hnswlib(index: hnswlib.Index, data: Data) -> dict[str, Search]:
    def dense(k: int, ef: int) -> Search:
        def search(n: int) -> list[int]:
            index.set_ef(ef)
            return [int(i) for i in index.knn_query(data.query_vectors[n], k)[0][0]]

        return search

    return {"ids alone, k 10": dense(10, EF), "ids alone, k 100": dense(100, 200)}


def of_bm25s(data: Data) -> dict[str, Search]:
    stemmer = Stemmer.Stemmer("english")

    def tokens(texts: Sequence[str]) -> Any:
        return bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)

    index = bm25s.BM25(k1=1.2, b=0.75)
    index.index(tokens(data.texts), show_progress=False)

    def words(n: int) -> list[int]:
        found, _ = index.retrieve(tokens([data.queries[n]]), k=100, show_progress=False)
        return [int(data.ids[i]) for i in found[0]]

    return {"words, k 100": words}


class PGVectorStore:
    """LlamaIndex's store, in a process with the packages that it needs."""

    def __init__(self, peers: Path, url: str, folder: Path, data: Data) -> None:
        np.save(folder / "queries.npy", data.query_vectors)
        (folder / "queries.json").write_text(json.dumps(list(data.queries)), "utf-8")
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("pgvectorstore.py"), url, folder],
            env=os.environ | {"PYTHONPATH": f"{peers}:{Path(__file__).parents[2]}"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.took: Mapping[str, float] = self._read()

    def ask(self, run: str, numbers: Sequence[int]) -> Asked:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"run": run, "numbers": list(numbers)}) + "\n")
        self._process.stdin.flush()
        return Asked(**self._read())

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            sys.exit("The process of PGVectorStore ended; its words are above.")
        read: dict[str, Any] = json.loads(line)
        return read


def sizes(store: Store) -> dict[str, int]:
    """Of the indexes, in bytes."""
    with store.reading() as connection:
        rows = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relname = ANY (%s)",
            (list(SIZED.values()),),
        )
        found = dict(rows.fetchall())
    return {name: found[relation] for name, relation in SIZED.items() if relation in found}


def ask(search: Search, numbers: Sequence[int]) -> Asked:
    """Ask in this process."""
    asked = Asked()
    began = time.process_time()
    for number in numbers:
        start = time.perf_counter()
        found = search(number)
        asked.seconds.append(time.perf_counter() - start)
        asked.found.append(list(found))
    asked.client = time.process_time() - began
    return asked
