"""Vectors and the models that made them: registered, checked, never mixed.

A model is known by its kind and name. Its first vectors fix its dimension; others are refused,
here with a sentence and in the database by a foreign key. Similarity is the cosine.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from psycopg import sql

from tools.errors import BadInputError
from tools.protocols import Vectors
from tools.store.connection import Connection
from tools.store.distances import Method

Kind = Literal["image", "text"]
TABLES: dict[Kind, tuple[str, str]] = {
    "image": ("image_embeddings", "image_id"),
    "text": ("passage_embeddings", "passage_id"),
}


# The method of a model's valid index, and the rows in it; the names are those of `index_name`.
INDEX = (
    "LEFT JOIN LATERAL (SELECT substring(relname FROM '[a-z]+$') AS method, reltuples, indexrelid "
    "FROM pg_class JOIN pg_index ON indexrelid = oid WHERE indisvalid AND pg_table_is_visible(oid) "
    "AND relname = ANY (ARRAY[%(table)s || model_id || '_binary', "
    "%(table)s || model_id || '_halfvec']) ORDER BY relname LIMIT 1) index ON true "
)


class Model(NamedTuple):
    """A registered model."""

    model_id: int
    dimension: int
    normalised: bool  # False: its vectors are compared by inner product
    method: Method = "exact"  # how its vectors are searched
    rows: int = 0  # in the index, at its last count


def index_name(kind: Kind, model_id: int, method: Method) -> str:
    """What the index of a model's vectors is called."""
    return f"{TABLES[kind][0]}_{model_id}_{method}"


def drop_index(session: Connection, name: str) -> None:
    """Drop an index, whole or not, if it is there; outside a transaction, beside the searches."""
    session.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


def find_model(connection: Connection, kind: Kind, name: str) -> Model | None:
    """The model of that name; None when no vector of it was ever stored."""
    row = connection.execute(
        "SELECT model_id, dimension, normalised, coalesce(method, 'exact'), "
        "coalesce(greatest(reltuples, 0), 0)::bigint "
        "FROM embedding_models " + INDEX + "WHERE kind = %(kind)s AND name = %(name)s",
        {"kind": kind, "name": name, "table": f"{TABLES[kind][0]}_"},
    ).fetchone()
    return Model(*row) if row else None


def add_embeddings(
    connection: Connection,
    kind: Kind,
    name: str,
    ids: Sequence[str | int],
    vectors: Vectors,
    normalised: bool = True,
) -> None:
    """Store one row of `vectors` (n, dimension) for each id; those already there are kept."""
    if len(ids) != len(vectors):
        raise ValueError(f"{len(ids)} ids for {len(vectors)} vectors")
    if not ids:
        return
    dimension = vectors.shape[1]
    model = register(connection, kind, name, dimension, normalised)
    check(vectors, name, model.dimension)
    table, key = TABLES[kind]
    insert = sql.SQL(
        "INSERT INTO {} ({}, model_id, dimension, embedding) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING"
    ).format(sql.Identifier(table), sql.Identifier(key))
    rows = sorted(zip(ids, np.asarray(vectors, np.float32), strict=True), key=lambda row: row[0])
    with connection.cursor() as cursor:
        cursor.executemany(insert, [(i, model.model_id, dimension, vector) for i, vector in rows])


def register(
    connection: Connection, kind: Kind, name: str, dimension: int, normalised: bool
) -> Model:
    """The model as it is stored; the first text encoder of a library is the one searched."""
    if known := find_model(connection, kind, name):
        return known
    connection.execute("LOCK TABLE embedding_models IN SHARE ROW EXCLUSIVE MODE")  # one at a time
    connection.execute(
        "INSERT INTO embedding_models (kind, name, dimension, normalised, active) "
        "SELECT %(kind)s, %(name)s, %(dimension)s, %(normalised)s, %(kind)s = 'text' AND NOT "
        "EXISTS (SELECT FROM embedding_models WHERE active) ON CONFLICT (kind, name) DO NOTHING",
        {"kind": kind, "name": name, "dimension": dimension, "normalised": normalised},
    )
    model = find_model(connection, kind, name)
    assert model is not None
    return model


def check(vectors: Vectors, name: str, dimension: int) -> None:
    """BadInputError for vectors (n, …) of another dimension, zero, or not finite."""
    if vectors.shape[1] != dimension:
        raise BadInputError(
            f"{name!r} has vectors of {dimension} numbers in this library, got "
            f"{vectors.shape[1]}: a changed model needs another name or revision"
        )
    if not np.isfinite(vectors).all() or not np.linalg.norm(vectors, axis=1).all():
        raise BadInputError(f"{name!r} made a vector that is zero or not finite")
