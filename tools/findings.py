"""What can be said about a cell image: closed questions with every answer they allow.

Written once and used three times: training builds question and answer pairs from it, serving
scores its options by their log-probability as an answer, evaluation reads its phrases back from
free text. A question knows the kinds of image it applies to, so that a smear is never asked for
the nuclei of tissue. It knows nothing of models or of how an image came to be of a kind.

The eleven attributes of mature leukocytes are those of WBCAtt (Tsutsui, Pang and Wen, NeurIPS
2023, arXiv:2306.13531); the eight cell types those of PBC (Acevedo et al., Data in Brief 2020).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["cell", "smear", "red_cell", "nuclei", "tissue"]
KINDS: tuple[Kind, ...] = ("cell", "smear", "red_cell", "nuclei", "tissue")

MATURE_LEUKOCYTES = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")


@dataclass(frozen=True)
class Question:
    """A closed question: its wording for the model and the answers it allows, as plain words."""

    name: str
    prompt: str
    options: tuple[str, ...]
    applies_to: tuple[Kind, ...]
    phrases: tuple[str, ...]  # how a description says each option; "" where it stays silent
    taught_by: tuple[str, ...]  # training sets that hold its truth
    unit: str | None = None
    cell_types: tuple[str, ...] = ()  # asked of these cell types only; empty: of all

    def phrase(self, option: str) -> str:
        """The words a description uses for `option`."""
        return self.phrases[self.options.index(option)]

    def applies(self, kind: Kind, cell_type: str | None = None) -> bool:
        """Whether the question makes sense for an image of this kind (and of this cell)."""
        return kind in self.applies_to and (not self.cell_types or cell_type in self.cell_types)


PBC, BCCD, DSB = "pbc_wbcatt", "bccd", "nuclei_dsb2018"
CHULA, CRC = "chula_rbc12", "crc_val_he_7k"
SMEARS = (PBC, BCCD, CHULA)


def _everywhere(name: str, prompt: str, *options: str) -> Question:
    return Question(name, prompt, options, KINDS, options, (*SMEARS, DSB, CRC))


def _attribute(name: str, prompt: str, said: Mapping[str, str]) -> Question:
    options, phrases = tuple(said), tuple(said.values())
    return Question(name, prompt, options, ("cell",), phrases, (PBC,), None, MATURE_LEUKOCYTES)


SUBJECT = _everywhere(
    "subject",
    "what does the image show?",
    "single blood cell",
    "blood smear field",
    "single red blood cell",
    "cell nuclei",
    "tissue section",
)
SUBJECT_KINDS: Mapping[str, Kind] = dict(zip(SUBJECT.options, KINDS, strict=True))

MODALITY = _everywhere(
    "modality",
    "which imaging modality is this?",
    "stained blood smear",
    "fluorescence microscopy",
    "stained histology",
    "brightfield microscopy",
)
STAIN = Question(
    "stain",
    "which stain was used?",
    ("Romanowsky", "hematoxylin and eosin", "fluorescent dye"),
    KINDS,
    ("Romanowsky stain", "hematoxylin and eosin stain", "fluorescent dye"),
    (*SMEARS, DSB, CRC),
)

_CELL_TYPES = (
    "basophil",
    "eosinophil",
    "erythroblast",
    "immature granulocyte",
    "lymphocyte",
    "monocyte",
    "neutrophil",
    "platelet",
)
CELL_TYPE = Question(
    "cell_type", "which type of blood cell is this?", _CELL_TYPES, ("cell",), _CELL_TYPES, (PBC,)
)

ATTRIBUTES: tuple[Question, ...] = (
    _attribute(
        "cell_size", "what is the size of the cell?", {"big": "big cell", "small": "small cell"}
    ),
    _attribute(
        "cell_shape",
        "what is the shape of the cell?",
        {"round": "round outline", "irregular": "irregular outline"},
    ),
    _attribute(
        "nucleus_shape",
        "what is the shape of the nucleus?",
        {
            "band": "band nucleus",
            "round": "round nucleus",
            "indented": "indented nucleus",
            "bilobed": "bilobed nucleus",
            "multilobed": "multilobed nucleus",
            "irregular": "irregular nucleus",
        },
    ),
    _attribute(
        "nuclear_cytoplasmic_ratio",
        "what is the nuclear cytoplasmic ratio?",
        {"low": "low nuclear-cytoplasmic ratio", "high": "high nuclear-cytoplasmic ratio"},
    ),
    _attribute(
        "chromatin_density",
        "how dense is the chromatin?",
        {"dense": "dense chromatin", "loose": "loose chromatin"},
    ),
    _attribute(
        "cytoplasm_vacuole",
        "does the cytoplasm have vacuoles?",
        {"no": "no vacuoles", "yes": "visible vacuoles"},
    ),
    _attribute(
        "cytoplasm_texture",
        "what is the texture of the cytoplasm?",
        {"clear": "clear texture", "frosted": "frosted texture"},
    ),
    _attribute(
        "cytoplasm_colour",
        "what is the colour of the cytoplasm?",
        {
            "light blue": "light blue cytoplasm",
            "blue": "blue cytoplasm",
            "purple blue": "purple blue cytoplasm",
        },
    ),
    _attribute(
        "granule_type",
        "which type of granules does the cell have?",
        {
            "small": "small granules",
            "round": "round granules",
            "coarse": "coarse granules",
            "none": "",
        },
    ),
    _attribute(
        "granule_colour",
        "what is the colour of the granules?",
        {"pink": "stained pink", "purple": "stained purple", "red": "stained red", "none": ""},
    ),
    _attribute(
        "granularity",
        "is the cytoplasm granular?",
        {"yes": "granular", "no": "no granules"},
    ),
)

_RED_CELLS = (
    "normal red cell",
    "macrocyte",
    "microcyte",
    "spherocyte",
    "target cell",
    "stomatocyte",
    "ovalocyte",
    "teardrop cell",
    "burr cell",
    "schistocyte",
    "hypochromic cell",
    "elliptocyte",
)
RED_CELL_TYPE = Question(
    "red_cell_type",
    "which type of red blood cell is this?",
    _RED_CELLS,
    ("red_cell",),
    _RED_CELLS,
    (CHULA,),
)
COMMON_RED_CELL = Question(
    "common_red_cell",
    "which type of red blood cell is most common?",
    _RED_CELLS,
    ("smear",),
    tuple(f"mostly {name}s" for name in _RED_CELLS),
    (CHULA,),
)


def _range(name: str, prompt: str, thing: str, kind: Kind, source: str, *said: str) -> Question:
    phrases = tuple(f"{option} {thing}" for option in said)
    return Question(name, prompt, said, (kind,), phrases, (source,), unit="per image")


RED_CELL_RANGE = _range(
    "red_cell_range",
    "how many red blood cells are there, as a range?",
    "red blood cells",
    "smear",
    BCCD,
    "0 to 5",
    "6 to 10",
    "11 to 15",
    "16 to 20",
    "more than 20",
)
WHITE_CELL_RANGE = _range(
    "white_cell_range",
    "how many white blood cells are there, as a range?",
    "white blood cells",
    "smear",
    BCCD,
    "no",
    "one or two",
    "more than two",
)
PLATELET_RANGE = _range(
    "platelet_range",
    "how many platelets are there, as a range?",
    "platelets",
    "smear",
    BCCD,
    "no",
    "one or two",
    "more than two",
)
NUCLEI_RANGE = _range(
    "nuclei_range",
    "how many nuclei are there, as a range?",
    "nuclei",
    "nuclei",
    DSB,
    "0 to 10",
    "11 to 30",
    "31 to 80",
    "more than 80",
)
NUCLEI_SIZE = Question(
    "nuclei_size",
    "how large are the nuclei in the image?",
    ("small", "medium", "large"),
    ("nuclei",),
    ("small nuclei", "medium nuclei", "large nuclei"),
    (DSB,),
    unit="share of image width",
)
TISSUE_TYPE = Question(
    "tissue_type",
    "which type of tissue is this?",
    (
        "adipose tissue",
        "lymphoid tissue",
        "mucus",
        "smooth muscle",
        "normal colon mucosa",
        "cancer-associated stroma",
        "colorectal adenocarcinoma",
    ),
    ("tissue",),
    (
        "adipose tissue",
        "lymphoid tissue",
        "mucus",
        "smooth muscle",
        "normal colon mucosa",
        "cancer-associated stroma",
        "colorectal adenocarcinoma",
    ),
    (CRC,),
)

QUESTIONS: tuple[Question, ...] = (
    SUBJECT,
    MODALITY,
    STAIN,
    CELL_TYPE,
    *ATTRIBUTES,
    RED_CELL_TYPE,
    COMMON_RED_CELL,
    RED_CELL_RANGE,
    WHITE_CELL_RANGE,
    PLATELET_RANGE,
    NUCLEI_RANGE,
    NUCLEI_SIZE,
    TISSUE_TYPE,
)
BY_NAME: Mapping[str, Question] = {question.name: question for question in QUESTIONS}

# Things that can be counted and detected, with the open question that asks for their number.
COUNTS: Mapping[str, str] = {
    "red blood cell": "how many red blood cells are there?",
    "white blood cell": "how many white blood cells are there?",
    "platelet": "how many platelets are there?",
    "nucleus": "how many nuclei are there?",
}
PLURALS: Mapping[str, str] = {
    "red blood cell": "red blood cells",
    "white blood cell": "white blood cells",
    "platelet": "platelets",
    "nucleus": "nuclei",
}
RANGES: Mapping[str, tuple[Question, tuple[int, ...]]] = {  # upper bounds of all but the last
    "red blood cell": (RED_CELL_RANGE, (5, 10, 15, 20)),
    "white blood cell": (WHITE_CELL_RANGE, (0, 2)),
    "platelet": (PLATELET_RANGE, (0, 2)),
    "nucleus": (NUCLEI_RANGE, (10, 30, 80)),
}

CELL_ONTOLOGY: Mapping[str, str] = {
    "basophil": "CL:0000767",
    "eosinophil": "CL:0000771",
    "erythroblast": "CL:0000765",
    "lymphocyte": "CL:0000542",
    "monocyte": "CL:0000576",
    "neutrophil": "CL:0000775",
    "platelet": "CL:0000233",
    "red blood cell": "CL:0000232",
}


def count_range(thing: str, count: int) -> tuple[Question, str]:
    """The range question of `thing` and the option that `count` falls into."""
    question, bounds = RANGES[thing]
    return question, question.options[sum(count > bound for bound in bounds)]


def questions_for(kind: Kind, cell_type: str | None = None) -> tuple[Question, ...]:
    """The closed questions that make sense for an image of this kind (and of this cell)."""
    return tuple(q for q in QUESTIONS if q.applies(kind, cell_type))


def _said(text: str, question: Question) -> str | None:
    spoken = zip(question.phrases, question.options, strict=True)
    for phrase, option in sorted(spoken, key=lambda pair: -len(pair[0])):
        if phrase and re.search(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE):
            return option
    return None


def facts_in(text: str) -> dict[str, str]:
    """The findings and counts that a description states: {"cell_type": "neutrophil", …}.

    Counts are under "count:<thing>". Only the phrases of this module are understood.
    """
    facts = {q.name: option for q in QUESTIONS if (option := _said(text, q)) is not None}
    for thing, plural in PLURALS.items():
        number = re.search(rf"\b(\d{{1,4}}) (?:{thing}|{plural})\b", text, re.IGNORECASE)
        if number and not re.search(rf"\b(to|than) {number[1]} ", text):
            facts[f"count:{thing}"] = number[1]
    return facts
