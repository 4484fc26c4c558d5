"""Names that laboratories give to blood cells, brought to the classes the model can say.

Case, accents, plurals and numbering do not count. Codes are those of PBC (Acevedo et al. 2020), of
the Munich set (Matek et al. 2019) and common short forms. A name stands for a class only where
that is certain: a blast is no immature granulocyte, a smudge cell is nothing here. For the rest
there is a table of the user's own.
"""

import csv
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.errors import BadInputError
from tools.findings import BY_NAME, CELL_TYPE, COUNTS, RED_CELL_TYPE, TISSUE_TYPE
from tools.ingest.labels import class_label, thing

CLASS_QUESTIONS = tuple(q.name for q in (CELL_TYPE, RED_CELL_TYPE, TISSUE_TYPE))
Class = tuple[str, str]  # question, option

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
    "basophil": "basophil basofilo",
    "eosinophil": "eosinophil eosinofilo",
    "erythroblast": "erythroblast normoblast eritroblasto normoblasto",
    "immature granulocyte": "myelocyte metamyelocyte promyelocyte myelozyt metamyelozyt "
    "promyelozyt mielocito metamielocito promielocito",
    "lymphocyte": "lymphocyte lymphozyt linfocito linfocita linfociti",
    "monocyte": "monocyte monozyt monocito monocita monociti",
    "neutrophil": "neutrophil neutrofilo band banded segmented segmentkernig stabkernig segmentado "
    "cayado",
    "platelet": "platelet thrombocyte thrombozyt plaquette plaqueta trombocito blutplattchen "
    "piastrina",
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


def counted_thing(name: str) -> str | None:
    """What a box of this name counts as: every leukocyte is a white blood cell."""
    singular = (thing(form) for form in (name, normal(name), normal(name).removesuffix("s")))
    found = next((said for said in singular if said in COUNTS), None)
    if found is None and (cell := cell_type(name)) is not None and cell != "erythroblast":
        found = "platelet" if cell == "platelet" else "white blood cell"
    return found


@dataclass(frozen=True)
class ClassNames:
    """The names of a set: the user's own first, then what is built in."""

    own: Mapping[str, Class | None] = field(default_factory=dict)  # by normal name; None: left out

    def of_class(self, name: str, siblings: Collection[str] = ()) -> Class | None:
        """Question and option of a class; None for what no model here can say."""
        if (key := normal(name)) in self.own:
            own = self.own[key]
            return own if own and own[0] in CLASS_QUESTIONS else None
        question, value = class_label(name, siblings)
        if question in BY_NAME and value in BY_NAME[question].options:
            return question, value
        return (CELL_TYPE.name, cell) if (cell := cell_type(name)) is not None else None

    def of_thing(self, name: str) -> str | None:
        """What is counted; None for what no model here counts."""
        if (key := normal(name)) in self.own:
            own = self.own[key]
            return counted_thing(own[1]) if own else None
        return counted_thing(name)


def read_map(table: Path) -> ClassNames:
    """A csv file of name,class, with or without a header; an empty class leaves images out."""
    rows = list(_rows(table))
    named = rows[1:] if rows and _is_header(rows[0]) else rows
    return ClassNames({normal(name): _target(value, table) for name, value in named})


def _rows(table: Path) -> Iterator[tuple[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            for row in csv.reader(file):
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield cells[0], cells[1] if len(cells) > 1 else ""
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise BadInputError(f"{table} is not a readable csv table in UTF-8 ({e})") from e


def _is_header(row: tuple[str, str]) -> bool:
    return row[1].casefold() in ("class", "cell_type", "label", "option", "maps_to")


def _target(value: str, table: Path) -> Class | None:
    if not value:
        return None
    if (found := ClassNames().of_class(value)) is not None:
        return found
    if (said := counted_thing(value)) is not None:
        return "count", said
    known = ", ".join(CELL_TYPE.options)
    raise BadInputError(
        f"{table} maps to {value!r}, which no model here can say; name a cell type ({known}), a "
        f"red cell type, a tissue type, or one of {', '.join(COUNTS)}"
    )
