"""Find labelled images of the library by what they are called: "eosinophils", "bilobed nucleus".

The same hybrid as the literature search: the words of captions and labels, and the meaning of
captions, joined into one list. Cell types are looked up as the schema calls them, whatever the
laboratory's word or language. It looks at no image, and finds nothing where none says what is
asked: the nearest meaning alone is no evidence that an image shows it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tools.evidence import CaseEvidence
from tools.findings.names import in_our_words
from tools.image_search import COPIES, folded
from tools.library import ALL_IMAGES, CaseFilter, ImageHit
from tools.literature_search import DEPTH, HYBRID
from tools.protocols import TextEncoder

LEAST_SAID = 0.5  # of the query's words, weighted by how telling they are


class CaptionedImages(Protocol):
    """A library of captioned images; `tools.store.Store` is one."""

    def images_that_say(
        self, query: str, k: int, where: CaseFilter = ...
    ) -> Sequence[ImageHit]: ...

    def images_by_meaning(
        self, encoder: str, vector: Any, k: int, where: CaseFilter = ...
    ) -> Sequence[ImageHit]: ...

    def caption_cosines(
        self, encoder: str, vector: Any, ids: Sequence[str]
    ) -> Mapping[str, float]: ...

    def said_shares(self, query: str, ids: Sequence[str]) -> Mapping[str, float]: ...

    def cases(self, cosines: Mapping[str, float]) -> Mapping[str, CaseEvidence]: ...

    def thumbnails(self, ids: Sequence[str]) -> Mapping[str, bytes]: ...


def cases_by_words(
    words: str,
    encoder: TextEncoder,
    store: CaptionedImages,
    k: int,
    where: CaseFilter = ALL_IMAGES,
) -> tuple[CaseEvidence, ...]:
    """The k images that best fit the words, best first, copies of a picture folded.

    `similarity` is the cosine of words and caption, 0 for a caption that is not embedded.
    StoreUnavailableError where the library cannot be reached.
    """
    query = in_our_words(words)
    vector = encoder.encode_queries([query])[0]  # (dimension,)
    near = store.images_by_meaning(encoder.name, vector, DEPTH, where)
    said = dict(store.images_that_say(query, DEPTH, where))
    said |= store.said_shares(query, [hit.image_id for hit in near if hit.image_id not in said])
    cosines = dict(near)
    cosines |= store.caption_cosines(encoder.name, vector, [i for i in said if i not in cosines])
    scores = {
        image: HYBRID.lexical * share + HYBRID.dense * cosines.get(image, 0.0)
        for image, share in said.items()
        if share >= LEAST_SAID
    }
    best = sorted(scores, key=lambda image: (-scores[image], image))[: COPIES * k]
    found = store.cases({image: cosines.get(image, 0.0) for image in best})
    cases = [found[image] for image in best if image in found]
    return tuple(folded(cases, store.thumbnails(best)))[:k]
