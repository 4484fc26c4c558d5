"""Names of classes and attributes, brought to the vocabulary of `tools.findings`.

Published data sets abbreviate ("ig", "TUM", "RBC", "nil"). What is not known here keeps its own
name, so that a user's classes arrive as they were written.
"""

import re
from collections.abc import Collection, Mapping

from tools.findings import (
    ATTRIBUTES,
    BY_NAME,
    CELL_TYPE,
    COUNTS,
    PLURALS,
    RANGES,
    RED_CELL_TYPE,
    TISSUE_TYPE,
    count_range,
)

# WBCAtt's words (Tsutsui et al. 2023) -> ours.
ATTRIBUTE_WORDS: Mapping[str, Mapping[str, str]] = {
    "nucleus_shape": {
        "unsegmented-band": "band",
        "unsegmented-round": "round",
        "unsegmented-indented": "indented",
        "segmented-bilobed": "bilobed",
        "segmented-multilobed": "multilobed",
    },
    "chromatin_density": {"densely": "dense", "loosely": "loose"},
    "granule_type": {"nil": "none"},
    "granule_colour": {"nil": "none"},
}
# Tissue codes of NCT-CRC-HE (Kather et al. 2019); in use only where several of them stand together.
TISSUE_CODES: Mapping[str, str] = {
    "ADI": "adipose tissue",
    "BACK": "background",
    "DEB": "debris",
    "LYM": "lymphoid tissue",
    "MUC": "mucus",
    "MUS": "smooth muscle",
    "NORM": "normal colon mucosa",
    "STR": "cancer-associated stroma",
    "TUM": "colorectal adenocarcinoma",
}
# Class folders of LC25000 (Borkowski et al. 2019).
TISSUE_CLASSES: Mapping[str, str] = {
    "colon_aca": "colon adenocarcinoma",
    "colon_n": "benign colonic tissue",
    "lung_aca": "lung adenocarcinoma",
    "lung_n": "benign lung tissue",
    "lung_scc": "lung squamous cell carcinoma",
}
CELL_CLASSES: Mapping[str, str] = {"ig": "immature granulocyte"}
THINGS: Mapping[str, str] = {
    "rbc": "red blood cell",
    "erythrocyte": "red blood cell",
    "wbc": "white blood cell",
    "leukocyte": "white blood cell",
    "leucocyte": "white blood cell",
    "platelets": "platelet",
    "thrombocyte": "platelet",
    "nuclei": "nucleus",
}


def class_label(name: str, siblings: Collection[str] = ()) -> tuple[str, str]:
    """The label of a class folder or column value: ("cell_type", "neutrophil").

    `siblings` are the other classes of the set: a code such as "STR" counts only among its kind.
    """
    if name in TISSUE_CODES and len(TISSUE_CODES.keys() & {name, *siblings}) >= 3:
        return "tissue_type", TISSUE_CODES[name]
    if name.lower() in TISSUE_CLASSES:
        return "tissue_type", TISSUE_CLASSES[name.lower()]
    words = CELL_CLASSES.get(name.lower(), plain(name).lower())
    for question in (CELL_TYPE, RED_CELL_TYPE, TISSUE_TYPE):
        for option in (words, words.removesuffix("s")):
            if option in question.options:
                return question.name, option
    return "class", plain(name)


def attribute_labels(row: Mapping[str, str]) -> dict[str, str]:
    """The WBCAtt attributes of a csv row, by the names and options of `tools.findings`."""
    return {
        q.name: ATTRIBUTE_WORDS.get(q.name, {}).get(row[q.name], row[q.name])
        for q in ATTRIBUTES
        if row.get(q.name)
    }


def phrases(labels: Mapping[str, str]) -> str:
    """The attributes as words: "big cell, round outline, multilobed nucleus"."""
    asked = [(BY_NAME[name], value) for name, value in labels.items() if name in BY_NAME]
    said = [q.phrase(value) for q, value in asked if q in ATTRIBUTES and value in q.options]
    return ", ".join(phrase for phrase in said if phrase)


def thing(name: str) -> str:
    """What is counted, in the singular: "RBC" -> "red blood cell"."""
    words = plain(name)
    return THINGS.get(words.lower(), words.lower() if words.lower() in COUNTS else words)


def count_labels(counts: Mapping[str, int]) -> dict[str, str]:
    """Counts as labels, with the range of `tools.findings` where it has one."""
    labels = {f"count:{name}": str(number) for name, number in counts.items()}
    for name, number in counts.items():
        if name in RANGES:
            question, option = count_range(name, number)
            labels[question.name] = option
    return labels


def counted(counts: Mapping[str, int]) -> str:
    """Counts as words: "18 red blood cells, 1 platelet"."""
    return ", ".join(f"{n} {name if n == 1 else plural(name)}" for name, n in counts.items())


def plural(name: str) -> str:
    return PLURALS.get(name, f"{name}s")


def plain(name: str) -> str:
    """A class name as words: "Iron_deficiency" -> "Iron deficiency"."""
    return re.sub(r"[\s_]+", " ", name).strip()


def question(label: str) -> str:
    """The words that ask for a label, as the schema has them; other labels by their name."""
    if label in BY_NAME:
        return BY_NAME[label].prompt
    if label.startswith("count:"):
        name = label.removeprefix("count:")
        return COUNTS.get(name, f"how many {plural(name)} are there?")
    return f"which {plain(label).lower()} does the image show?"
