"""The rows nearest to a vector: compared one by one, or by an index and then one by one.

HNSW follows links towards the query and keeps the `ef` best that it meets; these are compared again
with the full vectors. Under a filter the way depends on how many rows satisfy it: so many that
walking down the ranking meets enough of them soon (pgvector's iterative scan), or so few that
comparing them all is cheaper, and misses nothing. Where a walk ends with fewer than k, all are
compared.
"""

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from psycopg import sql

from tools.protocols import Vectors
from tools.store.connection import EF, Connection
from tools.store.distances import Method, distance, similarity
from tools.store.embeddings import TABLES, Kind, Model
from tools.store.filters import Chosen

FILTERED = 400  # candidates under a filter, at the least: recall@10 .99 at 20% of 100,000 rows
FEWEST = 200  # candidates where the index keeps one bit a number
BITS = 4  # times as many candidates where the index keeps one bit a number
NOTHING = sql.SQL("")
STEP = 12  # a step down the ranking costs as much as comparing so many rows (measured)


class Walk(NamedTuple):
    """How an index is searched."""

    candidates: int
    ef: int
    iterative: bool  # go on where the first `ef` do not give enough


def nearest(
    connection: Connection,
    kind: Kind,
    model: Model,
    vector: Vectors,
    k: int,
    chosen: Chosen | None = None,
) -> list[tuple[Any, float]]:
    """Keys and cosines of the `k` rows nearest to `vector` (dimension,), nearest first."""
    values = {**(chosen.values if chosen else {}), "vector": vector}
    walk = _walk(model, k, chosen)
    if model.method != "exact" and not (chosen and _few(connection, chosen, model, walk)):
        found = _walked(connection, kind, model, walk, k, chosen, values)
        if len(found) == k:
            return found
    query = _query(kind, model, "exact", k, k, among=chosen.fetched() if chosen else NOTHING)
    return _rows(connection, query, values)


def _walk(model: Model, k: int, chosen: Chosen | None) -> Walk:
    candidates = max(FEWEST, BITS * k) if model.method == "binary" else k
    if chosen:
        candidates = max(FILTERED, BITS * k)
    ef = max(EF, 2 * k, candidates)
    return Walk(candidates, min(ef, 1000), iterative=bool(chosen) or candidates > 1000)


def _few(connection: Connection, chosen: Chosen, model: Model, walk: Walk) -> bool:
    """Whether comparing all n rows of the filter is cheaper than the walk.

    The walk takes candidates · rows / n steps.
    """
    return chosen.fewer_than(connection, math.isqrt(STEP * walk.candidates * model.rows) + 1)


def _walked(
    connection: Connection,
    kind: Kind,
    model: Model,
    walk: Walk,
    k: int,
    chosen: Chosen | None,
    values: dict[str, Any],
) -> list[tuple[Any, float]]:
    query = (
        _query(kind, model, model.method, walk.candidates, k, join=chosen.looked_up())
        if chosen
        else _unfiltered(kind, model._replace(rows=0), walk.candidates, k)
    )
    if (walk.ef, walk.iterative) == (EF, False):
        return _rows(connection, query, values)
    with connection.pipeline(), connection.transaction():  # sent at once, with its settings
        connection.execute(
            "SELECT set_config('hnsw.ef_search', %s, true), "
            "set_config('hnsw.iterative_scan', %s, true)",
            (str(walk.ef), "relaxed_order" if walk.iterative else "off"),
        )
        return _rows(connection, query, values)


@cache
def _unfiltered(kind: Kind, model: Model, candidates: int, k: int) -> bytes:
    """Written once: composing a statement costs a tenth of a millisecond."""
    return _query(kind, model, model.method, candidates, k).as_bytes()


def _query(
    kind: Kind,
    model: Model,
    method: Method,
    candidates: int,
    k: int,
    join: sql.Composable = NOTHING,
    among: sql.Composable = NOTHING,
) -> sql.Composed:
    table, key = TABLES[kind]
    return sql.SQL(
        "SELECT {key}, {similarity} FROM (SELECT ranked.{key}, embedding FROM {table} ranked{join} "
        "WHERE model_id = {model_id}{among} ORDER BY {first} LIMIT {candidates}) found "
        "ORDER BY {full}, {key} LIMIT {k}"
    ).format(
        key=sql.Identifier(key),
        table=sql.Identifier(table),
        model_id=sql.Literal(model.model_id),
        similarity=similarity(model.dimension),
        first=_order(model, method, key),
        full=distance(model.dimension, model.normalised),
        join=join,
        among=among,
        candidates=sql.Literal(candidates),  # not a parameter: a plan for any number is a worse one
        k=sql.Literal(k),
    )


def _order(model: Model, method: Method, key: str) -> sql.Composed:
    """An index gives its own order alone; compared one by one, ties go by the key."""
    order = distance(model.dimension, model.normalised, method)
    return order if method != "exact" else sql.SQL("{}, {}").format(order, sql.Identifier(key))


def _rows(
    connection: Connection, query: sql.Composed | bytes, values: Mapping[str, Any]
) -> list[tuple[Any, float]]:
    return connection.cursor(binary=True).execute(query, values).fetchall()
