"""Whether a sentence that a text model wrote is backed by the passages that it cites.

Numbers and PMIDs must stand in them, nearly all telling words must too, and the sentence that says
it must not be denied where the written one affirms, or the other way round. It speaks of no image:
the text model saw none. All this is read off the words; a sentence that recombines a passage's own
words into something else passes, and a true paraphrase in other words is dropped.
"""

import re
from collections.abc import Iterator, Sequence

from agent.wording import split_sentences
from tools.evidence import LiteratureEvidence
from tools.untrusted import addresses_a_program, pmids_in, without_pmids

# Shares of the telling words; docs/benchmarks/answers.md says what they let through.
LEAST_SHARED = 0.85  # with all that is cited
LEAST_IN_ONE = 0.6  # with a single sentence of it
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_WORD = re.compile(r"[^\W\d_]{3,}")
_DENIAL = re.compile(
    r"\b(not|no|nor|neither|never|none|without|cannot|fail(?:s|ed)?|lack(?:s|ed)?|absen(?:t|ce)|"
    r"un(?:able|changed|affected|related)|in(?:dependent|effective|sensitive))\b",
    re.IGNORECASE,
)
_UP = re.compile(r"\b(increas|rais|elevat|high|more|greater|enhanc|promot|activat|up-?regulat|"
                 r"improv|gain|induc|worsen)", re.IGNORECASE)  # fmt: skip
_DOWN = re.compile(r"\b(decreas|reduc|lower|less|few|diminish|inhibit|suppress|down-?regulat|"
                   r"impair|loss|lost|prevent|block|attenuat|protect)", re.IGNORECASE)  # fmt: skip
_IMAGE = re.compile(
    r"\b(image|picture|photo\w*|your (cell|slide|smear)|this cell)\b", re.IGNORECASE
)
_COMMON = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "that",
        "this",
        "these",
        "those",
        "from",
        "was",
        "were",
        "are",
        "has",
        "have",
        "had",
        "been",
        "being",
        "its",
        "their",
        "his",
        "her",
        "than",
        "then",
        "but",
        "into",
        "such",
        "also",
        "can",
        "may",
        "might",
        "will",
        "would",
        "could",
        "which",
        "who",
        "whom",
        "whose",
        "what",
        "when",
        "where",
        "how",
        "does",
        "did",
        "done",
        "study",
        "studies",
        "results",
        "result",
        "found",
        "finding",
        "findings",
        "show",
        "shows",
        "showed",
        "shown",
        "suggest",
        "suggests",
        "suggested",
        "according",
        "passage",
        "passages",
        "evidence",
        "between",
        "among",
        "both",
        "during",
        "after",
        "before",
    ]
)


def backed(said: str, cited: Sequence[LiteratureEvidence]) -> bool:
    """Whether the cited passages bear a sentence out, as far as words tell."""
    if addresses_a_program(said) or _IMAGE.search(said):
        return False
    text = " ".join(f"{p.title} {p.passage}" for p in cited)
    if not pmids_in(said) <= {p.pmid for p in cited if p.pmid}:
        return False
    said, text = without_pmids(said, ""), without_pmids(text, "")
    if not set(_numbers(said)) <= set(_numbers(text)):
        return False
    words, there = _stems(said), _stems(text)
    closest = _closest(words, text)
    return (
        bool(words)
        and len(words & there) >= LEAST_SHARED * len(words)
        and len(words & _stems(closest)) >= LEAST_IN_ONE * len(words)
        and not _turned_round(said, closest)
    )


def _numbers(text: str) -> Iterator[str]:
    """Numbers as they are meant: "1,000" is 1000."""
    for found in _NUMBER.findall(text):
        yield re.sub(r",(?=\d{3}\b)", "", found)


def _stems(text: str) -> set[str]:
    """The telling words without their endings."""
    words = (word.lower() for word in _WORD.findall(text))
    return {_stem(word) for word in words if word not in _COMMON}


def _stem(word: str) -> str:
    """ "lobes", "lobed" -> "lob": crude, but the same for the forms of a word."""
    return re.sub(r"(ations?|ations|ingly|edly|ing|ies|ed|es|ly|s|e|y)$", "", word) or word


def _closest(words: set[str], text: str) -> str:
    """The sentence that shares most of the words."""
    return max(split_sentences(text), key=lambda sentence: len(words & _stems(sentence)))


def _turned_round(said: str, source: str) -> bool:
    """Whether one denies what the other affirms, or names the other direction."""
    if bool(_DENIAL.search(said)) != bool(_DENIAL.search(source)):
        return True
    up, down = bool(_UP.search(said)), bool(_DOWN.search(said))
    if up == down:
        return False
    here = _UP if up else _DOWN
    return not here.search(source) and bool((_DOWN if up else _UP).search(source))
