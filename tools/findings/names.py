"""Names that laboratories give to blood cells, brought to the cell types of the schema.

Case, accents, plurals and numbering do not count. Codes are those of PBC (Acevedo et al. 2020), of
the Munich set (Matek et al. 2019) and common short forms. A name stands for a type only where that
is certain: a blast is no immature granulocyte, a smudge cell is nothing here.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

# Whole names only: "my cells" are nobody's myelocytes.
CODES: Mapping[str, str] = {
    "basophil": "ba bas baso basos",
    "eosinophil": "eo eos eosi eosino",
    "erythroblast": "erb ebo nrbc nrbcs",
    "immature granulocyte": "ig igs mmy my pmy mmz myb pmo pmb meta",
    "lymphocyte": "ly lym lymp lymph lymphs lyt lya",
    "monocyte": "mo mon mono monos",
    "neutrophil": "ne neu neut neutro sne bne seg segs ngs ngb",
    "platelet": "plt plts",
}
# English, German, Spanish, French, Portuguese, Italian; singular, without accents.
WORDS: Mapping[str, str] = {
    "basophil": "basophil basofilo basofili basofiel basofil",
    "eosinophil": "eosinophil eosinofilo eosinofili eosinofiel eosinofil",
    "erythroblast": "erythroblast normoblast eritroblasto normoblasto",
    "immature granulocyte": "myelocyte metamyelocyte promyelocyte myelozyt metamyelozyt "
    "promyelozyt mielocito metamielocito promielocito",
    "lymphocyte": "lymphocyte lymphozyt linfocito linfocita linfociti lymfocyt",
    "monocyte": "monocyte monozyt monocyt monocito monocita monociti",
    "neutrophil": "neutrophil neutrofilo neutrofili neutrofiel neutrofil band banded "
    "segmented segmentkernig stabkernig segmentado cayado",
    "platelet": "platelet thrombocyte thrombocyt trombocyt thrombozyt plaquette "
    "plaqueta trombocito blutplattchen piastrina",
}
PHRASES: Mapping[str, tuple[str, ...]] = {
    "basophil": ("basophilic granulocyte",),
    "eosinophil": ("eosinophilic granulocyte",),
    "neutrophil": ("neutrophilic granulocyte",),
    "erythroblast": (
        "nucleated red blood cell",
        "nucleated red cell",
        "nucleated rbc",
        "nucleated erythrocyte",
        "basophilic erythroblast",
        "polychromatic erythroblast",
        "orthochromatic erythroblast",
        "basophilic normoblast",
        "polychromatic normoblast",
        "orthochromatic normoblast",
    ),
    "immature granulocyte": (
        "immature granulocyte",
        "immature wbc granulocyte",
        "unreif granulozyt",
        "granulocito inmaduro",
        "granulocyte immature",
    ),
}
# Words that change nothing about which of the classes a cell is of.
_FILLERS = """
a atypical blood cell celula cellule class de giant granulocito granulocyte granulozyt healthy large
leucocyte leukocyte leukozyt leucocito mature normal of peripheral polynucleaire reactive small the
type typical variant wbc zelle
"""
FILLERS = frozenset(_FILLERS.split())
ENDINGS = ("", "s", "en", "es", "er", "e", "n")


def normal(name: str) -> str:
    """A name without case, accents, punctuation and numbering: "01_Eosinófilo" -> "eosinofilo"."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.sub(r"[\W_]+", " ", letters).split()
    return " ".join(word for word in words if not word.isdecimal()) or " ".join(words)


def _singulars(word: str) -> Iterator[str]:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > 2:
            yield word.removesuffix(ending)


def _inverted(names: Mapping[str, str]) -> dict[str, str]:
    return {word: cell for cell, words in names.items() for word in words.split()}


_CODES, _WORDS = _inverted(CODES), _inverted(WORDS)


def _known(word: str) -> str | None:
    return next((_WORDS[form] for form in _singulars(word) if form in _WORDS), None)


def _is_filler(word: str) -> bool:
    return word in FILLERS or any(form in FILLERS for form in _singulars(word))


def _says(words: Sequence[str], phrase: str) -> bool:
    wanted = phrase.split()
    return len(words) == len(wanted) and all(
        form in _singulars(word) for word, form in zip(words, wanted, strict=True)
    )


def cell_type(name: str) -> str | None:
    """The cell type a class is called after, or None where that is not certain."""
    words = normal(name).split()
    if (code := _CODES.get(" ".join(words))) is not None:
        return code
    for cell, phrases in PHRASES.items():
        if any(_says(words, phrase) for phrase in phrases):
            return cell
    types = {_known(word) for word in words if not _is_filler(word)}
    return types.pop() if len(types) == 1 else None


# Shapes of a nucleus as well: in running words they name no cell.
_SHAPES = """band banded segmented segmentkernig stabkernig segmentado cayado"""
SHAPES = frozenset(_SHAPES.split())
LONGEST = 4  # words of a name


def named_types(words: str) -> tuple[str, ...]:
    """The cell types that running words name: "Thrombozyten" -> ("platelet",)."""
    return tuple(dict.fromkeys(piece for piece, known in _pieces(words) if known))


def in_our_words(words: str) -> str:
    """The words with each cell type called as in the schema: "thrombocytes" -> "platelet"."""
    return " ".join(piece for piece, _ in _pieces(words))


def _pieces(words: str) -> Iterator[tuple[str, bool]]:
    """What is left of the words, and the cell types in them; whether each piece is one."""
    left = re.findall(r"[^\W_]+(?:-[^\W_]+)*", words)
    while left:
        sizes = range(min(LONGEST, len(left)), 0, -1)
        size, cell = next(((n, c) for n in sizes if (c := _named(left[:n]))), (1, None))
        yield cell or left[0], cell is not None
        left = left[size:]


def _named(words: Sequence[str]) -> str | None:
    """The cell type that all of these words name; neither a code nor a shape does here."""
    name = normal(" ".join(words))
    return None if name in _CODES or SHAPES & set(name.split()) else cell_type(name)
