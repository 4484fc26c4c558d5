"""What can be said about a cell image: closed questions with every answer they allow.

Written once and used three times: training builds question and answer pairs from it, serving
scores its options by their log-probability as an answer, evaluation reads its phrases back from
free text. A question knows the kinds of image it applies to, so that a smear is never asked for
the nuclei of tissue. It knows nothing of models or of how an image came to be of a kind.
"""

from tools.findings.claims import Claims, claimed, restated
from tools.findings.counts import COUNTS, PLURALS, RANGES, count_range
from tools.findings.ontology import CELL_ONTOLOGY
from tools.findings.question import KINDS, MATURE_LEUKOCYTES, Kind, Question
from tools.findings.reading import facts_in
from tools.findings.schema import (
    ATTRIBUTES,
    BCCD,
    BY_NAME,
    CELL_TYPE,
    CHULA,
    COMMON_RED_CELL,
    CRC,
    DSB,
    MODALITY,
    NUCLEI_RANGE,
    NUCLEI_SIZE,
    PBC,
    PLATELET_RANGE,
    QUESTIONS,
    RED_CELL_RANGE,
    RED_CELL_TYPE,
    SMEARS,
    STAIN,
    SUBJECT,
    SUBJECT_KINDS,
    TISSUE_TYPE,
    WHITE_CELL_RANGE,
    questions_for,
)

__all__ = [
    "ATTRIBUTES",
    "BCCD",
    "BY_NAME",
    "CELL_ONTOLOGY",
    "CELL_TYPE",
    "CHULA",
    "COMMON_RED_CELL",
    "COUNTS",
    "CRC",
    "DSB",
    "KINDS",
    "MATURE_LEUKOCYTES",
    "MODALITY",
    "NUCLEI_RANGE",
    "NUCLEI_SIZE",
    "PBC",
    "PLATELET_RANGE",
    "PLURALS",
    "QUESTIONS",
    "RANGES",
    "RED_CELL_RANGE",
    "RED_CELL_TYPE",
    "SMEARS",
    "STAIN",
    "SUBJECT",
    "SUBJECT_KINDS",
    "TISSUE_TYPE",
    "WHITE_CELL_RANGE",
    "Claims",
    "Kind",
    "Question",
    "claimed",
    "count_range",
    "facts_in",
    "questions_for",
    "restated",
]
