"""Labelled images of the library and the search for similar ones."""

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tools.evidence import CaseEvidence
from tools.library import ALL_IMAGES, CaseFilter, ImageRecord
from tools.protocols import Vectors
from tools.store.connection import Connection
from tools.store.embeddings import add_embeddings
from tools.store.filters import images_among
from tools.store.nearest import nearest
from tools.store.searched import SearchedModels

RECORD = sql.SQL(
    'image_id, path, width, height, caption, labels, source, licence, image_group AS "group", '
    "simulated, thumbnail"
)
WITHOUT_EMBEDDING = sql.SQL(
    "NOT EXISTS (SELECT FROM image_embeddings e JOIN embedding_models m USING (model_id) "
    "WHERE e.image_id = images.image_id AND m.kind = 'image' AND m.name = %(model)s)"
)


class ImageStore(SearchedModels):
    """Images with their embeddings, those of several models side by side."""

    def add_images(self, records: Sequence[ImageRecord], model: str, vectors: Vectors) -> int:
        """Store images with one vector each, (n, dimension); return how many images were new.

        An image that is there stays as it is, and gets the embedding if it lacks this model's.
        """
        with self.transaction() as connection:
            new = _insert(connection, records)
            add_embeddings(connection, "image", model, [r.image_id for r in records], vectors)
            return new

    def add_image_embeddings(self, model: str, ids: Sequence[str], vectors: Vectors) -> None:
        """Store vectors (n, dimension) of images that are in the library."""
        with self.transaction() as connection:
            add_embeddings(connection, "image", model, ids, vectors)

    def known_images(self, ids: Sequence[str], model: str) -> set[str]:
        """Those of `ids` that are stored with an embedding of `model`."""
        query = sql.SQL("SELECT image_id FROM images WHERE image_id = ANY(%(ids)s) AND NOT ({})")
        with self.transaction() as connection:
            rows = connection.execute(
                query.format(WITHOUT_EMBEDDING), {"ids": list(ids), "model": model}
            )
            return {row[0] for row in rows}

    def images_without_embedding(self, model: str, limit: int) -> list[ImageRecord]:
        """Images that `model` has not embedded yet, in order of their ids."""
        query = sql.SQL("SELECT {} FROM images WHERE {} ORDER BY image_id LIMIT %(limit)s").format(
            RECORD, WITHOUT_EMBEDDING
        )
        with self.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query, {"model": model, "limit": limit}).fetchall()
            return [ImageRecord.model_validate(row) for row in rows]

    def similar_images(
        self,
        model: str,
        vector: Vectors,
        k: int,
        *,
        exclude: Sequence[str] = (),
        where: CaseFilter = ALL_IMAGES,
    ) -> list[CaseEvidence]:
        """The `k` images closest to `vector` (dimension,), closest first; ties by id.

        BadInputError when the library was embedded by other models only.
        """
        vector = np.asarray(vector, np.float32).reshape(-1)
        with self.reading() as connection:
            searched = self.searched_model(connection, "image", model, vector)
            if searched is None:
                return []
            found = nearest(
                connection, "image", searched, vector, k + len(exclude), images_among(where)
            )
            cosines = {key: cosine for key, cosine in found if key not in exclude}
            return _cases(connection, dict(islice(cosines.items(), k)))

    def image(self, image_id: str) -> ImageRecord | None:
        """The stored image; None when it is not in the library."""
        query = sql.SQL("SELECT {} FROM images WHERE image_id = %s").format(RECORD)
        with self.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(query, (image_id,)).fetchone()
        return ImageRecord.model_validate(row) if row else None

    def thumbnails(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The small JPEGs of those images that are in the library, by id."""
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT image_id, thumbnail FROM images WHERE image_id = ANY(%s)", (list(ids),)
            )
            return {row[0]: row[1] for row in rows}

    def thumbnail(self, image_id: str) -> bytes | None:
        """The image's small JPEG; None when it is not in the library."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT thumbnail FROM images WHERE image_id = %s", (image_id,)
            ).fetchone()
        return row[0] if row else None


def _cases(connection: Connection, cosines: Mapping[str, float]) -> list[CaseEvidence]:
    """The images of these ids as cases, in this order."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT image_id, caption, labels, source, licence, simulated FROM images "
            "WHERE image_id = ANY (%s)",
            (list(cosines),),
        ).fetchall()
    found = {
        row["image_id"]: CaseEvidence(**row, similarity=cosines[row["image_id"]]) for row in rows
    }
    return [found[key] for key in cosines if key in found]


def _insert(connection: Connection, records: Sequence[ImageRecord]) -> int:
    rows = [
        record.model_dump() | {"labels": Jsonb(record.labels)}
        for record in sorted(records, key=lambda r: r.image_id)  # one order: no deadlock
    ]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO images (image_id, path, width, height, caption, labels, source, licence, "
            "image_group, simulated, thumbnail) VALUES (%(image_id)s, %(path)s, %(width)s, "
            "%(height)s, %(caption)s, %(labels)s, %(source)s, %(licence)s, %(group)s, "
            "%(simulated)s, %(thumbnail)s) ON CONFLICT DO NOTHING",
            rows,
        )
        return max(cursor.rowcount, 0)
