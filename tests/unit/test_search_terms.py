"""Findings become search terms."""

import pytest

from tools.evidence import Finding
from tools.findings import BY_NAME
from tools.findings.terms import PARTS, REMARKABLE, search_terms, with_terms

SEEN = [
    Finding(name="nucleus_shape", value="band", probability=0.9),
    Finding(name="chromatin_density", value="dense", probability=0.9),
    Finding(name="granule_type", value="none", probability=0.9),
    Finding(name="nucleus_area", value="12", origin="measured"),
]


@pytest.mark.parametrize(
    "words, terms",
    [
        ("papers on its nucleus", ("band nucleus",)),
        ("is the chromatin or the nucleus described", ("band nucleus", "dense chromatin")),
        ("papers on its granules", ()),  # none are seen
        ("papers on that", ("band nucleus",)),  # remarkable by itself
    ],
)
def test_the_parts_a_question_names_are_looked_up_as_they_are_seen(words, terms):
    assert search_terms(words, SEEN) == terms


def test_a_term_takes_the_place_of_its_thing():
    assert with_terms("neutrophil nucleus", ["band nucleus"]) == "neutrophil band nucleus"
    assert with_terms("neutrophil", ["band nucleus"]) == "neutrophil band nucleus"


def test_terms_are_of_findings_there_are():
    assert all(name in BY_NAME for names in PARTS.values() for name in names)
    assert all(value in BY_NAME[name].options for name, value in REMARKABLE)
