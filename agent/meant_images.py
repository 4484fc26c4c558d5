"""Which of a session's images a question is about: "compare the first and the second".

Images are counted in the order in which they came, those of the turn by themselves where it brings
several. Words that name none mean the turn's own images, else the newest of the session. Only words
are read, in the languages of our laboratories; it cannot know what an image shows.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ORDINALS = (
    r"first|1st|erste[nmrs]?|premi[eè]re?|primer[ao]?|prim[ao]|primeir[ao]",
    r"second|2nd|zweite[nmrs]?|deuxi[eè]me|seconde|segund[ao]|second[ao]",
    r"third|3rd|dritte[nmrs]?|troisi[eè]me|tercer[ao]?|terz[ao]|terceir[ao]",
    r"fourth|4th|vierte[nmrs]?|quatri[eè]me|cuart[ao]|quart[ao]",
    r"fifth|5th|fünfte[nmrs]?|cinqui[eè]me|quint[ao]",
)
_IMAGE = (
    r"(?:images?|pictures?|photos?|micrographs?|slides?|uploads?|"
    r"bild(?:er)?|fotos?|im[aá]genes|imagen|immagin[ei]|imagem|imagens)"
)
_ONE = rf"(?:{_IMAGE}|ones?|cells?|smears?|zellen?|cellules?|c[eé]lulas?|cellul[ae])"
_JOIN = r"(?:and|or|with|to|vs|versus|from|und|oder|mit|von|et|avec|y|con|e|com)"
_THE = r"(?:the|my|das|die|der|dem|den|la|le|el|il|lo|l|a|o)"
_ORDINAL = re.compile(
    rf"\b(?:{_THE} )?(?:{'|'.join(f'({words})' for words in _ORDINALS)})"
    rf"(?: {_ONE}\b|(?= {_JOIN}\b)|$)"
)
_NUMBERED = re.compile(rf"\b{_IMAGE} (?:number |no |nr )?([1-9]\d?)(?: {_JOIN} ([1-9]\d?))?\b")
_BEFORE = re.compile(
    rf"\b(?:previous|earlier|preceding|last|vorherige[nms]?|letzte[nms]?|pr[eé]c[eé]dente?|"
    rf"anterior|precedente) {_ONE}\b|\b{_ONE} (?:before|pr[eé]c[eé]dente?|anterior|precedente)\b"
)
_HOW_MANY = {"two": 2, "2": 2, "three": 3, "3": 3, "four": 4, "4": 4}
_TWO = re.compile(r"\b(?:both|beiden?|les deux|l[ao]s dos|entramb[ei]|amb[ao]s)\b")
_SEVERAL = re.compile(
    rf"\b(?:(?:these|those|the|my) ({'|'.join(_HOW_MANY)})(?: {_IMAGE}\b|$)"
    rf"|(?:which|one|each) of (?:the|these|those) ({'|'.join(_HOW_MANY)})\b)"
)
_ALL = re.compile(rf"\b(?:all|each)(?: of)?(?: the| my| these| those)? {_IMAGE}\b")
_THEM = re.compile(rf"\b(?:compare|between) (?:them|(?:the|my|these|those) {_IMAGE})\b")
_AGAINST = re.compile(
    r"\b(?:compar\w*|vergleich\w*|confront\w*|differ\w*|versus|vs|than|same as|like)\b"
)
_COMPARE = re.compile(r"(?:please )?(?:compar\w*|vergleiche?n?|confront\w*)\b.*")
_FURTHER = re.compile(  # wishes beyond the session's own images
    r"\b(?:similar|librar\w+|cases?|papers?|articles?|literature|publi\w+|studies|atlas)\b"
)


@dataclass(frozen=True)
class Meant:
    """Ids of the images a question is about, and the numbers it names that no image has."""

    images: tuple[str, ...]
    missing: tuple[int, ...] = ()


def meant(
    question: str, own: Sequence[str], shown: Sequence[str], latest: str | None = None
) -> Meant:
    """`own` came with the question, `shown` are all of the session in their order, `own` too;
    `latest` was spoken of last, by default the newest."""
    words = _words(question)
    current = tuple(own) or ((latest,) if latest else tuple(shown[-1:]))
    if not shown:
        return Meant(())
    count = several(words, len(shown))
    if count and len(own) < count:
        return Meant(tuple(shown[-count:]))
    numbered = own if len(own) > 1 else shown
    numbers = tuple(dict.fromkeys(_numbers(words)))
    named = [numbered[n - 1] for n in numbers if n <= len(numbered)]
    named += _before(words, current, shown)
    if len(named) == 1 and not numbers[1:] and _AGAINST.search(words):
        named += current
    missing = tuple(n for n in numbers if n > len(numbered))
    return Meant(tuple(dict.fromkeys(named)) or (() if missing else current), missing)


def several(words: str, shown: int) -> int:
    """How many of the newest images are meant as a group; 0 where no group is named."""
    if _ALL.search(words):
        return shown
    if found := _SEVERAL.search(words):
        return _HOW_MANY[found[1] or found[2]]
    return 2 if _TWO.search(words) or _THEM.search(words) else 0


def compares(question: str) -> bool:
    """Whether a question asks for nothing but a comparison of the session's own images."""
    words = _words(question)
    if not _COMPARE.fullmatch(words) or _FURTHER.search(words):
        return False
    named = list(_numbers(words)) or _BEFORE.search(words) or several(words, 2)
    return bool(named)


def _numbers(words: str) -> Iterator[int]:
    """The numbers of images that are named, in the order of the words."""
    found = [*_ORDINAL.finditer(words), *_NUMBERED.finditer(words)]
    for match in sorted(found, key=lambda m: m.start()):
        if match.re is _ORDINAL:
            yield (match.lastindex or 0)
        else:
            yield from (int(number) for number in match.groups() if number)


def _before(words: str, current: Sequence[str], shown: Sequence[str]) -> list[str]:
    """The image that came before the current ones, where it is spoken of."""
    earlier = shown[: shown.index(current[0])]
    return list(earlier[-1:]) if _BEFORE.search(words) else []


def _words(question: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", question.lower()))
