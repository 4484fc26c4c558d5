"""Guesses at how a text goes on, taken from texts that were written before.

A model that writes in a few forms of words (a description of a cell) can check a guess of several
tokens in one forward instead of writing them one by one; greedy text stays what it is (Leviathan et
al. 2023, arXiv:2211.17192; the guesses need no model: Saxena 2023, prompt lookup decoding). It
knows tokens, no words.
"""

from collections.abc import Sequence
from itertools import pairwise
from threading import Lock

_START = -1


class Drafts:
    """What followed each pair of tokens when it was last written; safe in several threads."""

    def __init__(self, longest: int = 16, pairs: int = 10_000) -> None:
        self._longest, self._pairs = longest, pairs
        self._followed: dict[tuple[int, int], list[int]] = {}
        self._lock = Lock()

    def learn(self, tokens: Sequence[int]) -> None:
        """Remember a text that was written to its end; the oldest pairs are forgotten."""
        with self._lock:
            for end, pair in enumerate(pairwise((_START, _START, *tokens))):
                self._followed.pop(pair, None)
                self._followed[pair] = list(tokens[end : end + self._longest])
            while len(self._followed) > self._pairs:
                del self._followed[next(iter(self._followed))]

    def guess(self, tokens: Sequence[int]) -> list[int]:
        """What may follow a text that began with `tokens`; nothing if that is new."""
        before, last = (_START, _START, *tokens)[-2:]
        return self._followed.get((before, last), [])
