"""Embed the passages that an encoder has not embedded yet."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.store import Store

PASSAGES = 128  # embedded together


def embed_missing(store: "Store", encoder: TextEncoder) -> Iterator[int]:
    """Store the vectors that are missing, a batch at a time; yields the size of each batch."""
    last = 0
    while waiting := store.passages_without_embedding(encoder.name, PASSAGES, last):
        ids = [number for number, _ in waiting]
        vectors = encoder.encode_passages([text for _, text in waiting])
        store.add_passage_embeddings(encoder.name, ids, vectors, encoder.normalised)
        last = ids[-1]
        yield len(ids)
