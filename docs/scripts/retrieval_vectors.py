"""The larger half of `bench_retrieval.py`: synthetic vectors, our two indexes beside hnswlib."""

import time
from dataclasses import dataclass

import numpy as np
import psycopg
from psycopg.conninfo import make_conninfo
from retrieval_contenders import EFFORT, LINKS, ServerCpu, ask

from tools.store import Store
from tools.store.connection import EF

DIMENSION = 384
INNER = 32
CENTRES = 5_000
QUERIES = 200
PART = 20_000  # vectors made at once


@dataclass(frozen=True)
class Scaled:
    """An index of so many vectors, and what 10 nearest of it take."""

    name: str
    vectors: int
    build_seconds: float
    megabytes: float
    recall: float
    p50: float  # milliseconds
    p95: float
    client: float  # CPU milliseconds a query
    server: float


def scaled(url: str, count: int, cpu: ServerCpu) -> list[Scaled]:
    """Measure `count` vectors in a database of their own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE vectors")
    vectors = synthetic(count + QUERIES)
    vectors, queries = vectors[:count], vectors[count:]
    truth = nearest(vectors, queries)
    found = [of_hnswlib(vectors, queries, truth)]
    with Store(make_conninfo(url, dbname="vectors")) as store:
        store.migrate()
        fill(store, vectors)
        (served,) = store.served()
        for method in ("halfvec", "binary"):
            began = time.perf_counter()
            store.build_index(served, method)
            seconds = time.perf_counter() - began
            (served,) = store.served()
            found.append(of_ours(store, queries, truth, seconds, served.index_bytes, method, cpu))
    return found


def synthetic(count: int) -> np.ndarray:
    """Unit vectors, float32 (count, 384): as of texts, few directions tell most of them apart."""
    random = np.random.default_rng(0)
    directions = random.standard_normal((INNER, DIMENSION), np.float32)
    centres = random.standard_normal((CENTRES, INNER), np.float32)
    made = np.empty((count, DIMENSION), np.float32)
    for start in range(0, count, PART):
        part = made[start : start + PART]
        inner = centres[random.integers(CENTRES, size=len(part))]
        inner += 0.7 * random.standard_normal(inner.shape, np.float32)
        part[:] = inner @ directions
        part += random.standard_normal(part.shape, np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return made


def nearest(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The rows of the 10 nearest, by comparing all, from 1."""
    return np.stack([np.argpartition(-(vectors @ query), 10)[:10] + 1 for query in queries])


def fill(store: Store, vectors: np.ndarray) -> None:
    """Passages without text: only their vectors are searched."""
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO articles (source_id, title, mesh_terms, publication_types, retracted, "
            "corpus) SELECT 'made:' || n, '', '{}', '{}', false, 'made' "
            "FROM generate_series(1, %s) AS n",
            (len(vectors),),
        )
        connection.execute(
            "INSERT INTO passages (article_id, position, section, passage, quoted) "
            "SELECT article_id, 0, '', '', true FROM articles ORDER BY article_id"
        )
    for start in range(0, len(vectors), PART):
        part = vectors[start : start + PART]
        store.add_passage_embeddings("made", range(start + 1, start + 1 + len(part)), part)
    store.refresh_statistics()


def of_ours(
    store: Store, queries: np.ndarray, truth: np.ndarray, seconds: float, size: int, method: str,
    cpu: ServerCpu,
) -> Scaled:  # fmt: skip
    def search(n: int) -> list[int]:
        return [hit.passage_id for hit in store.nearest_passages("made", queries[n], 10)]

    ask(search, range(len(queries)))  # what is read once lies in memory afterwards
    before = cpu.seconds()
    asked = ask(search, range(len(queries)))
    asked.server = cpu.seconds() - before
    total = len(store.passage_sources())
    name = f"Cytoscribe, {method}"
    return Scaled(name, total, seconds, size / 1e6, asked.recall(truth), **asked.figures())


def of_hnswlib(vectors: np.ndarray, queries: np.ndarray, truth: np.ndarray) -> Scaled:
    import hnswlib

    index = hnswlib.Index("cosine", DIMENSION)
    began = time.perf_counter()
    index.init_index(len(vectors), M=LINKS, ef_construction=EFFORT, random_seed=0)
    index.add_items(vectors, np.arange(1, len(vectors) + 1))
    seconds = time.perf_counter() - began
    index.set_num_threads(1)
    index.set_ef(EF)

    def search(n: int) -> list[int]:
        return [int(i) for i in index.knn_query(queries[n], 10)[0][0]]

    ask(search, range(len(queries)))
    asked = ask(search, range(len(queries)))
    size = index.index_file_size() / 1e6
    return Scaled("hnswlib", len(vectors), seconds, size, asked.recall(truth), **asked.figures())
