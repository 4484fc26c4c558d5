"""Put a question into English word by word, for an encoder that knows English only.

The language is the one that has most of the question's words; a question of mostly English words
stays as it is. Words that the glossary lacks stay, too: names of drugs and diseases are much the
same in all of them. It is no translation, but what is asked for comes through.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agent.routing_lexicon import plain

GLOSSARY = Path(__file__).parent / "routing_glossary.txt"
_ENGLISH = """
    the a an of to is it its in on at and or are was were be been this that these those what which
    who why how when where do does did can could would should will may i you we they me my your
    our he she his her their them with without for from by about as not no any some all more most
    other there here have has had if than then like look show find tell give see say please thanks
    thank let get got need want know make out up into also only very same such each every between
    after before during against don doesn isn aren mine one ones two many much name describe
    similar cells cell image picture images papers articles literature nucleus u wat r ur n da dis
    lik teh pls plz but"""
ENGLISH = frozenset(_ENGLISH.split())
_SHORTEST = 4  # letters of a part of a compound


@dataclass(frozen=True)
class _Tongue:
    """Words, and beginnings of words, to English; an accent counts where the glossary has one."""

    words: Mapping[str, str]
    stems: Mapping[str, str]

    def gloss(self, word: str) -> str | None:
        """English for a word in lower case; of a compound, for both of its parts."""
        if (known := self.words.get(word)) is not None:
            return known
        return self._of_plain(plain(word)) or self._of_plain(_umlauts(plain(word)))

    def _of_plain(self, word: str) -> str | None:
        if (known := self.words.get(word)) is not None:
            return known
        for end in range(len(word), 1, -1):
            if (found := self.stems.get(word[:end])) is not None:
                return " ".join(filter(None, (found, self._second(word[end:]))))
        return None

    def _second(self, rest: str) -> str | None:
        """Of "sbilder", after "Vergleich": "image"."""
        parts = (part for part in (rest, rest[1:]) if len(part) >= _SHORTEST)
        return next(filter(None, map(self._of_plain, parts)), None)


def in_english(question: str) -> str:
    """The question, or its words in English where they are of another language."""
    tokens = re.findall(r"[^\W_]+|[?!.,;:]", question.lower())
    words = [token for token in tokens if token.isalnum()]
    english = sum(word in ENGLISH for word in words)
    known = [sum(tongue.gloss(word) is not None for word in words) for tongue in tongues()]
    if max(known) <= english or 2 * max(known) < len(words):
        return question
    tongue = tongues()[known.index(max(known))]
    return " ".join(tongue.gloss(token) or token for token in tokens)


@lru_cache(1)
def tongues() -> tuple[_Tongue, ...]:
    """German, French, Spanish, Italian and Portuguese."""
    rows = [line.split("|") for line in GLOSSARY.read_text(encoding="utf-8").splitlines()[1:]]
    return tuple(
        _tongue({form: row[0].strip() for row in reversed(rows) for form in row[n].split()})
        for n in range(1, len(rows[0]))
    )


def _tongue(forms: Mapping[str, str]) -> _Tongue:
    stems = {form[:-1]: english for form, english in forms.items() if form.endswith("*")}
    return _Tongue({f: english for f, english in forms.items() if not f.endswith("*")}, stems)


def _umlauts(word: str) -> str:
    """German that was typed without them: "aehnlich" -> "ahnlich"."""
    return re.sub(r"(?<=[aou])e", "", word)
