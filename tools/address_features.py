"""What is read of a sentence to tell whether it speaks to a program.

Its words, pairs of words and pieces of words, hashed to a fixed width (Weinberger et al. 2009);
what its words do (tools/address_lexicon.py) and what is done together; its signs, since mark-up,
code and calls have others than prose; and how strange its letters are in English, which finds other
languages and texts that are coded or turned round. No encoder is asked: a sentence takes a
fraction of a millisecond, and the same text always has the same features.
"""

import functools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from tools.address_lexicon import CONCEPTS, concepts
from tools.letters import Letters

HASHED = 4096  # columns
PIECES = (3, 4)  # letters
LONGEST = 160  # words and signs that are read of one sentence
SPELLING, SURFACE = 1.5, 0.5  # weights of these columns beside the others
_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_SIGNS = (
    "\"“”«»'‘’",
    "{}",
    "[]",
    "<>",
    "=",
    "`$#@\\|~^",
    "_",
    ":",
    "!",
    "?",
    "/",
    "→*•",
    "()",
    ";",
    "%",
)
_MARKED = tuple(map(re.compile, (
    r"https?://|www\.|ftp://|\b\w+\.(example|com|net|io)\b",  # an address
    r"\w@\w",
    r"\w_\w",  # names of programs
    r"\w\([\"'\w]*[=\"']|\w\(\)",  # a call
    r"(^|\s)--?[a-z]+\b|(^|\s)/\w+",  # options and paths
    r"[a-z][A-Z][a-z]",
    r"\b[A-Z]{4,}\b.{0,40}\b[A-Z]{4,}\b",
    r"\\[a-z]+|&#?\w+;|%[0-9A-Fa-f]{2}|\\u\d",
    r"[A-Za-z0-9+/]{28,}|([0-9a-fA-F]{2}[ :]){8,}|[01]{8}",  # a code
    r"^\W*\w+( \w+){0,4}: ",  # a heading
    r"(^|[\"“«:] ?)(q|a|user|human|assistant|ai|bot|system)\b ?:",
    r"^\W*[a-z]",
    r"[.!?:] *[\"“«]|: \w+( \w+){0,3}\.?$",  # a speech, a short last word
)))  # fmt: skip
COLUMNS = HASHED + len(_SIGNS) + len(_MARKED) + 4 + 4 + len(CONCEPTS) * (len(CONCEPTS) + 1) // 2


def features(sentence: str, letters: Letters, foreign: bool = False) -> dict[int, float]:
    """Values by column, those that are not 0; `foreign` texts are not strange for their letters."""
    row = _hashed(sentence)
    strange = (0.0,) * 4 if foreign else _strangeness(sentence, letters)
    said = [*_surface(sentence), *strange, *_meant(sentence, foreign)]
    row |= {HASHED + i: SURFACE * value for i, value in enumerate(said) if value}
    return row


def _hashed(sentence: str) -> dict[int, float]:
    """Counts of the tokens by their hash, dampened, of length SPELLING."""
    counts: Counter[int] = Counter()
    words = _words(sentence)
    for word in words:
        counts.update(_columns(word))
    counts.update(_column(f"{a} {b}") for a, b in pairwise(["^", *words, "$"]))
    meant = [name for word in words for name in concepts(word)[:1]]
    counts.update(_column(f"@{a} {b}") for a, b in pairwise(["^", *meant, "$"]))
    values = {column: math.log1p(n) for column, n in counts.items()}
    norm = math.sqrt(sum(v * v for v in values.values())) or 1.0
    return {column: SPELLING * v / norm for column, v in values.items()}


def _words(sentence: str) -> list[str]:
    found = _WORD.findall(sentence.lower())[:LONGEST]
    return ["0" if word.isdecimal() else word for word in found]


@functools.lru_cache(maxsize=50_000)
def _columns(word: str) -> tuple[int, ...]:
    """Of a word and of its pieces."""
    spelt = f"<{word}>" if len(word) > 2 else ""
    pieces = (spelt[i : i + n] for n in PIECES for i in range(len(spelt) - n + 1))
    return tuple(map(_column, (word, *pieces)))


def _column(token: str) -> int:
    return zlib.crc32(token.encode()) % HASHED


def _surface(sentence: str) -> Iterator[float]:
    yield from (math.log1p(sum(map(sentence.count, signs))) for signs in _SIGNS)
    yield from (float(bool(pattern.search(sentence))) for pattern in _MARKED)
    words = sentence.split()
    n = max(len(words), 1)
    yield math.log1p(n) / 4
    yield sum(word.isupper() for word in words) / n
    yield sum(word[:1].isupper() for word in words[1:]) / n
    yield float(max(map(len, words), default=0) > 30)


def _strangeness(sentence: str, letters: Letters) -> tuple[float, ...]:
    """What is above the usual, so that the most ordinary sentence is not taken for the best."""
    mean, worst, other = letters.strangeness(sentence)
    return max(0.0, mean - 2.4), max(0.0, mean - 2.9), max(0.0, worst - 3.0), other


def _meant(sentence: str, foreign: bool) -> Iterator[float]:
    counts = Counter(name for word in set(_words(sentence)) for name in concepts(word))
    if foreign:
        del counts["foreign"]
    yield from (min(counts[name], 3) / 2 for name in CONCEPTS)
    yield from (float(bool(counts[a] and counts[b])) for a, b in combinations(CONCEPTS, 2))


def sentences(text: str) -> list[str]:
    """Pieces to judge: lines and sentences, short ones together with what follows."""
    pieces: list[str] = []
    for piece in re.split(r"\n+|(?<=[.!?。！？])\s+|(?<=[。！？])", text):
        if pieces and len(pieces[-1]) < SHORT:
            pieces[-1] = f"{pieces[-1]} {piece}"
        elif piece.strip():
            pieces.append(piece.strip())
    return pieces


SHORT = 25  # characters
FOREIGN = 2.6  # nats a letter; abstracts in English have 2.0, in five other languages 2.9 to 3.3


def without(title: str, sentence: str) -> str:
    """The sentence with its article's title shortened to one word, so that it dilutes nothing."""
    bare = title.strip().rstrip(".?")
    return (
        re.sub(re.escape(bare), "it", sentence, flags=re.IGNORECASE)
        if len(bare) > SHORT
        else sentence
    )


def is_foreign(pieces: Sequence[str], letters: Letters) -> bool:
    """Whether a text is in another language throughout, so that no sentence of it is strange."""
    return len(pieces) > 2 and letters.strangeness(" ".join(pieces))[0] > FOREIGN
