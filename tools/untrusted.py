"""Which text of the literature speaks to a program rather than to a reader.

Articles are data: nothing in them is ever obeyed. A passage that tries to be obeyed ("ignore your
instructions", a call of a tool, a chat's mark-up) is no scientific prose either, so it supports
nothing. A trained head (tools/address_head.py) judges each sentence; patterns find the signs of
chats and tools. Two thresholds: the article of a sentence that surely speaks to a program is not
used at all, one that might is not quoted. Nor is one with an address, mark-up or the number of an
article: whoever wants to be quoted has to write prose. A false claim in plain prose looks like any
other claim and is not found here.
"""

import functools
import re
import unicodedata

from tools.address_features import sentences, without
from tools.address_head import shipped
from tools.evidence import LiteratureEvidence

_SIGNS = (
    r"\b(describe_image|image_search|literature_search|tool_calls?|function_call)\b",
    r"[{\[]\s*[\"'](name|tool|tool_name|function|action|arguments|role)[\"']\s*:",
    r"\b(DROP TABLE|rm -rf|curl http|os\.system|eval\(|import os)\b",
    r"<\|[^|>]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?(system|assistant|tool\w*|function\w*|instructions?|"
    r"passages?|user|untrusted\w*)\b[^>]{0,60}>",
    r"\b(ignore|disregard|forget|override) (\w+ ){0,3}(instruction|prompt|direction|message|passage"
    r")",
    r"\bignorier\w*\b.{0,60}\b(anweisung|vorgabe|regel)|\bignorez\b.{0,60}\b(consigne|instruction)",
)
_SIGN = re.compile("|".join(_SIGNS), re.IGNORECASE)
_PMID = re.compile(r"\bPMIDs?\b[:#\s]*(\d{1,9})", re.IGNORECASE)
# Numbers of articles in any dress. An abstract states its own DOI in its publisher's note only.
_NUMBERED = re.compile(
    r"\bPMC ?\d{4,}|\bPMIDs?\W{0,4}\d+|\bPubMed(?: ID)?[:# ]{1,3}\d{5,}|\barXiv:\s*\d+"
    r"|(?:pubmed|europepmc|ncbi)[\w.]*/\S*\d{5,}|\b10\.\d{4,9}/\S+|\bdoi ?[:=]",
    re.IGNORECASE,
)
_NOTED = re.compile(
    r"(?:publication|published|online|journal express|copyright|©|endocrine society|eLife"
    r"|version of this article).{0,60}$",
    re.IGNORECASE | re.DOTALL,
)
_UNQUOTED = re.compile(
    r"https?:|www\.|ftp:|\w@\w+\.\w|\S\(http|</?[a-z!][^>]*>|[{}`\\]|\w\([\"']|\w_\w|\]\(",
    re.IGNORECASE,
)
_INVISIBLE = re.compile(
    r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
)


def addresses_a_program(text: str, title: str = "") -> bool:
    """Whether a text gives orders to who reads it by machine, or hides characters to do so.

    The `title` of its article says nothing new where the text repeats it.
    """
    said = plain(text)
    return bool(_SIGN.search(said)) or _most(said, plain(title)) >= shipped().refused


@functools.lru_cache(maxsize=4096)
def _most(text: str, title: str) -> float:
    return max(shipped().scores([without(title, piece) for piece in sentences(text)]), default=-9.0)


def suspect(passage: LiteratureEvidence) -> bool:
    """Whether an article speaks to a program, or states numbers of articles not its own."""
    heading = "\n".join((passage.title, passage.journal or "", passage.source_id))
    text = f"{heading}\n{passage.passage}"
    return (
        bool(_SIGN.search(plain(heading)))
        or addresses_a_program(passage.passage, passage.title)
        or bool(pmids_in(text) - {passage.pmid})
        or states_others(passage.passage, passage.pmid)
    )


def states_others(text: str, own: str | None) -> bool:
    """Whether a text states the number of an article but its own, outside a publisher's note."""
    said = plain(text)
    return any(not _NOTED.search(said[:start]) for start in _numbers_of_others(said, own))


def _numbers_of_others(said: str, own: str | None) -> list[int]:
    """Where they stand."""
    found = _NUMBERED.finditer(said)
    return [one.start() for one in found if own not in re.findall(r"\d+", one[0])]


def quotable(sentence: str, passage: LiteratureEvidence) -> bool:
    """Whether a sentence of a passage may be shown as a claim: prose that addresses nobody."""
    said = plain(sentence)
    if _SIGN.search(said) or _UNQUOTED.search(said) or _numbers_of_others(said, passage.pmid):
        return False
    return _most(said, plain(passage.title)) < shipped().unquoted


def plain(text: str) -> str:
    """The text as it is read: look-alike forms folded, invisible characters left out."""
    folded = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    return re.sub(
        r"\b(?:\w[ .\-_]){4,}\w\b", lambda spaced: re.sub(r"[ .\-_]", "", spaced[0]), folded
    )


def pmids_in(text: str) -> frozenset[str]:
    """The PMIDs that a text states."""
    return frozenset(_PMID.findall(text))


def without_pmids(text: str, instead: str = "that article") -> str:
    """The text with its PMIDs taken out, so that what a user made up is not told as a source."""
    return _PMID.sub(instead, text)
