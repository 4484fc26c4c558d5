"""The part of a description that its findings bear out.

A text that was generated says what the model finds likely word by word; whether a statement is
probable is known only from the closed question about the same. Statements that no finding bears
out are cut from the text by the clause, or put as it was found where more than the text is known.
Words that are no phrase of the schema are left alone.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tools.findings.counts import PLURALS, count_range
from tools.findings.reading import COUNT, Statement, statements
from tools.findings.schema import BY_NAME

_SENTENCE = re.compile(r"[^.!?]*[.!?]*\s*")
_ARTICLE = re.compile(r"\ban? $", re.IGNORECASE)
_JOINT = re.compile(r"[,;:]?\s+(?:with|and|in|of|by|has)\s+|[,;:]\s+")


class Claims(NamedTuple):
    """What is left of a text, and the names of what was cut from it."""

    text: str
    uncertain: tuple[str, ...]


def claimed(text: str, found: Mapping[str, str]) -> Claims:
    """The text without the clauses that state anything but `found` ({"cell_type": "monocyte"}).

    A number stands if the range that was found holds it.
    """
    uncertain: list[str] = []
    while doubtful := [s for s in _outermost(statements(text)) if not _borne_out(s, found)]:
        uncertain.append(_in_words(doubtful[0].name))
        text = _without(text, doubtful[0])
    return Claims(text.strip(), tuple(dict.fromkeys(uncertain)))


def restated(text: str, found: Mapping[str, str]) -> str:
    """The text with its statements put as `found` where one phrase can stand for the other.

    "a band nucleus" becomes "an indented nucleus"; "a neutrophil" stays: phrases that share neither
    their first nor their last word are no parts of one sentence.
    """
    for said in sorted(_outermost(statements(text)), key=lambda s: -s.start):
        if phrase := _phrase_instead(said, found):
            before, after = text[: said.start], text[said.end :]
            before = _ARTICLE.sub("an " if phrase[0] in "aeiou" else "a ", before)
            text = f"{before}{phrase}{after}"
    return text


def _phrase_instead(said: Statement, found: Mapping[str, str]) -> str:
    """How what was found is said, where it is another that fits in the same sentence; else ""."""
    if said.name not in BY_NAME or found.get(said.name, said.value) == said.value:
        return ""
    question = BY_NAME[said.name]
    old, new = question.phrase(said.value), question.phrase(found[said.name])
    alike = new and (old.split()[0] == new.split()[0] or old.split()[-1] == new.split()[-1])
    return new if alike else ""


def _outermost(said: Sequence[Statement]) -> list[Statement]:
    """Without what is a part of another statement: the cell type in "1 platelet"."""
    return [
        s
        for s in said
        if not any(
            o.start <= s.start and s.end <= o.end and o.end - o.start > s.end - s.start
            for o in said
        )
    ]


def _borne_out(said: Statement, found: Mapping[str, str]) -> bool:
    if not said.name.startswith(COUNT):
        return found.get(said.name) == said.value
    thing = said.name.removeprefix(COUNT)
    question, option = count_range(thing, int(said.value))
    return found.get(question.name) == option


def _in_words(name: str) -> str:
    if name.startswith(COUNT):
        return f"number of {PLURALS[name.removeprefix(COUNT)]}"
    return name.replace("_", " ")


def _without(text: str, said: Statement) -> str:
    """The text without the clause of a statement; what its sentence keeps is a sentence again."""
    start, end = next(m.span() for m in _SENTENCE.finditer(text) if m.end() > said.start)
    end -= len(text[start:end]) - len(text[start:end].rstrip(".!? "))
    whole = [(s.start, s.end) for s in statements(text)]  # "hematoxylin and eosin" is one phrase
    joints = [m.span() for m in _JOINT.finditer(text, start, end)
              if not any(a < m.end() and m.start() < b for a, b in whole)]  # fmt: skip
    before = [joint for joint in joints if joint[1] <= said.start]
    after = [joint for joint in joints if joint[0] >= said.end]
    if after:  # what follows takes the place
        cut = before[-1][1] if before else start, after[0][1]
    elif before:
        cut = before[-1][0], end
    else:
        rest = _SENTENCE.match(text, start)
        cut = start, rest.end() if rest else end
    kept = text[: cut[0]] + text[cut[1] :]
    return kept[:start] + kept[start : start + 1].upper() + kept[start + 1 :]
