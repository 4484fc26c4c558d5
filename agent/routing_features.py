"""What the trained router reads of a question: its meaning, its spelling, and the session.

Spelling is words, pairs of words and pieces of words, hashed to a fixed width (Weinberger et al.
2009): it knows typos that the English sentence encoder does not. Other languages are read once as
they are and once word by word in English. After a tool was used, the words count once more together
with it, so that "and others?" can mean different things.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from agent.routing_glossary import in_english
from agent.routing_lexicon import LEXICON, concept, plain
from agent.showing import signs
from agent.turn import ToolName
from tools.linear_head import Floats
from tools.protocols import TextEncoder

HASHED = 4096  # columns
MEANING, SPELLING = 2.0, 1.5  # weights of these columns beside the others
PIECES = (3, 4, 5)  # letters
ORDER: tuple[ToolName, ...] = ("describe_image", "image_search", "literature_search")


@dataclass(frozen=True)
class Situation:
    """What the session tells beyond the words."""

    has_image: bool = False  # in this turn or an earlier one
    last_tools: tuple[ToolName, ...] = ()  # the plan of the turn before
    earlier: tuple[str, ...] = ()  # the questions before, oldest first


def features(texts: Sequence[str], situations: Sequence[Situation], encoder: TextEncoder) -> Floats:
    """(n, dimension + HASHED + 6 + 2 * SIGNS + 5 * len(LEXICON))."""
    english = [in_english(text) for text in texts]
    rows = list(zip(texts, english, situations, strict=True))
    meaning = encoder.encode_queries(english).astype(float) * MEANING
    spelling = np.array([_hashed(*row) for row in rows]) * SPELLING
    session = np.array([_session(t, s) for t, _, s in rows], float)
    concepts = np.array([_concepts(f"{t} {e}", s) for t, e, s in rows], float)
    return np.hstack([meaning, spelling, session, concepts])


def _hashed(text: str, english: str, situation: Situation) -> Floats:
    """Counts of the tokens by their hash, dampened, of length 1."""
    row = np.zeros(HASHED)
    for token in _tokens(plain(text), english if english != text else "", situation):
        row[zlib.crc32(token.encode()) % HASHED] += 1
    row = np.log1p(row)
    return np.asarray(row / max(float(np.linalg.norm(row)), 1e-9))


def _tokens(text: str, english: str, situation: Situation) -> Iterator[str]:
    words = _words(text)
    for read in filter(None, (words, _words(english))):
        yield from read
        yield from _pairs(read)
        yield from (f"{tool}:{word}" for tool in situation.last_tools for word in read)
    meant = [name for word in words if (name := concept(word))]
    yield from (f"@{pair}" for pair in _pairs(meant))
    for word in words:
        spelt = f"<{word}>"
        yield from (spelt[i : i + n] for n in PIECES for i in range(len(spelt) - n + 1))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+|\?", text)


def _pairs(words: Sequence[str]) -> Iterator[str]:
    yield from (f"{a} {b}" for a, b in zip(["^", *words], [*words, "$"], strict=True))


def _session(text: str, situation: Situation) -> list[float]:
    length = min(len(text.split()), 20) / 10
    last = [float(tool in situation.last_tools) for tool in ORDER]
    seen = signs(text, situation.has_image)
    return [
        *(float(situation.has_image), *last, float(not situation.last_tools), length),
        *map(float, seen),
        *(float(sign and situation.has_image) for sign in seen),
    ]


def _concepts(text: str, situation: Situation) -> list[float]:
    """Words of the lexicon, once for all, once with each tool used last and once with an image."""
    found = {concept(word) for word in re.findall(r"[^\W_]+", plain(text))}
    row = [float(name in found) for name in LEXICON]
    return [
        *row,
        *(value * (tool in situation.last_tools) for tool in ORDER for value in row),
        *(value * situation.has_image for value in row),
    ]
