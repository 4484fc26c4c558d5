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
    count_range,
    facts_in,
    questions_for,
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
