"""What a question names to be shown from the library: "show me eosinophils" needs no image.

`surely_shown` reads it where nothing else can be meant: a question that only asks to see what it
names in words of the schema. `shown_words` is for where library images are known to be wanted, and
reads the name from any order of words: "eosinophil examples pls". Parts that compare, that point at
an image or that ask for reading name nothing. Both know the words of six languages, and nothing of
what the library holds.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from agent.clauses import clauses, fragments
from agent.routing_lexicon import concept, plain
from agent.showing_words import (
    COMPARING,
    COMPOUND,
    FILLERS,
    FIND,
    GENERIC,
    KEPT_IN,
    MANY,
    NO_PICTURE,
    OF,
    PICTURE,
    POINTING,
    QUESTIONING,
    SHOW,
    SHOW_OR_FIND,
    THING,
)
from tools.findings import QUESTIONS, RED_CELL_TYPE, TISSUE_TYPE
from tools.findings.names import CODES, in_our_words, named_types, normal

_CODES = {code: cell for cell, codes in CODES.items() for code in codes.split() if len(code) > 2}
del _CODES["lymph"]  # of "lymph node"


def shown_words(question: str, has_image: bool) -> str:
    """What the first part that names something names; "" where none does.

    Beside an image only what is said to be the library's, or is one of the schema's classes.
    """
    parts = [*clauses(question), *fragments(question)]
    return next((words for part in parts if (words := _named(part, has_image))), "")


def surely_shown(question: str, has_image: bool) -> bool:
    """Whether the question asks for nothing but to be shown what it names in words of the schema.

    Beside an image they must be a class: "show me the nucleus" means the one in it.
    """
    _, words = _words(question)
    shows = any(SHOW.fullmatch(w) or (not has_image and FIND.fullmatch(w)) for w in words)
    pictures = any(PICTURE.fullmatch(word) for word in words)
    if not (shows or pictures) or QUESTIONING & set(words) or not _is_plain_wish(words):
        return False
    subject = " ".join(word for word in words if not _asks(word))
    known = set(normal(in_our_words(subject)).split()) <= _vocabulary()
    return bool(subject) and known and (not has_image or _is_class(subject))


SIGNS = 11  # of `signs`


def signs(text: str, has_image: bool) -> tuple[bool, ...]:
    """What of the asking for pictures is in a text, for the router's head to weigh."""
    _, words = _words(text)
    joined = " ".join(words)
    shows, pictures, kept = (
        any(pattern.fullmatch(word) for word in words)
        for pattern in (SHOW_OR_FIND, PICTURE, KEPT_IN)
    )
    compares, points = (bool(pattern.search(joined)) for pattern in (COMPARING, POINTING))
    names = any(_is_name(word) for word in words)
    wished = names and (pictures or kept or shows)
    return (
        *(
            shows,
            pictures,
            kept,
            compares,
            points,
            names,
            wished,
            bool(shown_words(text, has_image)),
        ),
        *(points and names, compares and kept, names and not points),
    )


def _named(part: str, has_image: bool) -> str:
    """What a part names to be shown."""
    said, words = _words(part)
    kept = any(KEPT_IN.fullmatch(word) for word in words)
    if not _is_plain_wish(words, kept):
        return ""
    found = " ".join(_CODES.get(words[i], said[i]) for i in _known(words))
    if has_image:
        shows = any(SHOW.fullmatch(word) or MANY.fullmatch(word) for word in words)
        return found if kept or (shows and _is_class(found)) else ""
    points = POINTING.search(" ".join(words))
    return found or ("" if points else " ".join(said[i] for i in _beside_pictures(words)))


def _words(part: str) -> tuple[list[str], list[str]]:
    """The words as they are said, and plain; "Thrombozytenfotos" are two."""
    said = [piece for word in re.findall(r"[^\W_]+", part) for piece in _apart(word)]
    return said, [plain(word) for word in said]


def _apart(word: str) -> Sequence[str]:
    found = None if plain(word) in NO_PICTURE else COMPOUND.fullmatch(word.lower())
    return (word[: found.end(1)], found[2]) if found else (word,)


def _is_plain_wish(words: Sequence[str], kept: bool = False) -> bool:
    """Whether the words neither compare, nor point at an image, nor ask for something to read."""
    text = " ".join(words)
    other = [word for word in words if not (_asks(word) or THING.match(word))]
    reads = any(concept(word) in ("papers", "literature") for word in other)
    return not (reads or COMPARING.search(text) or (POINTING.search(text) and not kept))


def _asks(word: str) -> bool:
    """Whether a word is of the asking and not of what is asked for."""
    patterns = (SHOW, FIND, PICTURE, KEPT_IN)
    return word in FILLERS or word.isdecimal() or any(p.fullmatch(word) for p in patterns)


def _known(words: Sequence[str]) -> Iterator[int]:
    """Where laboratories' names stand, each with the word before it and the "cells" behind it."""
    names = {i for i, word in enumerate(words) if _is_name(word)}
    behind = set[int]()
    for i, word in enumerate(words):
        if GENERIC.fullmatch(word) and i - 1 in names | behind:
            behind.add(i)
    before = {i - 1 for i in names if i and not _asks(words[i - 1]) and _may_qualify(words[i - 1])}
    yield from sorted(names | behind | before)


def _is_name(word: str) -> bool:
    if _asks(word) or GENERIC.fullmatch(word):
        return False
    return bool(word in _CODES or THING.match(word) or concept(word) == "cell")


def _may_qualify(word: str) -> bool:
    return len(word) > 3 and concept(word) != "similar" and not GENERIC.fullmatch(word)


def _beside_pictures(words: Sequence[str]) -> Iterator[int]:
    """Names that no list has: what is said after "images of", or right before "examples"."""
    for i, word in enumerate(words):
        if PICTURE.fullmatch(word):
            after = i + 2 if words[i + 1 : i + 2] and words[i + 1] in OF else None
            for run in (_run(words, after, 1), _run(words, i - 1, -1)):
                if run:
                    yield from run
                    return


def _run(words: Sequence[str], start: int | None, step: int) -> list[int]:
    """The places from `start` on whose words are not of the asking."""
    run: list[int] = []
    while start is not None and 0 <= start < len(words) and not _asks(words[start]):
        run.append(start)
        start += step
    telling = any(_may_qualify(words[i]) for i in run)
    return sorted(run) if telling else []


def _is_class(words: str) -> bool:
    return bool(named_types(words) or _classes() & set(_runs(words)))


def _runs(words: str) -> Iterator[str]:
    """All runs of words, the last one without its plural's s."""
    left = normal(words).split()
    for start in range(len(left)):
        for end in range(start + 1, len(left) + 1):
            yield " ".join(left[start:end]).removesuffix("s")


@lru_cache(1)
def _classes() -> frozenset[str]:
    return frozenset(normal(o).removesuffix("s") for q in (RED_CELL_TYPE, TISSUE_TYPE)
                     for o in q.options)  # fmt: skip


@lru_cache(1)
def _vocabulary() -> frozenset[str]:
    """The words of the schema's answers, and their plurals."""
    said = {w for q in QUESTIONS for text in (*q.options, *q.phrases) for w in normal(text).split()}
    return frozenset({*said, *(f"{word}s" for word in said), "cells"})
