"""The queue of passages that wait for their vectors, and the vectors' way in.

A batch is taken by deleting its row, embedded, and its vectors are stored, all in one transaction:
a worker that is killed, and a server that is, leave the batch as it was. SKIP LOCKED lets any
number of workers, on any number of machines, take different batches of one queue.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from tools.errors import ChangedEncoderError
from tools.protocols import Vectors
from tools.store.connection import Connection, Database
from tools.store.embeddings import check, register

PASSAGES = 64  # a batch: what an interruption can cost
FILLING = 0x66696C6C  # "fill": the lock that all who fill the queue share
TAKE = (
    "DELETE FROM embedding_queue WHERE batch_id = (SELECT batch_id FROM embedding_queue "
    "ORDER BY batch_id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING passage_ids"
)
# A machine that vanishes with a batch is noticed within a minute, not after TCP's two hours.
NOTICE = (
    "SELECT set_config('tcp_keepalives_idle', '30', true), "
    "set_config('tcp_keepalives_interval', '10', true), "
    "set_config('tcp_keepalives_count', '3', true)"
)
# The title, where there is one, is the first line.
TEXTS = (
    "SELECT passage_id, concat_ws(E'\\n', nullif(title, ''), passage) "
    "FROM passages JOIN articles USING (article_id) WHERE {} AND NOT EXISTS ("
    "SELECT FROM passage_embeddings e JOIN embedding_models m USING (model_id) "
    "WHERE e.passage_id = passages.passage_id AND m.kind = 'text' AND m.name = %s) "
)


@dataclass(frozen=True)
class Batch:
    """Passages to embed; none where another encoder's change-over has done them."""

    passage_ids: tuple[int, ...]
    texts: tuple[str, ...]


class EmbeddingQueue(Database):
    """Filled by whoever adds articles, emptied by workers."""

    @contextmanager
    def taken_batch(self, encoder: str) -> Iterator[Batch | None]:
        """A batch that no other worker has; it goes back unless the block ends well.

        None where nothing is left to take. What is stored in the block is one transaction with it.
        """
        with self.together(), self.transaction() as connection:
            connection.execute(NOTICE)
            row = connection.execute(TAKE).fetchone()
            if row is None:
                yield None
                return
            found = connection.execute(
                TEXTS.format("passage_id = ANY (%s)"), (row[0], encoder)
            ).fetchall()
            yield Batch(tuple(number for number, _ in found), tuple(text for _, text in found))

    def waiting_passages(self) -> int:
        """How many passages wait, those in a worker's hands among them."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT coalesce(sum(cardinality(passage_ids)), 0) FROM embedding_queue"
            ).fetchone()
            assert row is not None
            return int(row[0])

    def waiting_batches(self) -> int:
        """How many batches wait, those in a worker's hands among them."""
        with self.transaction() as connection:
            row = connection.execute("SELECT count(*) FROM embedding_queue").fetchone()
            assert row is not None
            return int(row[0])

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Say, as long as the block lasts, that more may come; a killed process says it no more."""
        with self.session() as connection:
            connection.execute("SELECT pg_advisory_lock_shared(%s)", (FILLING,))
            yield
            connection.execute("SELECT pg_advisory_unlock_shared(%s)", (FILLING,))

    def being_filled(self) -> bool:
        """Whether any process, on any machine, is filling the queue."""
        with self.transaction() as connection:
            row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (FILLING,)).fetchone()
            return not (row and row[0])

    def passages_without_embedding(
        self, encoder: str, limit: int, after: int = 0
    ) -> list[tuple[int, str]]:
        """Passages above the id `after` that `encoder` has not embedded yet, in order.

        Their ids and texts; the title, where there is one, is the first line.
        """
        query = TEXTS.format("passage_id > %s") + "ORDER BY passage_id LIMIT %s"
        with self.transaction() as connection:
            return connection.execute(query, (after, encoder, limit)).fetchall()

    def add_passage_embeddings(
        self, encoder: str, ids: Sequence[int], vectors: Vectors, normalised: bool = True
    ) -> None:
        """Store vectors (n, dimension) of passages by binary COPY.

        A passage deleted meanwhile, or embedded by another process, is left out. An encoder's
        first vectors settle whether it is compared by cosine or by inner product.
        """
        if len(ids) != len(vectors):
            raise ValueError(f"{len(ids)} ids for {len(vectors)} vectors")
        if not len(ids):
            return
        with self.transaction() as connection:
            model = register(connection, "text", encoder, vectors.shape[1], normalised)
            check(vectors, encoder, model.dimension)
            wanted = _without_vector(connection, model.model_id, ids)
            rows = [
                (number, model.model_id, model.dimension, vector)
                for number, vector in zip(ids, np.asarray(vectors, np.float32), strict=True)
                if number in wanted
            ]
            _copy(connection, rows)

    def need_active(self, encoder: str) -> None:
        """ChangedEncoderError where vectors of this encoder would not be searched."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT name FROM embedding_models WHERE kind = 'text' AND active"
            ).fetchone()
        if row and row[0] != encoder:
            raise ChangedEncoderError(
                f"the library is searched by the vectors of {row[0]}, not of {encoder}: run the "
                "same command again, or change over by `cytoscribe library reembed`"
            )


def enqueue(connection: Connection, sizes: Sequence[tuple[int, int]]) -> None:
    """Passages, by id and length, that this transaction stored; those of like length together.

    A batch is as wide as its longest text, so that unlike ones would be padding for the most part.
    """
    ids = [number for number, _ in sorted(sizes, key=lambda one: one[1])]
    batches = [(ids[at : at + PASSAGES],) for at in range(0, len(ids), PASSAGES)]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO embedding_queue (passage_ids) VALUES (%s)", batches)


def _without_vector(connection: Connection, model_id: int, ids: Sequence[int]) -> set[int]:
    """Those that exist and have no vector, locked: nobody else can give them one meanwhile."""
    there = connection.execute(
        "SELECT passage_id FROM passages WHERE passage_id = ANY (%s) ORDER BY passage_id "
        "FOR NO KEY UPDATE",
        (list(ids),),
    ).fetchall()
    done = connection.execute(
        "SELECT passage_id FROM passage_embeddings WHERE model_id = %s AND passage_id = ANY (%s)",
        (model_id, list(ids)),
    ).fetchall()
    return {row[0] for row in there} - {row[0] for row in done}


def _copy(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(
        "COPY passage_embeddings (passage_id, model_id, dimension, embedding) "
        "FROM STDIN WITH (FORMAT BINARY)"
    ) as copy:  # fmt: skip
        copy.set_types(["int8", "int4", "int4", "vector"])
        for row in rows:
            copy.write_row(row)
