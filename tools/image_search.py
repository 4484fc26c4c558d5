"""Find the labelled images of the library that look most like an image.

The vector comes from the same vision pass that describes the image. What "alike" means is the
model's; vectors of different models are never compared. Copies of one picture are one case: the
first stands for them and says how many there are, and a copy of the user's own image is marked.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from PIL.Image import Image

from tools.evidence import CaseEvidence
from tools.fingerprints import Fingerprint, fingerprint
from tools.library import ALL_IMAGES, CaseFilter
from tools.protocols import ImageFeatures, VisionModel

COPIES = 4  # times as many images are looked at as cases are wanted, so that copies take no place


class Cases(Protocol):
    """A library of labelled images; `tools.store.Store` is one."""

    def similar_images(
        self, model: str, vector: Any, k: int, *, exclude: Sequence[str] = (),
        where: CaseFilter = ALL_IMAGES,
    ) -> list[CaseEvidence]: ...  # fmt: skip

    def thumbnails(self, ids: Sequence[str]) -> Mapping[str, bytes]: ...


def image_search(
    image_id: str,
    features: ImageFeatures,
    model: VisionModel,
    store: Cases,
    k: int,
    *,
    where: CaseFilter = ALL_IMAGES,
    picture: Image | None = None,
) -> tuple[CaseEvidence, ...]:
    """The k most similar cases, closest first, never the image itself.

    By `picture` its copies in the library are known. StoreUnavailableError where the library cannot
    be reached.
    """
    vector = model.embed_image(features)[0]  # (embedding_dim,)
    found = store.similar_images(model.name, vector, COPIES * k, exclude=[image_id], where=where)
    thumbnails = store.thumbnails([case.image_id for case in found])
    own = fingerprint(np.asarray(picture)) if picture else None
    return tuple(folded(found, thumbnails, own))[:k]


def folded(
    cases: Sequence[CaseEvidence], thumbnails: Mapping[str, bytes], own: Fingerprint | None = None
) -> Iterator[CaseEvidence]:
    """Each picture once, by its closest copy; `own` is the picture that was asked about."""
    prints = [fingerprint(thumbnails[c.image_id]) if c.image_id in thumbnails else None
              for c in cases]  # fmt: skip
    left = list(range(len(cases)))
    while left:
        first, *left = left
        copies = [i for i in left if _alike(prints[i], prints[first])]
        left = [i for i in left if i not in copies]
        same = _alike(own, prints[first])
        yield cases[first].model_copy(update={"folded": len(copies), "same_picture": same})


def _alike(one: Fingerprint | None, other: Fingerprint | None) -> bool:
    return one is not None and other is not None and one.like(other)
