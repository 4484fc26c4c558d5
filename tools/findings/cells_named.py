"""Which kinds of cell words name, so that an answer can tell them from the kind that is seen.

Kinds of the schema by their names and common synonyms; any other noun that is formed like a cell's
("macrophage", "hepatocyte", "plasma cell") by itself. Words for many kinds at once ("leukocyte")
name none. English only.
"""

import re
from collections.abc import Mapping

from tools.findings.schema import CELL_TYPE, RED_CELL_TYPE

SYNONYMS: Mapping[str, str] = {
    r"thrombocytes?": "platelet",
    r"normoblasts?|nucleated red (?:blood )?cells?": "erythroblast",
    r"pmns?|polymorphonuclear (?:cells?|leu[ck]ocytes?)": "neutrophil",
}
# What a kind may be called as well without being contradicted.
_WIDER = re.compile(
    r"(leu[ck]|granul|agranul|phag|ha?em|h(?:a|ae|e)mat|cytoblast)ocytes?$|"
    r"\b(white|red|blood|single|this|that|the|which|what|of|each|every|one|my|our|a|an|no) cells?$",
    re.IGNORECASE,
)
_FORMED = re.compile(
    r"\b(\w{2,}(?:cyte|blast|phil|phage|clast)|(?:mast|plasma|stem|t|b|nk|cancer|tumou?r|"
    r"carcinoma|epithelial|endothelial|squamous|goblet|nerve|germ|sperm|fat|blast) cell)(s?)\b",
    re.IGNORECASE,
)


def cells_named(words: str) -> tuple[str, ...]:
    """The kinds of cell that the words name, each once, in their order: ("basophil",)."""
    found: dict[int, str] = {}
    for pattern, kind in _patterns().items():
        for at in re.finditer(rf"\b(?:{pattern})\b", words, re.IGNORECASE):
            found.setdefault(at.start(), kind)
    taken = set(found.values())
    for at in _FORMED.finditer(words):
        kind = at[1].lower()
        if kind not in taken and not _WIDER.search(at[0]) and not _inside(at, words):
            found.setdefault(at.start(), kind)
    return tuple(dict.fromkeys(found[start] for start in sorted(found)))


def _patterns() -> dict[str, str]:
    options = (*CELL_TYPE.options, *RED_CELL_TYPE.options)
    return {f"{re.escape(option)}s?": option for option in options} | dict(SYNONYMS)


def _inside(at: re.Match[str], words: str) -> bool:
    """Whether it is a part of a name that was found: the granulocyte of an immature one."""
    return any(
        known.start() <= at.start() and at.end() <= known.end()
        for pattern in _patterns()
        for known in re.finditer(rf"\b(?:{pattern})\b", words, re.IGNORECASE)
    )
