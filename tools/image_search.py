"""Find the labelled images of the library that look most like an image.

The vector comes from the same vision pass that describes the image. What "alike" means is the
model's; vectors of different models are never compared.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from tools.evidence import CaseEvidence
from tools.protocols import ImageFeatures, VisionModel


class Cases(Protocol):
    """A library of labelled images; `tools.store.Store` is one."""

    def similar_images(
        self, model: str, vector: Any, k: int, *, exclude: Sequence[str] = ()
    ) -> list[CaseEvidence]: ...


def image_search(
    image_id: str, features: ImageFeatures, model: VisionModel, store: Cases, k: int
) -> tuple[CaseEvidence, ...]:
    """The k most similar cases, closest first, never the image itself.

    StoreUnavailableError where the library cannot be reached.
    """
    vector = model.embed_image(features)[0]  # (embedding_dim,)
    return tuple(store.similar_images(model.name, vector, k, exclude=[image_id]))
