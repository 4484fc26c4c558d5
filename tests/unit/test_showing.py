"""Which questions name what the library should show."""

import pytest

from agent.router import clauses
from agent.showing import shown_words
from tools.findings.names import in_our_words, named_types


def named(question: str, has_image: bool = False) -> str:
    return shown_words(clauses(question), has_image)


@pytest.mark.parametrize(
    "question, words",
    [
        ("Show me eosinophils", "eosinophils"),
        ("I would like to see basophils and eosinophils", "basophils eosinophils"),
        ("show me cells with a bilobed nucleus", "cells bilobed nucleus"),
        ("eosinophil images, please", "eosinophil"),
        ("Do you have images of sickle cells?", "sickle cells"),
        ("Zeig mir Bilder von Lymphozyten", "Lymphozyten"),
        ("montre-moi des plaquettes", "plaquettes"),
        ("muéstrame basófilos", "basófilos"),
        ("Mostrami immagini di neutrofili", "neutrofili"),
        ("show me platelets and papers about them", "platelets"),
    ],
)
def test_a_question_that_asks_to_see_something_names_it(question, words):
    assert named(question) == words


@pytest.mark.parametrize(
    "question",
    [
        "show me similar cells",
        "Show me eosinophils like this one",
        "show me images of my cell",
        "find the eosinophils in this image",
        "show me papers on eosinophils",
        "show me eosinophil counts in asthma",
        "What does an eosinophil look like?",
        "eosinophils",
        "show me the weather",
        "Show me more",
        "",
    ],
)
def test_what_compares_points_or_asks_for_something_else_names_nothing(question):
    assert named(question) == ""


def test_beside_an_image_what_could_be_in_it_is_not_the_librarys():
    assert named("find eosinophils") == "eosinophils"
    assert named("find eosinophils", has_image=True) == ""
    assert named("show me the nucleus", has_image=True) == ""
    assert named("show me eosinophils", has_image=True) == "eosinophils"


def test_cell_types_are_looked_up_as_the_schema_calls_them():
    assert in_our_words("Thrombozyten") == "platelet"
    assert in_our_words("nucleated red blood cells") == "erythroblast"
    assert in_our_words("band neutrophils") == "band neutrophil"
    assert in_our_words("bilobed nucleus") == "bilobed nucleus"
    assert in_our_words("my cells") == "my cells"  # "my" is a code of myelocytes
    assert named_types("basophils and eosinófilos") == ("basophil", "eosinophil")
