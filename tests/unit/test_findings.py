"""The closed questions: what they allow, when they apply, how descriptions say them."""

import re

import pytest

from tools.findings import (
    ATTRIBUTES,
    BY_NAME,
    CELL_ONTOLOGY,
    KINDS,
    QUESTIONS,
    RANGES,
    claimed,
    count_range,
    facts_in,
    questions_for,
    restated,
)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_options_are_distinct_words_with_a_phrase_each(question):
    assert len(set(question.options)) == len(question.options) >= 2
    assert len(question.phrases) == len(question.options)
    assert question.prompt.strip() and question.taught_by


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_every_phrase_is_read_back_as_its_option(question):
    for option in question.options:
        if phrase := question.phrase(option):
            assert facts_in(f"It has {phrase}, clearly.")[question.name] == option


def test_question_names_are_unique_and_there_are_eleven_attributes():
    assert len(BY_NAME) == len(QUESTIONS)
    assert len(ATTRIBUTES) == 11


def test_a_smear_is_not_asked_for_the_nuclei_of_tissue():
    names = {q.name for q in questions_for("smear")}
    assert not names & {"nuclei_range", "tissue_type", "cell_type"}


def test_a_platelet_is_not_asked_for_its_granules():
    assert not set(ATTRIBUTES) & set(questions_for("cell", "platelet"))
    assert set(ATTRIBUTES) <= set(questions_for("cell", "neutrophil"))


def test_every_kind_of_image_has_a_question_of_its_own():
    for kind in KINDS:
        assert any(q.applies_to == (kind,) for q in QUESTIONS), kind


@pytest.mark.parametrize("thing", RANGES)
def test_the_first_and_the_last_range_hold_the_extremes(thing):
    question, bounds = RANGES[thing]
    assert len(bounds) == len(question.options) - 1
    assert count_range(thing, 0) == (question, question.options[0])
    assert count_range(thing, bounds[-1]) == (question, question.options[-2])
    assert count_range(thing, bounds[-1] + 1) == (question, question.options[-1])


def test_the_longest_phrase_wins():
    assert facts_in("The light blue cytoplasm.")["cytoplasm_colour"] == "light blue"
    assert facts_in("The blue cytoplasm.")["cytoplasm_colour"] == "blue"


def test_counts_are_read_from_text():
    facts = facts_in("There are 12 red blood cells, 1 white blood cell and 0 platelets.")
    assert facts["count:red blood cell"] == "12"
    assert facts["count:white blood cell"] == "1"
    assert facts["count:platelet"] == "0"


def test_nothing_is_read_from_other_text():
    assert facts_in("An empty field of view.") == {}


def test_ontology_ids_have_the_form_of_the_cell_ontology():
    assert all(re.fullmatch(r"CL:\d{7}", term) for term in CELL_ONTOLOGY.values())


NEUTROPHIL = {
    "modality": "stained blood smear", "stain": "Romanowsky", "cell_type": "neutrophil",
    "cell_size": "big", "cell_shape": "round", "nucleus_shape": "band",
    "nuclear_cytoplasmic_ratio": "low", "chromatin_density": "dense",
    "cytoplasm_colour": "light blue", "cytoplasm_texture": "clear", "cytoplasm_vacuole": "no",
    "granularity": "yes", "granule_type": "small", "granule_colour": "pink",
}  # fmt: skip
WRITTEN = (
    "A stained blood smear with a neutrophil, Romanowsky stain. It is a big cell with a round "
    "outline, a band nucleus, a low nuclear-cytoplasmic ratio and dense chromatin. The light blue "
    "cytoplasm has a clear texture and no vacuoles. It is granular, with small granules, stained "
    "pink."
)


def test_a_text_that_its_findings_bear_out_stays_as_it_is():
    assert claimed(WRITTEN, NEUTROPHIL) == (WRITTEN, ())


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("cell_type", "A stained blood smear with Romanowsky stain. It"),
        ("cell_size", "stain. A round outline, a band nucleus, a low"),
        ("cell_shape", "It is a big cell with a band nucleus, a low"),
        ("nucleus_shape", "a round outline, a low nuclear-cytoplasmic ratio and dense chromatin."),
        ("chromatin_density", "a band nucleus, a low nuclear-cytoplasmic ratio. The"),
        ("cytoplasm_vacuole", "The light blue cytoplasm has a clear texture. It"),
        ("granule_colour", "It is granular, with small granules."),
    ],
)
def test_what_is_not_sure_is_cut_from_the_text_by_the_clause(missing, said):
    found = {name: value for name, value in NEUTROPHIL.items() if name != missing}
    text, uncertain = claimed(WRITTEN, found)
    assert said in text and uncertain == (missing.replace("_", " "),)
    assert facts_in(text) == found


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.name)
def test_no_statement_stands_without_its_finding(question):
    for option, other in zip(question.options, question.options[1:], strict=False):
        phrase = question.phrase(option)
        for text in (f"It has {phrase}, clearly.", f"Here, {phrase} and more.", f"{phrase}"):
            for found in ({}, {question.name: other}):
                assert not facts_in(claimed(text, found).text)


def test_nothing_stands_where_nothing_was_found():
    text, uncertain = claimed(WRITTEN, {})
    assert facts_in(text) == {} and len(uncertain) == len(NEUTROPHIL)


def test_a_number_stands_if_the_range_that_was_found_holds_it():
    text = "There are 12 red blood cells, 2 white blood cells and 1 platelet."
    found = {"red_cell_range": "11 to 15", "white_cell_range": "no", "platelet_range": "one or two"}
    assert claimed(text, found) == (
        "There are 12 red blood cells, 1 platelet.", ("number of white blood cells",),
    )  # fmt: skip


def test_words_that_are_no_phrase_are_left_alone():
    assert claimed("Something pale. A dog.", {}) == ("Something pale. A dog.", ())
    assert claimed("", {}) == ("", ())


def test_a_text_is_restated_where_one_phrase_can_stand_for_the_other():
    found = NEUTROPHIL | {
        "cell_size": "small", "cell_shape": "irregular", "nucleus_shape": "indented",
        "cytoplasm_colour": "purple blue", "cytoplasm_vacuole": "yes", "granule_colour": "red",
    }  # fmt: skip
    text = restated(WRITTEN, found)
    assert "a small cell with an irregular outline, an indented nucleus, a low" in text
    assert facts_in(text) == found and claimed(text, found) == (text, ())


def test_what_does_not_fit_into_the_sentence_is_not_restated():
    assert restated(WRITTEN, NEUTROPHIL | {"cell_type": "monocyte"}) == WRITTEN
    assert restated(WRITTEN, NEUTROPHIL | {"granule_type": "none", "granularity": "no"}) == WRITTEN
    assert restated(WRITTEN, {}) == WRITTEN


@pytest.mark.parametrize("question", ATTRIBUTES, ids=lambda q: q.name)
def test_a_restated_text_says_one_of_the_two_values_and_nothing_else(question):
    for option in question.options:
        facts = facts_in(restated(WRITTEN, {question.name: option}))
        assert facts.pop(question.name) in (option, NEUTROPHIL[question.name])
        assert facts == {n: v for n, v in NEUTROPHIL.items() if n != question.name}
