"""Images found by words: their captions and labels as stems, and the vectors of their captions.

Vectors are kept by caption: a set of ten thousand images may have a hundred captions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from psycopg import sql
from psycopg.rows import dict_row

from tools.evidence import CaseEvidence
from tools.library import ALL_IMAGES, CaseFilter, ImageHit
from tools.protocols import Vectors
from tools.store.connection import Database
from tools.store.distances import distance, similarity
from tools.store.embeddings import check, find_model, register
from tools.store.filters import image_conditions

# How much of what is asked is said of an image: the idf of the query's stems that its caption or
# labels hold, as a share of all of them. A label says a word once, so frequencies tell nothing.
SAID = sql.SQL(
    "WITH counted AS MATERIALIZED (SELECT term, quote_literal(term)::tsquery AS wanted, "
    "(SELECT count(*) FROM images WHERE lexemes @@ quote_literal(term)::tsquery) AS df "
    "FROM unnest(tsvector_to_array(stems(%(query)s))) AS asked (term)), "
    "weighed AS MATERIALIZED (SELECT wanted, idf / sum(idf) OVER () AS share FROM (SELECT wanted, "
    "ln(1 + (n - df + 0.5) / (df + 0.5))::float8 AS idf FROM counted, "
    "(SELECT count(*) AS n FROM images) total) AS one) "
    "SELECT image_id, sum(share) AS said FROM weighed JOIN images ON lexemes @@ wanted "
    "WHERE true {where} GROUP BY image_id ORDER BY said DESC, image_id LIMIT %(k)s"
)
THESE = sql.SQL("AND image_id = ANY (%(ids)s)")
# An exact scan of the captions, then the images that carry the nearest.
NEAREST = sql.SQL(
    "SELECT image_id, cosine FROM (SELECT caption_md5, {cosine} AS cosine FROM caption_embeddings "
    "WHERE model_id = {model_id} AND EXISTS (SELECT FROM images WHERE md5(caption) = caption_md5 "
    "{where}) ORDER BY {distance} LIMIT %(k)s) nearest JOIN images ON md5(caption) = caption_md5 "
    "WHERE true {where} ORDER BY cosine DESC, image_id LIMIT %(k)s"
)
COSINES = sql.SQL(
    "SELECT image_id, {cosine} FROM images JOIN caption_embeddings ON caption_md5 = md5(caption) "
    "WHERE model_id = {model_id} AND image_id = ANY (%(ids)s)"
)
WAITING = (
    "SELECT DISTINCT caption FROM images WHERE caption <> '' AND NOT EXISTS (SELECT FROM "
    "caption_embeddings e JOIN embedding_models m USING (model_id) WHERE caption_md5 = md5(caption)"
    " AND m.kind = 'text' AND m.name = %s) ORDER BY caption LIMIT %s"
)


class CaptionStore(Database):
    """The search for images by words, in its two ways."""

    def captions_without_embedding(self, encoder: str, limit: int) -> list[str]:
        """Captions that `encoder` has not embedded yet, each once."""
        with self.transaction() as connection:
            return [row[0] for row in connection.execute(WAITING, (encoder, limit))]

    def add_caption_embeddings(
        self, encoder: str, captions: Sequence[str], vectors: Vectors, normalised: bool = True
    ) -> None:
        """Store a vector (n, dimension) of each caption; those already there are kept."""
        with self.transaction() as connection:
            model = register(connection, "text", encoder, vectors.shape[1], normalised)
            check(vectors, encoder, model.dimension)
            rows = sorted(zip(captions, np.asarray(vectors, np.float32), strict=True),
                          key=lambda row: row[0])  # one order: no deadlock  # fmt: skip
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO caption_embeddings (caption_md5, model_id, dimension, embedding) "
                    "VALUES (md5(%s), %s, %s, %s) ON CONFLICT DO NOTHING",
                    [(text, model.model_id, model.dimension, vector) for text, vector in rows],
                )

    def images_that_say(self, query: str, k: int, where: CaseFilter = ALL_IMAGES) -> list[ImageHit]:
        """The `k` images whose caption and labels say most of `query`; scores are 0 to 1."""
        values = {"query": query, "k": k, **where.model_dump()}
        with self.transaction() as connection:
            rows = connection.execute(SAID.format(where=image_conditions(where)), values)
            return [ImageHit(*row) for row in rows]

    def said_shares(self, query: str, ids: Sequence[str]) -> dict[str, float]:
        """How much of `query` these images say, of those that say any of it."""
        with self.transaction() as connection:
            values = {"query": query, "k": len(ids), "ids": list(ids)}
            return dict(connection.execute(SAID.format(where=THESE), values).fetchall())

    def images_by_meaning(
        self, encoder: str, vector: Vectors, k: int, where: CaseFilter = ALL_IMAGES
    ) -> list[ImageHit]:
        """The `k` images whose captions are closest in meaning to `vector`; scores are cosines."""
        values = {"k": k, **where.model_dump()}
        return self._by_meaning(NEAREST, encoder, vector, values, where)

    def caption_cosines(
        self, encoder: str, vector: Vectors, ids: Sequence[str]
    ) -> dict[str, float]:
        """The similarity of these images' captions to `vector`, of those that are embedded."""
        found = self._by_meaning(COSINES, encoder, vector, {"ids": list(ids)}, ALL_IMAGES)
        return dict(found)

    def cases(self, cosines: Mapping[str, float]) -> dict[str, CaseEvidence]:
        """The images of these ids as cases that words found."""
        with self.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(
                "SELECT image_id, caption, labels, source, licence, simulated FROM images "
                "WHERE image_id = ANY (%s)",
                (list(cosines),),
            ).fetchall()
        return {
            row["image_id"]: CaseEvidence(
                **row, similarity=cosines[row["image_id"]], found_by="words"
            )
            for row in rows
        }

    def _by_meaning(
        self, query: sql.SQL, encoder: str, vector: Vectors, values: dict[str, Any],
        where: CaseFilter,
    ) -> list[ImageHit]:  # fmt: skip
        vector = np.asarray(vector, np.float32).reshape(-1)
        with self.transaction() as connection:
            model = find_model(connection, "text", encoder)
            if model is None:
                return []
            check(vector.reshape(1, -1), encoder, model.dimension)
            filled = query.format(
                cosine=similarity(vector.size),
                distance=distance(vector.size, model.normalised),
                model_id=sql.Literal(model.model_id),
                where=image_conditions(where),
            )
            rows = connection.execute(filled, values | {"vector": vector})
            return [ImageHit(*row) for row in rows]
