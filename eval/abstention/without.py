"""A library from which the articles that answer a question were taken out."""

from collections.abc import Mapping, Sequence
from typing import Any

from tools.evidence import LiteratureEvidence
from tools.library import EVERYTHING, ArticleFilter, Hit
from tools.store import Store


class Without:
    """The passages of a store but those of some articles; what is not there is not found.

    Rarities are those of the whole library: a word that only the missing article has counts as
    very rare, not as unknown, which makes it a little harder to abstain.
    """

    def __init__(self, store: Store, missing: frozenset[int]) -> None:
        self._store, self._missing = store, missing

    def nearest_passages(
        self, encoder: str, vector: Any, k: int, filters: ArticleFilter = EVERYTHING
    ) -> list[Hit]:
        deeper = k + len(self._missing)
        return self._kept(self._store.nearest_passages(encoder, vector, deeper, filters), k)

    def lexical_passages(
        self, query: str, k: int, filters: ArticleFilter = EVERYTHING
    ) -> list[Hit]:
        deeper = k + len(self._missing)
        return self._kept(self._store.lexical_passages(query, deeper, filters), k)

    def cosines(self, encoder: str, vector: Any, ids: Sequence[int]) -> dict[int, float]:
        return self._store.cosines(encoder, vector, ids)

    def evidence(self, cosines: Mapping[int, float]) -> dict[int, LiteratureEvidence]:
        return self._store.evidence(cosines)

    def _kept(self, hits: Sequence[Hit], k: int) -> list[Hit]:
        return [hit for hit in hits if hit.passage_id not in self._missing][:k]
