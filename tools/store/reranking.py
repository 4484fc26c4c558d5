"""What a second look at the first passages of a search needs: their words, and their likeness."""

from collections.abc import Sequence

from psycopg import sql

from tools.library import Overlap
from tools.store.connection import Database
from tools.store.embeddings import find_model

# Of the query's stems, by rarity, those that a passage or its title holds; of its neighbouring
# stems (stop words may stand between), those that are neighbours there too; of its stems with a
# digit, those that are there.
OVERLAPS = (
    "WITH total AS MATERIALIZED (SELECT coalesce(sum(passages), 0)::float8 AS n "
    "FROM lexical_segments), "
    "asked AS MATERIALIZED (SELECT lexeme AS term, positions, quote_literal(lexeme)::tsquery AS "
    "wanted, ln(1 + (n - df + 0.5) / (df + 0.5)) AS idf FROM total, unnest(stems(%(query)s)) AS a, "
    "LATERAL (SELECT coalesce(sum(cardinality(passages)), 0)::float8 AS df FROM postings "
    "WHERE term = lexeme) counted), "
    "placed AS MATERIALIZED (SELECT wanted, unnest(positions) AS place FROM asked), "
    "pairs AS MATERIALIZED (SELECT tsquery_phrase(a.wanted, b.wanted) "
    "|| tsquery_phrase(a.wanted, b.wanted, 2) AS wanted FROM placed a, placed b "
    "WHERE b.place - a.place BETWEEN 1 AND 2), "
    "read AS MATERIALIZED (SELECT passage_id, stems(title || ' ' || passage) AS words "
    "FROM passages JOIN articles USING (article_id) WHERE passage_id = ANY (%(ids)s)) "
    "SELECT passage_id, coalesce((SELECT sum(idf) FILTER (WHERE words @@ wanted) / "
    "nullif(sum(idf), 0) FROM asked), 0), "
    "coalesce((SELECT avg((words @@ wanted)::int) FROM pairs), 0)::float8, "
    "coalesce((SELECT avg((words @@ wanted)::int) FROM asked WHERE term ~ '[0-9]'), 0)::float8 "
    "FROM read"
)
LIKENESS = sql.SQL(
    "WITH centre AS MATERIALIZED (SELECT avg(embedding) AS vector FROM passage_embeddings "
    "WHERE model_id = {model} AND passage_id = ANY (%(among)s)) "
    "SELECT passage_id, 1 - (embedding <=> (SELECT vector FROM centre)) FROM passage_embeddings "
    "WHERE model_id = {model} AND passage_id = ANY (%(ids)s)"
)


class RerankingStore(Database):
    """Facts about a few passages, for those who rank them again."""

    def overlaps(self, query: str, ids: Sequence[int]) -> dict[int, Overlap]:
        """How the words of these passages and their titles overlap with the query's."""
        with self.reading() as connection:
            rows = connection.execute(OVERLAPS, {"query": query, "ids": list(ids)})
            return {number: Overlap(*shares) for number, *shares in rows}

    def likeness(self, encoder: str, ids: Sequence[int], among: Sequence[int]) -> dict[int, float]:
        """The cosine of each passage and the mean of those `among`; of those that are embedded."""
        with self.reading() as connection:
            model = find_model(connection, "text", encoder)
            if model is None:
                return {}
            statement = LIKENESS.format(model=sql.Literal(model.model_id))
            rows = connection.execute(statement, {"ids": list(ids), "among": list(among)})
            return {number: cosine for number, cosine in rows if cosine is not None}
