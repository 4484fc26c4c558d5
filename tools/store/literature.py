"""Articles, their passages, and the two ways to find one: by meaning and by words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import sql
from psycopg.rows import dict_row

from tools.evidence import LiteratureEvidence
from tools.library import EVERYTHING, Article, ArticleFilter, Hit
from tools.protocols import Vectors
from tools.store.connection import Connection
from tools.store.embeddings import add_embeddings, distance, searched_model, similarity
from tools.store.filters import among
from tools.store.lexical import LexicalIndex, add_segment, bm25, bm25_values

EVIDENCE = (
    "SELECT passage_id, source_id, pmid, title, journal, year, section, passage, quoted, "
    "retracted, publication_types FROM passages JOIN articles USING (article_id) "
    "WHERE passage_id = ANY (%s)"
)


class LiteratureStore(LexicalIndex):
    """Articles with embedded passages, those of several encoders side by side."""

    def add_articles(self, articles: Sequence[Article]) -> int:
        """Store articles with their passages; return how many were new.

        One that is there stays as it is, but for a retraction, which is always taken over.
        """
        with self.transaction() as connection:
            new = _insert_articles(connection, articles)
            add_segment(connection, _insert_passages(connection, articles, new))
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

    def passages_without_embedding(
        self, encoder: str, limit: int, after: int = 0
    ) -> list[tuple[int, str]]:
        """Passages above the id `after` that `encoder` has not embedded yet, in order.

        Their ids and texts; the title, where there is one, is the first line.
        """
        with self.transaction() as connection:
            return connection.execute(
                "SELECT passage_id, concat_ws(E'\\n', nullif(title, ''), passage) "
                "FROM passages JOIN articles USING (article_id) WHERE passage_id > %s AND NOT "
                "EXISTS ("
                "SELECT FROM passage_embeddings e JOIN embedding_models m USING (model_id) "
                "WHERE e.passage_id = passages.passage_id AND m.kind = 'text' AND m.name = %s) "
                "ORDER BY passage_id LIMIT %s",
                (after, encoder, limit),
            ).fetchall()

    def add_passage_embeddings(
        self, encoder: str, ids: Sequence[int], vectors: Vectors, normalised: bool = True
    ) -> None:
        """Store vectors (n, dimension) of passages that are in the library.

        An encoder's first vectors settle whether it is compared by cosine or by inner product.
        """
        with self.transaction() as connection:
            add_embeddings(connection, "text", encoder, ids, vectors, normalised)

    def nearest_passages(
        self, encoder: str, vector: Vectors, k: int, filters: ArticleFilter = EVERYTHING
    ) -> list[Hit]:
        """The `k` passages closest in meaning to `vector` (dimension,); scores are cosines.

        An encoder that is not normalised ranks by inner product. BadInputError when the library
        was embedded by other encoders only.
        """
        vector = np.asarray(vector, np.float32).reshape(-1)
        chosen, values = among(filters)
        with self.transaction() as connection:
            model = searched_model(connection, "text", encoder, vector)
            if model is None:
                return []
            query = sql.SQL(
                "SELECT passage_id, {cosine} FROM passage_embeddings WHERE model_id = {model_id}"
                "{chosen} ORDER BY {distance}, passage_id LIMIT %(k)s"
            ).format(
                cosine=similarity(vector.size),
                distance=distance(vector.size, model.normalised),
                model_id=sql.Literal(model.model_id),
                chosen=chosen,
            )
            return _hits(connection, query, values | {"vector": vector, "k": k})

    def lexical_passages(
        self, query: str, k: int, filters: ArticleFilter = EVERYTHING
    ) -> list[Hit]:
        """The `k` passages that share the most telling words with `query`, any of them enough.

        Words are English stems. Scores are BM25: above 0, not comparable with a cosine or between
        queries. Statistics are those of the whole library, whatever the filters.
        """
        chosen, values = among(filters)
        with self.transaction() as connection:
            return _hits(connection, bm25(chosen), values | bm25_values(query, k))

    def cosines(self, encoder: str, vector: Vectors, ids: Sequence[int]) -> dict[int, float]:
        """The similarity of these passages to `vector`, of those that the encoder embedded."""
        vector = np.asarray(vector, np.float32).reshape(-1)
        with self.transaction() as connection:
            model = searched_model(connection, "text", encoder, vector)
            if model is None:
                return {}
            query = sql.SQL(
                "SELECT passage_id, {} FROM passage_embeddings WHERE model_id = {} "
                "AND passage_id = ANY (%(ids)s)"
            ).format(similarity(vector.size), sql.Literal(model.model_id))
            rows = connection.execute(query, {"vector": vector, "ids": list(ids)})
            return dict(rows.fetchall())

    def passage_sources(self) -> dict[int, str]:
        """The source id of every passage's article, by the passage's id."""
        with self.transaction() as connection:
            return dict(
                connection.execute(
                    "SELECT passage_id, source_id FROM passages JOIN articles USING (article_id)"
                ).fetchall()
            )

    def evidence(self, cosines: Mapping[int, float]) -> dict[int, LiteratureEvidence]:
        """The passages of these ids, each with its similarity to the query."""
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            rows = cursor.execute(EVIDENCE, (list(cosines),)).fetchall()
        return {
            number: LiteratureEvidence(**row, similarity=cosines[number])
            for row in rows
            if (number := row.pop("passage_id"))
        }

    def _among(self, query: Any, ids: Sequence[str]) -> set[str]:
        with self.transaction() as connection:
            return {row[0] for row in connection.execute(query, (list(ids),))}


def _hits(connection: Connection, query: sql.Composed, values: dict[str, Any]) -> list[Hit]:
    return [Hit(*row) for row in connection.execute(query, values)]


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
) -> list[int]:
    """Insert the passages of new articles; return their ids."""
    rows = list(_passage_rows(articles, new))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO passages (article_id, position, section, passage, quoted) VALUES "
            "(%(article_id)s, %(position)s, %(section)s, %(text)s, %(quoted)s) "
            "RETURNING passage_id",
            rows,
            returning=True,
        )
        return [row[0] for result in cursor.results() for row in result] if rows else []


def _passage_rows(articles: Sequence[Article], new: dict[str, int]) -> Iterator[dict[str, Any]]:
    first = {a.source_id: a for a in reversed(articles)}  # an id given twice: the first counts
    for source_id, article_id in new.items():
        article = first[source_id]
        for position, passage in enumerate(article.passages):
            yield passage.model_dump() | {"article_id": article_id, "position": position}
