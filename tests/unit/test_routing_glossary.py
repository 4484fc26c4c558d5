"""Questions put into English word by word."""

import pytest

from agent.routing_glossary import GLOSSARY, in_english, tongues


@pytest.mark.parametrize(
    ("question", "english"),
    [
        ("Wie viele Zellen?", "how viele cell ?"),
        ("Zeig mir ähnliche Bilder", "show me similar image"),
        ("¿Qué célula es esta?", "what cell is this ?"),
        ("Quelle est cette cellule ?", "what is this cell ?"),
        ("Che cellula è questa?", "what cell is this ?"),
        ("Qual célula é esta?", "what cell is this ?"),
    ],
)
def test_words_of_the_other_languages_come_out_in_english(question, english):
    assert in_english(question) == english


@pytest.mark.parametrize(
    "question",
    [
        "What cell is this, and what is similar to it?",
        "Does imatinib cure chronic leukaemia in children?",
        "xyzzy",
        "?!",
        "",
    ],
)
def test_english_and_what_no_tongue_knows_stay_as_they_are(question):
    assert in_english(question) == question


def test_both_parts_of_a_german_compound_are_put_into_english():
    assert in_english("Vergleichsbilder bitte") == "compare image please"


def test_german_may_be_typed_without_its_umlauts():
    assert in_english("aehnliche Faelle bitte") == in_english("ähnliche Fälle bitte")


def test_an_accent_tells_two_words_apart():
    assert in_english("Il nucleo è rotondo") == "the nucleus is round"
    assert in_english("Il nucleo e i granuli") == "the nucleus and the granules"


def test_each_line_of_the_glossary_has_english_and_five_languages():
    lines = GLOSSARY.read_text(encoding="utf-8").splitlines()
    assert all(len(line.split("|")) == 6 for line in lines), "a line lacks a column"
    assert len(tongues()) == 5
