"""Search terms for what is seen: findings in the words that articles are indexed by.

A part that the question names is looked up as it is seen ("its nucleus" -> "band nucleus"); where
no part is named, what is remarkable of the cell goes along with its type. Near MeSH's headings in
wording, not identical to them.
"""

import re
from collections.abc import Mapping, Sequence

from tools.evidence import Finding
from tools.findings.schema import BY_NAME

# Words of a question -> the attributes they are about.
PARTS: Mapping[str, tuple[str, ...]] = {
    r"nucle\w+|lobes?|lobed|segment\w*": ("nucleus_shape",),
    r"chromatin": ("chromatin_density",),
    r"vacuol\w+": ("cytoplasm_vacuole",),
    r"granul\w+": ("granule_type",),
    r"ratio": ("nuclear_cytoplasmic_ratio",),
    r"cytoplasm\w*": ("cytoplasm_vacuole", "granule_type"),
}
# What articles are written about, and how they say it; other findings are ordinary.
REMARKABLE: Mapping[tuple[str, str], str] = {
    ("nucleus_shape", "band"): "band nucleus",
    ("cytoplasm_vacuole", "yes"): "cytoplasmic vacuoles",
    ("cell_shape", "irregular"): "irregular cell shape",
    ("granule_type", "coarse"): "coarse granules",
}


def search_terms(words: str, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Terms for the attributes that `words` name, else for those that are remarkable."""
    seen = {f.name: f.value for f in findings if f.origin == "seen"}
    named = [n for pattern, names in PARTS.items() if _has(pattern, words) for n in names]
    if named:
        told = [BY_NAME[name].phrase(seen[name]) for name in named if name in seen]
        return tuple(dict.fromkeys(term for term in told if term))
    return tuple(term for (name, value), term in REMARKABLE.items() if seen.get(name) == value)


def _has(pattern: str, words: str) -> bool:
    return bool(re.search(rf"\b({pattern})\b", words, re.IGNORECASE))


def with_terms(query: str, terms: Sequence[str]) -> str:
    """The query with the terms; a term takes the place of its last word where that is there.

    "neutrophil nucleus", ("band nucleus",) -> "neutrophil band nucleus"
    """
    for term in terms:
        thing = re.compile(rf"\b{re.escape(term.split()[-1])}\b", re.IGNORECASE)
        query = thing.sub(term, query, count=1) if thing.search(query) else f"{query} {term}"
    return query
