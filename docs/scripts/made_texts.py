"""Many distinct passages and their vectors, for benchmarks of speed.

The passages are sentences of a collection's abstracts in new mixtures: words are as frequent and
appear together as in the abstracts, and no two passages are equal. Their vectors are by latent
semantic analysis (Deerwester et al. 1990): real directions of these texts at a constant cost,
where a neural encoder would take an hour. They serve to measure speed and recall against exact
search, never how well meaning is found.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize

DIMENSION = 384
OWN, OTHERS = 5, 3  # sentences of the passage's own abstract, and of another one
YEARS = range(1975, 2025)  # evenly, so that two are 4% of the passages


@dataclass(frozen=True)
class MadeTexts:
    """`size` passages made of the sentences of `abstracts`, the same ones for the same seed."""

    abstracts: Sequence[str]
    size: int
    seed: int = 0

    @cached_property
    def passages(self) -> list[str]:
        """Each of about 200 words."""
        sentences = [re.split(r"(?<=[.?!])\s+", text) for text in self.abstracts]
        return list(self._mixtures(sentences))

    @cached_property
    def encoder(self) -> "Lsa":
        return Lsa(self.abstracts)

    def _mixtures(self, sentences: Sequence[Sequence[str]]) -> Iterator[str]:
        random = np.random.default_rng(self.seed)
        for number in range(self.size):
            own = sentences[number % len(sentences)]
            other = sentences[random.integers(len(sentences))]
            chosen = [*_some(own, OWN, random), *_some(other, OTHERS, random)]
            yield " ".join(chosen)


def _some(sentences: Sequence[str], most: int, random: np.random.Generator) -> list[str]:
    return [sentences[i] for i in random.permutation(len(sentences))[:most]]


class Lsa:
    """Text to unit vectors, float32 (n, 384); a `TextEncoder`."""

    name = "lsa"
    dimension = DIMENSION
    normalised = True

    def __init__(self, texts: Sequence[str]) -> None:
        words = TfidfVectorizer(stop_words="english", sublinear_tf=True, min_df=2)
        self._model = make_pipeline(words, TruncatedSVD(DIMENSION, n_iter=2, random_state=0))
        self._model.fit(texts)

    def encode_passages(self, texts: Sequence[str]) -> np.ndarray:
        return normalize(self._model.transform(texts)).astype(np.float32)

    encode_queries = encode_passages
