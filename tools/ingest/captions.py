"""Embed the captions of images, so that words find them by meaning, too."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tools.ingest.report import never
from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.store import Store

CAPTIONS = 64  # embedded together


def embed_captions(
    store: "Store", encoder: TextEncoder, cancelled: Callable[[], bool] = never
) -> int:
    """Store the vectors that are missing, until none is or `cancelled` says so; how many."""
    done = 0
    while not cancelled() and (waiting := store.captions_without_embedding(encoder.name, CAPTIONS)):
        vectors = encoder.encode_passages(waiting)
        store.add_caption_embeddings(encoder.name, waiting, vectors, encoder.normalised)
        done += len(waiting)
    return done
