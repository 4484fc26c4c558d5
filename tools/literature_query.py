"""What to look up in the literature for a question: its words less the asking."""

import re

# Words that ask for literature, and those around them that say nothing of its subject.
_LITERATURE = (
    r"literature|papers?|articles?|publications?|pubmed|studies|study|published|references?|"
    r"citations?|reported"
)
_ASKING = re.compile(
    rf"\b({_LITERATURE}|what|which|how|does|do|did|is|are|was|were|has|have|been|can|could|would|"
    r"you|me|i|we|please|any|some|the|a|an|of|on|about|for|say|says|said|tell|show|find|search|"
    r"give|list|there|known|also|and|then|more)\b",
    re.IGNORECASE,
)
_REFERRING = re.compile(
    r"\b(its?|it's|this|that|these|those|them|they|their|such|(?:the|this|that) (?:cells?|image|"
    r"picture))\b",
    re.IGNORECASE,
)


def refers_to_the_image(words: str) -> bool:
    """Whether the words need the image to be understood ("its nucleus", "papers on that")."""
    return bool(_REFERRING.search(words)) or not _subject(words)


def literature_query(words: str, topic: str | None = None) -> str:
    """What to look up: the words less the asking, with the topic in place of "it".

    "what does the literature say about its nucleus", "neutrophil" -> "neutrophil nucleus".
    A question that stands alone is looked up as it was asked.
    """
    if topic and refers_to_the_image(words):
        return f"{topic} {_subject(words)}".strip()
    asks_for_papers = re.search(rf"\b({_LITERATURE})\b", words, re.IGNORECASE)
    return (_subject(words) if asks_for_papers else "") or words.strip()


def _subject(words: str) -> str:
    """What is left without asking and referring words; it may be nothing."""
    left = _REFERRING.sub(" ", _ASKING.sub(" ", words))
    return " ".join(re.sub(r"[^\w\s%+/.-]|\.(?=\s|$)", " ", left).split())
