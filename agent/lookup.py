"""Whether words ask for literature on what was seen, and name no subject of their own.

"Any papers on that?" in the languages of our laboratories: such words are no query; what the image
shows is looked up in their place.
"""

import re

from agent.routing_lexicon import concept, plain
from tools.literature_query import refers_to_the_image

# What is left of such a question without "papers" and "that", without accents.
_ASKING = frozenset(
    re.split(
        r"\s+",
        "gibt es gib gibts zu da was bitte und welche hay existen existe algun alguna algo que se "
        "ha escrito y sobre al respecto il a t en des de la les sur quoi qu ont et ci sono c e su "
        "di cosa stato ho o qualcosa alguma algum ate isso na em disso por favor plait s te",
    )
)
_LITERATURE = frozenset(("papers", "literature"))
_EMPTY = _LITERATURE | {"that", "image"}


def refers(words: str) -> bool:
    """Whether the words need what was seen to be understood."""
    return refers_to_the_image(words) or asks_only(words)


def asks_only(words: str) -> bool:
    """Whether the words ask for literature, in whatever language, and say nothing of its subject.

    "Gibt es dazu Veröffentlichungen?" does, "Gibt es Studien zu Mastzellen?" does not.
    """
    said = re.findall(r"[a-z]+", plain(words))
    left = [word for word in said if word not in _ASKING and concept(word) not in _EMPTY]
    return not left and any(concept(word) in _LITERATURE for word in said)
