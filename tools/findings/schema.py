"""The closed questions about a cell image, with every answer they allow.

The eleven attributes of mature leukocytes are those of WBCAtt (Tsutsui, Pang and Wen, NeurIPS
2023, arXiv:2306.13531); the eight cell types those of PBC (Acevedo et al., Data in Brief 2020).
"""

from collections.abc import Mapping

from tools.findings.question import KINDS, MATURE_LEUKOCYTES, Kind, Question

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


def questions_for(kind: Kind, cell_type: str | None = None) -> tuple[Question, ...]:
    """The closed questions that make sense for an image of this kind (and of this cell)."""
    return tuple(q for q in QUESTIONS if q.applies(kind, cell_type))
