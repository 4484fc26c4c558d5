"""Stand-ins for the models and the library, a few lines each: they answer what a test says."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from tools.errors import CytoscribeError
from tools.evidence import CaseEvidence, LiteratureEvidence
from tools.library import Hit
from tools.protocols import Asked, Familiarity, Generated, ImageFeatures, Vectors

SEEN = {"subject": "single blood cell", "cell_type": "neutrophil", "nucleus_shape": "multilobed"}


def png(colour: str = "purple") -> bytes:
    """A small image file."""
    out = BytesIO()
    Image.new("RGB", (16, 16), colour).save(out, "PNG")
    return out.getvalue()


class WordEncoder:
    """Texts are near each other when they share words."""

    name, dimension, normalised = "words", 512, True

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        vectors = np.full((len(texts), self.dimension), 1e-6, np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in text.lower().replace("?", " ").replace(".", " ").split():
                row[zlib.crc32(word.encode()) % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    encode_passages = encode_queries


@dataclass
class SureModel:
    """Sees `seen` (option by question name) with probability 0.9, and counts its passes."""

    seen: Mapping[str, str] = field(default_factory=lambda: SEEN)
    fails: BaseException | None = None
    text_probability: float = 0.8
    looks: int = 0
    familiarity: Familiarity | None = None  # of every image
    name: str = "sure"
    embedding_dim: int = 2

    def look(self, images: Sequence[Any]) -> ImageFeatures:
        self.looks += 1
        known = (self.familiarity,) * len(images) if self.familiarity else None
        return ImageFeatures(None, len(images), known)

    def describe(
        self, features: ImageFeatures, cancelled: Callable[[], bool] = bool
    ) -> list[Generated]:
        if self.fails:
            raise self.fails
        return [Generated("a neutrophil", self.text_probability)] * features.n

    def answer(
        self, features: ImageFeatures, question: str, cancelled: Callable[[], bool] = bool
    ) -> list[Generated]:
        return [Generated("multilobed", 0.7)] * features.n

    def score(self, features: ImageFeatures, question: str, options: Sequence[str]) -> Any:
        chosen = [option in self.seen.values() for option in options]
        row = np.array([0.9 if yes else 0.1 / len(options) for yes in chosen])
        return np.tile(row, (features.n, 1))

    def score_all(
        self,
        features: ImageFeatures,
        questions: Sequence[Asked],
        cancelled: Callable[[], bool] = bool,
    ) -> list[Any]:
        return [self.score(features, *asked) for asked in questions]

    def embed_image(self, features: ImageFeatures) -> Vectors:
        return np.tile(np.array([1.0, 0.0], np.float32), (features.n, 1))


@dataclass
class ListLibrary:
    """A library that returns what it was given, or fails."""

    cases: list[CaseEvidence] = field(default_factory=list)
    passages: list[LiteratureEvidence] = field(default_factory=list)
    fails: CytoscribeError | None = None
    queries: list[str] = field(default_factory=list)

    def similar_images(
        self, model: str, vector: Any, k: int, *, exclude: Sequence[str] = (), where: Any = None
    ) -> list[CaseEvidence]:
        if self.fails:
            raise self.fails
        return [case for case in self.cases if case.image_id not in exclude][:k]

    def thumbnails(self, ids: Sequence[str]) -> dict[str, bytes]:
        return {}

    def nearest_passages(self, encoder: str, vector: Any, k: int, filters: Any) -> list[Hit]:
        if self.fails:
            raise self.fails
        return [Hit(n, e.similarity) for n, e in enumerate(self.passages[:k])]

    def lexical_passages(self, query: str, k: int, filters: Any) -> list[Hit]:
        self.queries.append(query)
        return []

    def cosines(self, encoder: str, vector: Any, ids: Sequence[int]) -> dict[int, float]:
        return {n: self.passages[n].similarity for n in ids}

    def evidence(self, cosines: Mapping[int, float]) -> dict[int, LiteratureEvidence]:
        return {n: self.passages[n] for n in cosines}


def case(n: int, label: str = "neutrophil", similarity: float = 0.9, **more: Any) -> CaseEvidence:
    return CaseEvidence(
        image_id=f"img-{n:016x}", caption=f"case {n}", labels={"cell_type": label},
        similarity=similarity, source="test", licence="CC0-1.0", **more,
    )  # fmt: skip


def passage(pmid: str, text: str, similarity: float = 0.8, **more: Any) -> LiteratureEvidence:
    return LiteratureEvidence(
        source_id=f"pmid:{pmid}", pmid=pmid, title="", section="abstract", passage=text,
        similarity=similarity, **more,
    )  # fmt: skip


CASES = [case(1), case(2), case(3, "monocyte")]
PASSAGES = [
    passage("101", "Cells were stained. The neutrophil nucleus has three lobes. Others do not."),
    passage("102", "A band neutrophil has a nucleus without lobes."),
]
