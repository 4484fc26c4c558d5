"""How strange a text's letters are in English science prose: a model of three letters in a row.

Shannon's third-order approximation ("A Mathematical Theory of Communication", 1948): the mean of
-log p(letter | the two before it), in nats. It finds other languages, and texts that are coded,
spelt with figures or turned round.
"""

import base64
import functools
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SYMBOLS = 29  # a space, a to z, another sign, a letter that English does not have
SPACE, SIGN, OTHER = 0, 27, 28
WINDOW = 40  # letters
SCALE = 20.0  # steps a nat in the file
LEAST = 16  # letters of a text that can be judged
KNOWN = 0x3040  # code points below are looked up, those above are letters of other scripts
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Letters:
    """-log p of each letter after the two before it: (SYMBOLS ** 3,), in nats."""

    surprise: NDArray[np.float64]

    @classmethod
    def fit(cls, texts: Iterable[str]) -> "Letters":
        """Counted, with a little added to each."""
        counts = np.full(SYMBOLS**3, 0.05)
        for text in texts:
            np.add.at(counts, _triples(_codes(text)), 1)
        shares = counts.reshape(-1, SYMBOLS)
        return cls(-np.log(shares / shares.sum(1, keepdims=True)).ravel())

    def as_text(self) -> str:
        """In steps of 1 / SCALE nats, for a file."""
        steps = np.clip(np.round(self.surprise * SCALE), 0, 255).astype(np.uint8)
        return base64.b85encode(steps.tobytes()).decode()

    @classmethod
    def from_text(cls, told: str) -> "Letters":
        """What `as_text` told; ValueError for anything else."""
        steps = np.frombuffer(base64.b85decode(told), np.uint8)
        if steps.size != SYMBOLS**3:
            raise ValueError(f"{steps.size} letters instead of {SYMBOLS**3}")
        return cls(steps / SCALE)

    def strangeness(self, text: str) -> tuple[float, float, float]:
        """Mean of the text, of its strangest WINDOW, and the share of letters English lacks.

        The first two are 0 where there is too little text.
        """
        codes = _codes(text)
        written = int(((codes > SPACE) & (codes != SIGN)).sum())
        other = float((codes == OTHER).sum() / max(written, 1))
        surprise = self.surprise[_triples(codes)]
        if surprise.size < LEAST:
            return 0.0, 0.0, other
        width = min(WINDOW, surprise.size)
        sums = np.cumsum(np.concatenate([[0.0], surprise]))
        return float(surprise.mean()), float((sums[width:] - sums[:-width]).max() / width), other


def _codes(text: str) -> Codes:
    """Symbols of a text, a space at either end."""
    folded = unicodedata.normalize("NFKC", text).lower()
    points = np.frombuffer(folded.encode("utf-32-le", "replace"), np.uint32)
    codes = np.full(points.size, OTHER, np.int64)
    low = points < KNOWN
    codes[low] = _symbols()[points[low]]
    return np.concatenate([[SPACE], codes, [SPACE]])


def _triples(codes: Codes) -> Codes:
    """The place of each three letters; spaces and signs in a row are one."""
    letter = (codes > SPACE) & (codes < SIGN)
    c = codes[np.concatenate([[True], letter[1:] | (codes[1:] != codes[:-1])])]
    return np.asarray((c[:-2] * SYMBOLS + c[1:-1]) * SYMBOLS + c[2:])


@functools.cache
def _symbols() -> Codes:
    return np.array([_symbol(chr(point)) for point in range(KNOWN)], np.int64)


def _symbol(letter: str) -> int:
    if "a" <= letter <= "z":
        return ord(letter) - ord("a") + 1
    if letter.isspace():
        return SPACE
    greek = "\u03b1" <= letter <= "\u03c9"  # names of molecules
    return OTHER if letter.isalpha() and not greek else SIGN
