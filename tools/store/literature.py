"""Articles, their passages, and the two ways to find one: by meaning and by words."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from psycopg import sql
from psycopg.rows import dict_row

from tools.evidence import LiteratureEvidence
from tools.library import Article
from tools.protocols import Vectors
from tools.store.connection import Connection, Database
from tools.store.embeddings import add_embeddings, distance, searched_model

EVIDENCE = sql.SQL(
    "source_id, pmid, title, journal, year, section, passage, quoted, retracted, similarity"
)


class LiteratureStore(Database):
    """Articles with embedded passages, those of several encoders side by side."""

    def add_articles(self, articles: Sequence[Article]) -> int:
        """Store articles with their passages; return how many were new.

        One that is there stays as it is, but for a retraction, which is always taken over.
        """
        with self.transaction() as connection:
            new = _insert_articles(connection, articles)
            _insert_passages(connection, articles, new)
            retracted = [a.source_id for a in articles if a.retracted]
            connection.execute(
                "UPDATE articles SET retracted = true WHERE source_id = ANY(%s) AND NOT retracted",
                (retracted,),
            )
            return len(new)

    def known_articles(self, ids: Sequence[str]) -> set[str]:
        """Those of the source ids ("pmid:123") that are stored."""
        return self._among("SELECT source_id FROM articles WHERE source_id = ANY(%s)", ids)

    def has_pmids(self, pmids: Sequence[str]) -> set[str]:
        """Those of `pmids` that the library holds."""
        return self._among("SELECT DISTINCT pmid FROM articles WHERE pmid = ANY(%s)", pmids)

    def passages_of(self, ids: Sequence[str]) -> list[str]:
        """The texts of all passages of the articles with these source ids."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT passage FROM passages JOIN articles USING (article_id) "
                "WHERE source_id = ANY(%s) ORDER BY passage_id",
                (list(ids),),
            )
            return [row[0] for row in rows]

    def passages_without_embedding(self, encoder: str, limit: int) -> list[tuple[int, str]]:
        """Passages that `encoder` has not embedded yet: id and "title. text"."""
        with self.transaction() as connection:
            return connection.execute(
                "SELECT passage_id, concat_ws('. ', nullif(rtrim(title, '.'), ''), passage) "
                "FROM passages JOIN articles USING (article_id) WHERE NOT EXISTS ("
                "SELECT FROM passage_embeddings e JOIN embedding_models m USING (model_id) "
                "WHERE e.passage_id = passages.passage_id AND m.kind = 'text' AND m.name = %s) "
                "ORDER BY passage_id LIMIT %s",
                (encoder, limit),
            ).fetchall()

    def add_passage_embeddings(self, encoder: str, ids: Sequence[int], vectors: Vectors) -> None:
        """Store vectors (n, dimension) of passages that are in the library."""
        with self.transaction() as connection:
            add_embeddings(connection, "text", encoder, ids, vectors)

    def nearest_passages(self, encoder: str, vector: Vectors, k: int) -> list[LiteratureEvidence]:
        """The `k` passages closest in meaning to `vector` (dimension,), by cosine.

        BadInputError when the library was embedded by other encoders only.
        """
        vector = np.asarray(vector, np.float32).reshape(-1)
        with self.transaction() as connection:
            model_id = searched_model(connection, "text", encoder, vector)
            if model_id is None:
                return []
            nearest = sql.SQL(
                "SELECT passage_id, 1 - {distance} AS similarity FROM passage_embeddings "
                "WHERE model_id = {model_id} ORDER BY {distance}, passage_id LIMIT %(k)s"
            ).format(distance=distance(vector.size), model_id=sql.Literal(model_id))
            return _evidence(connection, nearest, {"vector": vector, "k": k})

    def lexical_passages(self, query: str, k: int) -> list[LiteratureEvidence]:
        """The `k` passages that share the most telling words with `query`, any of them enough.

        Words are English stems. `similarity` is the text rank, 0 to 1; it only orders, and is not
        comparable with a cosine.
        """
        ranked = sql.SQL(
            "SELECT passage_id, ts_rank(lexemes, words, 1) AS similarity FROM passages, "
            "(SELECT {} AS words) query WHERE lexemes @@ words "
            "ORDER BY similarity DESC, passage_id LIMIT %(k)s"
        ).format(ANY_LEXEME)
        with self.transaction() as connection:
            return _evidence(connection, ranked, {"query": query, "k": k})

    def _among(self, query: Any, ids: Sequence[str]) -> set[str]:
        with self.transaction() as connection:
            return {row[0] for row in connection.execute(query, (list(ids),))}


# All lexemes joined by OR: joined by AND, most natural questions find nothing.
ANY_LEXEME = sql.SQL(
    r"(SELECT string_agg('''' || regexp_replace(lexeme, '([\\''])', '\1\1', 'g') || '''', ' | ')"
    "::tsquery FROM unnest(tsvector_to_array(to_tsvector('english', %(query)s))) lexeme)"
)


def _evidence(
    connection: Connection, found: sql.Composable, values: dict[str, Any]
) -> list[LiteratureEvidence]:
    query = sql.SQL(
        "SELECT {} FROM ({}) found JOIN passages USING (passage_id) "
        "JOIN articles USING (article_id) ORDER BY similarity DESC, passage_id"
    ).format(EVIDENCE, found)
    with connection.cursor(row_factory=dict_row) as cursor:
        return [LiteratureEvidence.model_validate(row) for row in cursor.execute(query, values)]


def _insert_articles(connection: Connection, articles: Sequence[Article]) -> dict[str, int]:
    """Insert those that are new; return their row ids by source id."""
    rows = [
        article.model_dump(exclude={"passages"})
        | {"mesh_terms": list(article.mesh_terms), "types": list(article.publication_types)}
        for article in sorted(articles, key=lambda a: a.source_id)  # one order: no deadlock
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO articles (source_id, pmid, doi, title, journal, year, mesh_terms, "
            "publication_types, retracted, corpus) VALUES (%(source_id)s, %(pmid)s, %(doi)s, "
            "%(title)s, %(journal)s, %(year)s, %(mesh_terms)s, %(types)s, %(retracted)s, "
            "%(corpus)s) ON CONFLICT (source_id) DO NOTHING RETURNING source_id, article_id",
            rows,
            returning=True,
        )
        return dict(row for result in cursor.results() for row in result) if rows else {}


def _insert_passages(
    connection: Connection, articles: Sequence[Article], new: dict[str, int]
) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO passages (article_id, position, section, passage, quoted, lexemes) "
            "VALUES (%(article_id)s, %(position)s, %(section)s, %(text)s, %(quoted)s, "
            "setweight(to_tsvector('english', %(title)s), 'A') "
            "|| to_tsvector('english', %(text)s))",
            list(_passage_rows(articles, new)),
        )


def _passage_rows(articles: Sequence[Article], new: dict[str, int]) -> Iterator[dict[str, Any]]:
    first = {a.source_id: a for a in reversed(articles)}  # an id given twice: the first counts
    for source_id, article_id in new.items():
        article = first[source_id]
        for position, passage in enumerate(article.passages):
            yield passage.model_dump() | {
                "article_id": article_id, "position": position, "title": article.title
            }  # fmt: skip
