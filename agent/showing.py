"""What a question names to be shown from the library: "show me eosinophils" needs no image.

A clause counts that asks to see something, names it, and neither compares nor points at an image.
Unless it says "images of", every word must be one of the schema's: "show me eosinophil counts in
asthma" asks for something else. It knows the words of six languages, and nothing of what the
library holds.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from agent.routing_lexicon import concept, plain
from tools.findings import QUESTIONS, RED_CELL_TYPE, TISSUE_TYPE
from tools.findings.names import in_our_words, named_types, normal

_SHOW = re.compile(r"show|display|zeig\w*|montre\w*|muestr\w*|mostr\w*|enseñ\w*")
_FIND = re.compile(r"find|search|see|give|get|got|sehen|such\w*|gib|voir|cherche\w*|ver|busca\w*")
_PICTURE = re.compile(
    r"(images?|pictures?|pics?|photos?|photographs?|micrographs?|examples?|cases|bild(er)?|"
    r"aufnahmen?|beispiele?|faelle|falle|fotos?|imagen(es)?|imagem|imagens|ejemplos?|exemplos?|casos|"
    r"immagin[ei]|esemp[io]i?|exemples?|cas)"
)
_PICTURES = re.compile(
    "images|pictures|pics|photos|photographs|micrographs|bilder|aufnahmen|imagenes|imagens|immagini"
)
_FILLERS_WORDS = """
me us some any a an the few please can could would you i we want to have do there is are in of
for from with and or on by your our all more library collection archive database reference let
need mir uns bitte ein eine einen die der das von aus mit und oder ich moechte mochte gibt es
hast du den bibliothek sammlung moi nous des de la le les un une avec et s il vous te plait as
tu je veux voudrais bibliotheque mi nos unos unas los las el una con y por favor quiero tienes
hay biblioteca di del della dei degli delle gli lo dalla nella vorrei vedere hai quero ver tem
da dos das um uma com e
"""
_FILLERS = frozenset(_FILLERS_WORDS.split())
_OF_WORDS = """
of with showing von mit de des du d di del della dei degli con avec com
"""
_OF = frozenset(_OF_WORDS.split())
# They point at an image that is there, or ask something of what is shown.
_NOT_THAT_WORDS = """
like this these it its here what which how why who when where many count compare difference
describe identify classify measure explain mean cause causes name papers
"""
_NOT_THAT = frozenset(_NOT_THAT_WORDS.split())
_KEPT = frozenset(("example", "case", "library", "archive", "collection", "reference", "more"))
_COMPARING = frozenset(("mine", "that", "papers", "literature"))


def shown_words(clauses: Sequence[str], has_image: bool) -> str:
    """What the first clause that asks to be shown something names; "" where none does."""
    return next((words for c in clauses if (words := _named(c, has_image))), "")


def surely_named(words: str, has_image: bool) -> bool:
    """Whether all of the words are the schema's; beside an image they must name a class."""
    known = set(normal(in_our_words(words)).split()) <= _vocabulary()
    return known and bool(not has_image or named_types(words) or _classes() & set(_runs(words)))


def _named(clause: str, has_image: bool) -> str:
    """Beside an image, "find the eosinophils" means those in it."""
    said = re.findall(r"[^\W_]+", re.sub(r"\bwould like\b", "want", clause))
    words = [plain(word) for word in said]
    shows = any(_shows(word, has_image) for word in words)
    pictures = [i for i, word in enumerate(words) if _PICTURE.fullmatch(word)]
    if not (shows or pictures) or any(_refers(word) for word in words):
        return ""
    subject = " ".join(s for s, word in zip(said, words, strict=True) if not _asking(word))
    of = any(" ".join(words[i + 1 : i + 2]) in _OF for i in pictures)
    many = any(_PICTURES.fullmatch(words[i]) for i in pictures)
    sure = surely_named(subject, has_image) or (of and (shows or many))
    return subject if subject and sure else ""


def _shows(word: str, has_image: bool) -> bool:
    return bool(_SHOW.fullmatch(word) or (not has_image and _FIND.fullmatch(word)))


def _asking(word: str) -> bool:
    patterns = (_SHOW, _FIND, _PICTURE)
    return word in _FILLERS or any(pattern.fullmatch(word) for pattern in patterns)


def _refers(word: str) -> bool:
    """Whether a word compares, points at an image, or asks for something else than a picture."""
    meant = concept(word)
    compares = meant == "similar" and not _asking(word) and word.rstrip("s") not in _KEPT
    return word in _NOT_THAT or compares or (meant in _COMPARING and word not in _FILLERS)


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
