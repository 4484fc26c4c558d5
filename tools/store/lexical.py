"""BM25 in SQL over an inverted index kept in segments (migrations/0010_lexical_index.sql).

The Lucene form of BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and
Beyond", 2009): idf = ln(1 + (N - df + 0.5) / (df + 0.5)). A batch of passages becomes a segment;
eight of one size become one of the next, as log-structured merge trees do, so that adding costs
O(log n) a passage and a query reads a few rows a term.
"""

from collections.abc import Sequence
from itertools import groupby

from psycopg import sql

from tools.store.connection import Connection, Database
from tools.store.filters import Chosen

K1 = 1.2
B = 0.75
FAN_OUT = 8  # segments of a size before they are merged
FETCHED = 10_000  # passages of a filter that are looked up before the ranking, not along it
MERGING = 0x6C657869  # "lexi": the lock of who merges


class LexicalIndex(Database):
    """What keeps the index small; searching and adding are the literature's."""

    def merge_lexical_index(self) -> None:
        """Merge segments where many are of one size; returns at once if another process does."""
        with self.transaction() as connection:
            if _alone(connection):
                while ids := _mergeable(connection):
                    connection.execute("SELECT merge_segments(%s)", (ids,))

    def stems(self, texts: Sequence[str]) -> list[frozenset[str]]:
        """The English stems of each text, as the lexical search reads it."""
        with self.transaction() as connection:
            return [frozenset(row[0]) for row in connection.execute(STEMS, (list(texts),))]

    def rarity(self, query: str) -> dict[str, float]:
        """How rare each stem of a query is among the passages: its idf as a share of the highest.

        1 for a stem that no passage has; to an empty library all are equally new.
        """
        with self.transaction() as connection:
            return dict(connection.execute(RARITY, (query,)).fetchall())


def add_segment(connection: Connection, passage_ids: Sequence[int]) -> None:
    """Index passages that this transaction stored."""
    if passage_ids:
        connection.execute("SELECT add_segment(%s)", (list(passage_ids),))


def _alone(connection: Connection) -> bool:
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (MERGING,)).fetchone()
    return bool(row and row[0])


def _mergeable(connection: Connection) -> list[int]:
    """The segments of the smallest size that has enough of them."""
    rows = connection.execute(
        "SELECT floor(log(%s, passages)) AS size, segment_id FROM lexical_segments ORDER BY 1, 2",
        (FAN_OUT,),
    ).fetchall()
    for _, same in groupby(rows, key=lambda row: row[0]):
        if len(ids := [segment_id for _, segment_id in same]) >= FAN_OUT:
            return ids
    return []


def bm25(
    connection: Connection, query: str, k: int, chosen: Chosen | None
) -> list[tuple[int, float]]:
    """The `k` best passages with their scores, of those that are chosen."""
    narrow: sql.Composable = sql.SQL("")
    keep: sql.Composable = sql.SQL("")
    if chosen and chosen.fewer_than(connection, FETCHED):
        narrow = chosen.joined()
    elif chosen:
        keep = chosen.looked_up()
    values = {**(chosen.values if chosen else {}), "query": query, "k": k, "k1": K1, "b": B}
    statement = BM25.format(narrow=narrow, keep=keep)
    return connection.cursor(binary=True).execute(statement, values).fetchall()


# A query's term counts once, however often it is said. Two things make this fast: the weights are
# materialised, or the planner would take a logarithm for every posting; and unnest stands among
# the selected columns, where no row is stored before it is summed.
BM25 = sql.SQL(
    "WITH total AS MATERIALIZED (SELECT sum(passages)::float8 AS n, "
    "sum(words)::float8 / sum(passages) AS mean FROM lexical_segments), "
    "read AS MATERIALIZED (SELECT term, passages, frequencies, lengths FROM postings "
    "WHERE term = ANY (tsvector_to_array(stems(%(query)s)))), "
    "weighed AS MATERIALIZED (SELECT term, (%(k1)s + 1) * ln(1 + (n - df + 0.5) / (df + 0.5)) "
    "AS weight, %(k1)s * (1 - %(b)s) AS base, %(k1)s * %(b)s / mean AS slope FROM total, "
    "(SELECT term, sum(cardinality(passages))::float8 AS df FROM read GROUP BY term) counted), "
    "posted AS (SELECT weight, base, slope, unnest(passages) AS passage_id, "
    "unnest(frequencies)::float8 AS frequency, unnest(lengths)::float8 AS length "
    "FROM weighed JOIN read USING (term)) "
    "SELECT passage_id, score FROM (SELECT passage_id, "
    "sum(weight * frequency / (frequency + base + slope * length)) AS score "
    "FROM posted WHERE true{narrow} GROUP BY passage_id ORDER BY score DESC, passage_id) ranked"
    "{keep} ORDER BY score DESC, passage_id LIMIT %(k)s"
)

STEMS = (
    "SELECT tsvector_to_array(stems(words)) "
    "FROM unnest(%s::text[]) WITH ORDINALITY AS said (words, n) ORDER BY n"
)

RARITY = (
    "WITH total AS (SELECT coalesce(sum(passages), 0) AS n FROM lexical_segments), "
    "said AS (SELECT term, coalesce((SELECT sum(cardinality(passages)) FROM postings "
    "WHERE postings.term = asked.term), 0) AS df "
    "FROM unnest(tsvector_to_array(stems(%s))) AS asked (term)) "
    "SELECT term, (ln(1 + (n - df + 0.5) / (df + 0.5)) / ln(1 + (n + 0.5) / 0.5))::float8 "
    "FROM said, total"
)
