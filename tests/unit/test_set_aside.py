"""What a question sets aside is not asked for."""

import pytest

from agent.set_aside import asked


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("No papers, please, just say what it is.", "please, just say what it is."),
        ("Describe it, no papers please", "Describe it"),
        ("Forget the photo: how do basophils act?", "how do basophils act?"),
        ("Apart from the image, what are mast cells?", "what are mast cells?"),
        ("Keine Literatur, nur die Beschreibung", "nur die Beschreibung"),
        ("Oublie la photo : que fait le complément ?", "que fait le complément ?"),
        ("Sin artículos, solo descríbela", "solo descríbela"),
        ("Senza descrizione, solo simili", "solo simili"),
        ("Sem artigos, descreva apenas", "descreva apenas"),
    ],
)
def test_a_part_that_is_set_aside_is_left_out(question, left):
    assert asked(question) == left


@pytest.mark.parametrize(
    "question",
    [
        "no papers",
        "Is there no nucleus?",
        "The nucleus is indented, no?",
        "Not only the name, papers too",
        "Apart from a description, I want papers",
        "Notes, please",
        "",
    ],
)
def test_a_question_that_sets_nothing_aside_stays_whole(question):
    assert asked(question) == question
