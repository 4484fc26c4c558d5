"""How likely a passage answers a query: a logistic head over how the words of the two match.

A cosine alone takes a neighbouring subject for the one that was asked. What a query names and an
article does not say tells more: every stem of the query weighs by how rare it is in the library
(idf), and one that no passage of the library has weighs most. The head was trained by
`eval/abstention/train.py` on questions whose article is in the library or was taken out of it. It
reads words, not sense: "A raises B" supports "does A lower B?" as well, since it answers it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from tools.evidence import LiteratureEvidence
from tools.linear_head import LinearHead, read_head
from tools.protocols import TextEncoder

SHIPPED = Path(__file__).with_name("support_head.json")
FEATURES = ("cosine", "covered", "covered squared", "missing", "length")
Stems = frozenset[str]


class Words(Protocol):
    """What knows the words of a library; `tools.store.Store` is one."""

    def stems(self, texts: Sequence[str]) -> list[Stems]: ...

    def rarity(self, query: str) -> dict[str, float]: ...


@dataclass(frozen=True)
class Support:
    """Gives passages their probability to answer a query."""

    words: Words
    encoder: TextEncoder  # the one whose cosines the head was trained on
    head: LinearHead

    @classmethod
    def shipped(cls, words: Words, encoder: TextEncoder) -> "Support":
        """With the head that comes with Cytoscribe."""
        return cls(words, encoder, read_head(SHIPPED)[0])

    def __call__(
        self, query: str, found: Sequence[LiteratureEvidence], encoder: str
    ) -> tuple[LiteratureEvidence, ...]:
        """The passages with `support`; `encoder` names what their similarities are made by."""
        if not found:
            return ()
        same = encoder == self.encoder.name
        cosines = [e.similarity for e in found] if same else self._cosines(query, found)
        rows = features(query, found, cosines, self.words)
        answers = self.head.probabilities(np.array(rows))[:, self.head.labels.index("answers")]
        return tuple(
            passage.model_copy(update={"support": float(probability)})
            for passage, probability in zip(found, answers, strict=True)
        )

    def _cosines(self, query: str, found: Sequence[LiteratureEvidence]) -> list[float]:
        texts = [f"{e.title}\n{e.passage}" if e.title else e.passage for e in found]
        vectors = self.encoder.encode_passages(texts)
        return [float(c) for c in vectors @ self.encoder.encode_queries([query])[0]]


def features(
    query: str, found: Sequence[LiteratureEvidence], cosines: Sequence[float], words: Words
) -> list[list[float]]:
    """FEATURES of each passage; what is covered or missing is told of all its article's."""
    rarity = words.rarity(query)
    said: dict[str, Stems] = {}  # title and passages found, by article
    texts = words.stems([f"{e.title} {e.passage}" for e in found])
    for passage, text in zip(found, texts, strict=True):
        said[passage.source_id] = said.get(passage.source_id, frozenset()) | text
    return [
        [cosine, *_matched(rarity, said[passage.source_id])]
        for passage, cosine in zip(found, cosines, strict=True)
    ]


def _matched(rarity: Mapping[str, float], said: Stems) -> tuple[float, float, float, float]:
    """The share of the query that is said, by rarity; its square; the rarest word that is not
    said, 0 to 1; and how much is said at all: a short summary says less of what it answers."""
    whole = sum(rarity.values())
    covered = sum(value for stem, value in rarity.items() if stem in said) / whole if whole else 0.0
    missing = max((value for stem, value in rarity.items() if stem not in said), default=0.0)
    return covered, covered**2, missing, math.log1p(len(said)) / 5
