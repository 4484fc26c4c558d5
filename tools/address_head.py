"""How much a sentence sounds as if it spoke to a program: a trained linear head.

Trained by `eval/untrusted/train.py` on attacks and on real abstracts; its file says on which.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.address_features import COLUMNS, features, is_foreign
from tools.errors import BadInputError
from tools.letters import Letters
from tools.linear_head import LinearHead, read_head

SHIPPED = Path(__file__).with_name("address_head.json")


@dataclass(frozen=True)
class AddressHead:
    """Scores sentences in log-odds; both thresholds were chosen by the false alarms they cost."""

    head: LinearHead  # one label
    letters: Letters
    refused: float  # from here on its article supports nothing
    unquoted: float  # from here on it is not quoted; its article may be

    def scores(self, pieces: Sequence[str]) -> list[float]:
        """Of each sentence of one text."""
        foreign = is_foreign(pieces, self.letters)
        return [self.score(piece, foreign) for piece in pieces]

    def score(self, sentence: str, foreign: bool = False) -> float:
        """Of a sentence; `foreign` where its whole text is in another language."""
        row = features(sentence, self.letters, foreign)
        values = np.fromiter(row.values(), float, len(row))
        return float(values @ self.head.weights[list(row), 0] + self.head.bias[0])


@functools.cache
def shipped() -> AddressHead:
    """The head that comes with Cytoscribe; read once."""
    head, notes = read_head(SHIPPED)
    if head.weights.shape != (COLUMNS, 1):
        raise BadInputError(f"{SHIPPED} is of other features {head.weights.shape}; train it again")
    letters = Letters.from_text(notes["letters"])
    return AddressHead(head, letters, float(notes["refused"]), float(notes["unquoted"]))
