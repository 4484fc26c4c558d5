"""Cut a question into the parts that may each ask for something else.

Only words are read, in six languages; a part may still ask for two things, or for none.
"""

import re

_STARTS = (
    r"what|which|how|why|are|is|do|does|can|any|show|find|search|describe|tell|give|list|compare|"
    r"count|similar|papers|look|then|was|welche|zeig|gibt|such|nenn|qu[eé]|muestra|ense[ñn]a|busca|"
    r"quelle|montre|cherche|cite|che|mostra|cosa|mostre|cite"
)
_FINER = re.compile(
    r"[,:]|\s(?:and|und|y|et|e|n|&|/|>>?|plus|then|sowie|dann|puis|luego|poi|depois|followed by|"
    r"as well as|along with)\s",
    re.IGNORECASE,
)


def clauses(question: str) -> list[str]:
    """The parts of a question that may each ask for something else.

    "What cell is this, and any papers on it?" -> ["What cell is this", "any papers on it"]
    """
    parts = re.split(
        rf"[?!;\n]+|\.(?=\s|$)|\s\+\s|,?\s+(?:and|und|y|et|e|n)\s+(?=(?:{_STARTS})\b)|"
        rf",\s*(?=(?:{_STARTS})\b)",
        question,
        flags=re.IGNORECASE,
    )
    return [part.strip(" ,") for part in parts if part.strip(" ,¿¡")] or [question.strip()]


def fragments(question: str) -> list[str]:
    """The same cut finer, at every comma and "and": a list of wishes need not have verbs."""
    parts = [part for clause in clauses(question) for part in _FINER.split(clause)]
    return [part.strip() for part in parts if part.strip()] or [question.strip()]
