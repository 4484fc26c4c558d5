"""Clean text, and cut it into passages that a sentence encoder reads whole.

A section that is short enough stays one passage; a long one is cut at sentence ends. Where a
sentence ends is guessed from punctuation, with a short list of abbreviations.
"""

import re
from collections.abc import Iterator

from tools.library import Passage

MAX_WORDS = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # Postgres takes no NUL
_SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][)\"'\]]))\s+(?=[A-Z0-9(\[\"'])|(?<= [.!?])\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|al|Fig|Figs|Dr|no|approx|spp|sp|ca|St)|\b[A-Z])\.$"
)


def clean(text: str) -> str:
    """One line of text: white space made even, control characters and broken Unicode left out."""
    return " ".join(_CONTROL.sub(" ", text).split())


def passages(section: str, text: str, max_words: int = MAX_WORDS) -> Iterator[Passage]:
    """The passages of a section, at most `max_words` words each, together the whole text."""
    section = clean(section)
    section = "abstract" if section in ("", "UNLABELLED") else section
    packed: list[str] = []
    for piece in _pieces(clean(text), max_words):
        if packed and _words(packed) + len(piece.split()) > max_words:
            yield Passage(section=section, text=" ".join(packed))
            packed = []
        packed.append(piece)
    if packed:
        yield Passage(section=section, text=" ".join(packed))


def sentences(text: str) -> Iterator[str]:
    """The sentences of clean text, in order."""
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[start : end.start()]):
            yield text[start : end.start()]
            start = end.end()
    if text[start:]:
        yield text[start:]


def _pieces(text: str, max_words: int) -> Iterator[str]:
    """Sentences; one that is too long is cut between words."""
    for sentence in sentences(text):
        words = sentence.split()
        for at in range(0, len(words), max_words):
            yield " ".join(words[at : at + max_words])


def _words(pieces: list[str]) -> int:
    return sum(len(piece.split()) for piece in pieces)
