"""Who embeds the passages that wait: this process, between two reads, or others beside it.

The work itself is one function, `embed_waiting`, wherever it runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING, Protocol

from tools.ingest.batches import batches
from tools.ingest.memory import give_back
from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.store import Store

PASSAGES = 64  # embedded together
WINDOW = 1024  # among which those of like length are found: less padding
WAIT = 0.3  # seconds between two looks at what others do


class Embedding(Protocol):
    """Sees to it that what waits is embedded."""

    def go_on(self) -> Iterator[None]:
        """Called when passages have joined the queue; a turn a batch."""

    def finish(self) -> Iterator[None]:
        """Until nothing waits any more; a turn a batch, or a while."""


@dataclass(frozen=True)
class Here:
    """This process embeds: it reads, then embeds what it read, then reads on."""

    store: "Store"
    encoder: TextEncoder

    def go_on(self) -> Iterator[None]:
        for _ in embed_waiting(self.store, self.encoder):
            yield

    def finish(self) -> Iterator[None]:
        yield from self.go_on()
        while self.store.waiting_passages():  # in another's hands, who may die with them
            sleep(WAIT)
            yield from self.go_on()
            yield


def embed_waiting(store: "Store", encoder: TextEncoder) -> Iterator[int]:
    """Embed batch after batch of the queue until none is left to take; yields their sizes.

    BadInputError where the library is searched by another encoder: the batch goes back.
    """
    while (size := embed_batch(store, encoder)) is not None:
        yield size


def embed_batch(store: "Store", encoder: TextEncoder) -> int | None:
    """Take a batch, embed it and store its vectors; its size, or None where none is left."""
    with store.taken_batch(encoder.name) as batch:
        if batch is None:
            return None
        if batch.texts:
            vectors = encoder.encode_passages(batch.texts)
            store.add_passage_embeddings(
                encoder.name, batch.passage_ids, vectors, encoder.normalised
            )
            store.need_active(encoder.name)
            give_back()
        return len(batch.texts)


def embed_missing(store: "Store", encoder: TextEncoder) -> Iterator[int]:
    """Store the vectors of an encoder that is not searched yet; yields the size of each batch."""
    last = 0
    while window := store.passages_without_embedding(encoder.name, WINDOW, last):
        last = window[-1][0]
        for batch in batches(sorted(window, key=lambda row: len(row[1])), PASSAGES):
            ids, texts = zip(*batch, strict=True)
            vectors = encoder.encode_passages(texts)
            store.add_passage_embeddings(encoder.name, ids, vectors, encoder.normalised)
            yield len(ids)
