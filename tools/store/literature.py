"""Articles, their passages, and the two ways to find one: by meaning and by words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import sql
from psycopg.rows import dict_row

from tools.evidence import LiteratureEvidence
from tools.library import EVERYTHING, ArticleFilter, Hit
from tools.protocols import Vectors
from tools.store.distances import similarity
from tools.store.filters import among
from tools.store.lexical import LexicalIndex, bm25
from tools.store.nearest import nearest
from tools.store.searched import SearchedModels

EVIDENCE = (
    "SELECT passage_id, source_id, pmid, title, journal, year, section, passage, quoted, "
    "retracted, publication_types FROM passages JOIN articles USING (article_id) "
    "WHERE passage_id = ANY (%s)"
)


class LiteratureStore(LexicalIndex, SearchedModels):
    """Articles with embedded passages, those of several encoders side by side."""

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

    def nearest_passages(
        self, encoder: str, vector: Vectors, k: int, filters: ArticleFilter = EVERYTHING
    ) -> list[Hit]:
        """The `k` passages closest in meaning to `vector` (dimension,); scores are cosines.

        An encoder that is not normalised ranks by inner product. BadInputError when the library
        was embedded by other encoders only.
        """
        vector = np.asarray(vector, np.float32).reshape(-1)
        with self.reading() as connection:
            model = self.searched_model(connection, "text", encoder, vector)
            if model is None:
                return []
            found = nearest(connection, "text", model, vector, k, among(filters))
            return [Hit(*row) for row in found]

    def lexical_passages(
        self, query: str, k: int, filters: ArticleFilter = EVERYTHING
    ) -> list[Hit]:
        """The `k` passages that share the most telling words with `query`, any of them enough.

        Words are English stems. Scores are BM25: above 0, not comparable with a cosine or between
        queries. Statistics are those of the whole library, whatever the filters.
        """
        with self.reading() as connection:
            return [Hit(*row) for row in bm25(connection, query, k, among(filters))]

    def cosines(self, encoder: str, vector: Vectors, ids: Sequence[int]) -> dict[int, float]:
        """The similarity of these passages to `vector`, of those that the encoder embedded."""
        vector = np.asarray(vector, np.float32).reshape(-1)
        with self.reading() as connection:
            model = self.searched_model(connection, "text", encoder, vector)
            if model is None:
                return {}
            query = sql.SQL(
                "SELECT passage_id, {} FROM passage_embeddings WHERE model_id = {} "
                "AND passage_id = ANY (%(ids)s)"
            ).format(similarity(vector.size), sql.Literal(model.model_id))
            rows = connection.cursor(binary=True).execute(
                query, {"vector": vector, "ids": list(ids)}
            )
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
            self.reading() as connection,
            connection.cursor(row_factory=dict_row, binary=True) as cursor,
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
