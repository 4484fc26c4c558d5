"""What a description states, read back from its words.

Only the phrases of the schema are understood, and counts in digits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.findings.counts import PLURALS
from tools.findings.question import Question
from tools.findings.schema import QUESTIONS

COUNT = "count:"  # begins the name of a stated number, "count:platelet"


@dataclass(frozen=True)
class Statement:
    """A fact and where the text states it."""

    name: str  # of a question, or "count:<thing>"
    value: str
    start: int
    end: int


def _said(text: str, question: Question) -> Statement | None:
    spoken = zip(question.phrases, question.options, strict=True)
    for phrase, option in sorted(spoken, key=lambda pair: -len(pair[0])):
        if phrase and (at := re.search(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE)):
            return Statement(question.name, option, *at.span())
    return None


def _counts(text: str) -> Iterator[Statement]:
    for thing, plural in PLURALS.items():
        number = re.search(rf"\b(\d{{1,4}}) (?:{thing}|{plural})\b", text, re.IGNORECASE)
        if number and not re.search(rf"\b(to|than) {number[1]} ", text):
            yield Statement(f"{COUNT}{thing}", number[1], *number.span())


def statements(text: str) -> list[Statement]:
    """The findings and counts that a description states, each at most once."""
    said = [found for q in QUESTIONS if (found := _said(text, q)) is not None]
    return [*said, *_counts(text)]


def facts_in(text: str) -> dict[str, str]:
    """The findings and counts that a description states: {"cell_type": "neutrophil", …}.

    Counts are under "count:<thing>".
    """
    return {said.name: said.value for said in statements(text)}
