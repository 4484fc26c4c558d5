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

Kind = Literal["image", "text"]
TABLES: dict[Kind, tuple[str, str]] = {
    "image": ("image_embeddings", "image_id"),
    "text": ("passage_embeddings", "passage_id"),
}


class Model(NamedTuple):
    """A registered model."""

    model_id: int
    dimension: int
    normalised: bool  # False: its vectors are compared by inner product


def find_model(connection: Connection, kind: Kind, name: str) -> Model | None:
    """The model of that name; None when no vector of it was ever stored."""
    row = connection.execute(
        "SELECT model_id, dimension, normalised FROM embedding_models "
        "WHERE kind = %s AND name = %s",
        (kind, name),
    ).fetchone()
    return Model(*row) if row else None


def searched_model(connection: Connection, kind: Kind, name: str, vector: Vectors) -> Model | None:
    """The model to search with; None when nothing of this kind was ever embedded.

    Raises BadInputError for a vector of a wrong dimension, and where all that is stored comes
    from other models: its vectors cannot be compared.
    """
    model = find_model(connection, kind, name)
    if model is not None:
        check(vector.reshape(1, -1), name, model.dimension)
        return model
    rows = connection.execute("SELECT name FROM embedding_models WHERE kind = %s", (kind,))
    if others := sorted(row[0] for row in rows):
        raise BadInputError(
            f"The library holds no {kind} embeddings of {name!r}, only of {', '.join(others)}; "
            "vectors of different models cannot be compared: ingest again with this model"
        )
    return None


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


def distance(dimension: int, normalised: bool = True) -> sql.Composed:
    """The distance to a parameter, written so that a per-model HNSW index can serve it."""
    operator = sql.SQL("<=>" if normalised else "<#>")  # cosine, or negative inner product
    typed = sql.SQL("vector({})").format(sql.Literal(dimension))
    return sql.SQL("(embedding::{0} {1} %(vector)s::{0})").format(typed, operator)


def similarity(dimension: int) -> sql.Composed:
    """The cosine to a parameter, whatever the ranking goes by."""
    return sql.SQL("1 - {}").format(distance(dimension))


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
