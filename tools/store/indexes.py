"""Which index serves a search by vector: chosen by measured size.

    exact    every vector is compared: nothing is missed, and nothing has to be built
    halfvec  HNSW (Malkov and Yashunin 2018) over half-precision copies, 1.2 kB a row of 384 numbers
    binary   HNSW over one bit a number, a third of that; for libraries whose halfvec index would
             take more than half of the memory that Postgres counts on (effective_cache_size)

What an index finds is compared again with the full vectors (tools/store/nearest.py). An index is of
one model's vectors, so that those of several can lie in one table.
"""

from dataclasses import dataclass

from tools.store.connection import Connection, Database
from tools.store.distances import Method
from tools.store.embeddings import INDEX, TABLES, Kind

EXACT_BYTES = 40_000_000  # of vectors: 26,000 of 384 numbers are compared in some 10 ms
HALFVEC_DIMENSION = 4_000  # the most that pgvector indexes
ROW_BYTES = 400  # of an index, beside the vector: links (m = 16), tuple headers, free space


@dataclass(frozen=True)
class Served:
    """How the vectors of a model are searched, and how they should be."""

    kind: Kind
    model: str
    model_id: int
    dimension: int
    normalised: bool
    active: bool  # searched, or still being made; image models are searched by name
    rows: int
    method: Method  # now
    index_bytes: int  # of the index that is there
    due: Method  # what the size asks for
    why: str

    @property
    def is_due(self) -> bool:
        """Whether an index should be built; one that is more than needed may stay."""
        return self.due not in ("exact", self.method)


class IndexStore(Database):
    """What serves the searches."""

    def served(self) -> list[Served]:
        """Every model that has vectors, with its index. Counts the rows."""
        with self.reading() as connection:
            memory = _cache_bytes(connection)
            return [one for kind in TABLES for one in _served(connection, kind, memory)]


def choose(rows: int, dimension: int, normalised: bool, memory: int) -> tuple[Method, str]:
    """What serves `rows` vectors best where Postgres counts on `memory` bytes, and why.

    Bits keep directions alone, so that they cannot serve a ranking by inner product.
    """
    vectors, index = rows * dimension * 4, index_bytes("halfvec", rows, dimension)
    if vectors <= EXACT_BYTES:
        return "exact", f"{_mb(vectors)} of vectors; up to {_mb(EXACT_BYTES)} all are compared"
    if dimension <= HALFVEC_DIMENSION and (index <= memory // 2 or not normalised):
        return "halfvec", f"more than {_mb(EXACT_BYTES)} of vectors; the index takes {_mb(index)}"
    if normalised:
        half = "half of effective_cache_size"
        return "binary", f"half precision would take {_mb(index)}, {half} is {_mb(memory // 2)}"
    return "exact", f"pgvector has no index for {dimension:,} numbers by inner product"


def index_bytes(method: Method, rows: int, dimension: int) -> int:
    """About how large the index gets."""
    vector = {"halfvec": 2 * dimension, "binary": dimension // 8}
    return rows * (vector[method] + ROW_BYTES) if method in vector else 0


def _served(connection: Connection, kind: Kind, memory: int) -> list[Served]:
    table, _ = TABLES[kind]
    found = connection.execute(
        "SELECT name, model_id, dimension, normalised, active OR kind = 'image', rows, "
        "coalesce(method, 'exact'), coalesce(pg_relation_size(indexrelid), 0) "
        f"FROM embedding_models JOIN (SELECT model_id, count(*) AS rows FROM {table} "
        "GROUP BY model_id) counted USING (model_id) " + INDEX + "ORDER BY name",
        {"table": f"{table}_"},
    ).fetchall()
    return [
        Served(kind, name, model_id, dimension, normalised, active, rows, method, size,
               *choose(rows, dimension, normalised, memory))
        for name, model_id, dimension, normalised, active, rows, method, size in found
    ]  # fmt: skip


def _cache_bytes(connection: Connection) -> int:
    row = connection.execute(
        "SELECT pg_size_bytes(current_setting('effective_cache_size'))"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
