"""Distances between the stored vectors and a parameter, as SQL.

An index serves a query only where both write the same expression: here it is written once. Methods
are explained in tools/store/indexes.py.
"""

from collections.abc import Mapping
from typing import Literal, LiteralString

from psycopg import sql

Method = Literal["exact", "halfvec", "binary"]

STORED, ASKED = sql.SQL("embedding"), sql.SQL("%(vector)s")
REDUCED: Mapping[Method, LiteralString] = {
    "exact": "{vector}::vector({dimension})",
    "halfvec": "{vector}::vector({dimension})::halfvec({dimension})",
    "binary": "binary_quantize({vector}::vector({dimension}))::bit({dimension})",
}


def distance(dimension: int, normalised: bool = True, method: Method = "exact") -> sql.Composed:
    """The distance to the parameter `vector`, lower is closer, as a method sees it."""
    operator = "<~>" if method == "binary" else "<=>" if normalised else "<#>"
    return sql.SQL("({} {} {})").format(
        _reduced(method, dimension, STORED), sql.SQL(operator), _reduced(method, dimension, ASKED)
    )


def similarity(dimension: int) -> sql.Composed:
    """The cosine to the parameter, whatever the ranking goes by."""
    return sql.SQL("1 - {}").format(distance(dimension))


def indexed_column(dimension: int, normalised: bool, method: Method) -> sql.Composed:
    """What an HNSW index of this method is made on."""
    halfvec = "halfvec_cosine_ops" if normalised else "halfvec_ip_ops"
    operators = sql.SQL("bit_hamming_ops" if method == "binary" else halfvec)
    return sql.SQL("(({}) {})").format(_reduced(method, dimension, STORED), operators)


def _reduced(method: Method, dimension: int, vector: sql.SQL) -> sql.Composed:
    return sql.SQL(REDUCED[method]).format(vector=vector, dimension=sql.Literal(dimension))
