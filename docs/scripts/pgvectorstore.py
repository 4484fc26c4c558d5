"""LlamaIndex's PGVectorStore as a process, for the benchmark: `pgvectorstore.py URL FOLDER`.

Run by `bench_retrieval.py` with the packages that it needs before the project's own. The table, its
indexes and every query are PGVectorStore's; only its rows are written by SQL, in the form in which
its `add` writes them, from the passages and vectors that the library at URL holds. Lines of stdin
are runs, lines of stdout what they took.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import psycopg
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores.types import (
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)
from llama_index.core.vector_stores.utils import node_to_metadata_dict
from llama_index.vector_stores.postgres import PGVectorStore

ROWS = """
INSERT INTO data_bench (text, metadata_, node_id, embedding)
SELECT passage, replace(replace(replace(%s, '@id@', passage_id::text), '@journal@', journal),
    '123456789', year::text)::json, passage_id::text, embedding
FROM passages JOIN articles USING (article_id) JOIN passage_embeddings USING (passage_id)
"""


def opened(url: str, **more: Any) -> PGVectorStore:
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    where = f"{parts.netloc}{parts.path}?host={asked['host'][0]}&port={asked['port'][0]}"
    return PGVectorStore(
        connection_string=f"postgresql+psycopg2://{where}",
        async_connection_string=f"postgresql+asyncpg://{where}",
        table_name="bench", embed_dim=384, hybrid_search=True,
        indexed_metadata_keys={("journal", "text"), ("year", "int")},
        initialization_fail_on_error=True, **more,
    )  # fmt: skip


def load(url: str) -> dict[str, float]:
    """Its table and indexes; seconds by step. Load first and index after, as we do."""
    opened(url).query(VectorStoreQuery(query_embedding=[0.1] * 384, similarity_top_k=1))
    node = TextNode(id_="@id@", text="", metadata={"journal": "@journal@", "year": 123456789})
    written = json.dumps(node_to_metadata_dict(node, remove_text=True, flat_metadata=False))
    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT EXISTS (SELECT FROM data_bench)").fetchone() == (False,):
            connection.execute(ROWS, (written,))
        connection.execute("VACUUM ANALYZE data_bench")
        loaded = time.perf_counter()
        connection.execute("ALTER DATABASE postgres SET maintenance_work_mem = '1GB'")
    store = indexed(url)
    store.query(VectorStoreQuery(query_embedding=[0.1] * 384, similarity_top_k=1))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE postgres RESET maintenance_work_mem")
    return {"rows": loaded - began, "index": time.perf_counter() - loaded}


def indexed(url: str) -> PGVectorStore:
    hnsw = {"hnsw_m": 16, "hnsw_ef_construction": 128, "hnsw_ef_search": 40}
    return opened(url, hnsw_kwargs={**hnsw, "hnsw_dist_method": "vector_cosine_ops"})


def runs(store: PGVectorStore, folder: Path) -> dict[str, Callable[[int], list[int]]]:
    """The same names as ours."""
    vectors = np.load(folder / "queries.npy").tolist()
    texts = json.loads((folder / "queries.json").read_text("utf-8"))

    def search(ef: int, k: int, **more: Any) -> Callable[[int], list[int]]:
        def ask(number: int) -> list[int]:
            query = VectorStoreQuery(
                query_embedding=vectors[number], query_str=texts[number], similarity_top_k=k, **more
            )
            return [int(found) for found in store.query(query, hnsw_ef_search=ef).ids or []]

        return ask

    def only(**wanted: Any) -> MetadataFilters:
        return MetadataFilters(filters=[MetadataFilter(**wanted)])

    hybrid = {"mode": VectorStoreQueryMode.HYBRID}
    few = only(key="journal", value="Journal 7")
    many = only(key="year", value=2015, operator=FilterOperator.GTE)
    return {
        "dense, k 10": search(64, 10),
        "dense, k 100": search(200, 100),
        "dense, k 10, 1%": search(64, 10, filters=few),
        "dense, k 10, 20%": search(64, 10, filters=many),
        "hybrid, depth 100": search(200, 100, sparse_top_k=100, **hybrid),
        "hybrid, depth 10": search(64, 10, sparse_top_k=10, **hybrid),
    }


def main() -> None:
    _, url, folder = sys.argv
    print(json.dumps(load(url)), flush=True)
    known = runs(indexed(url), Path(folder))
    for line in sys.stdin:
        wanted = json.loads(line)
        seconds, found = [], []
        began = time.process_time()
        for number in wanted["numbers"]:
            start = time.perf_counter()
            found.append(known[wanted["run"]](number))
            seconds.append(time.perf_counter() - start)
        client = time.process_time() - began
        print(json.dumps({"seconds": seconds, "found": found, "client": client}), flush=True)


if __name__ == "__main__":
    main()
