"""Which image of a session a question means."""

import pytest

from agent.meant_images import compares, meant

SESSION = ("a", "b", "c")  # the newest last


@pytest.mark.parametrize(
    ("question", "images"),
    [
        ("What cell is this?", "c"),
        ("And the first one?", "a"),
        ("What cell is in the second picture?", "b"),
        ("Describe image 2", "b"),
        ("Compare the first and the second", "ab"),
        ("How does the second image differ from the first?", "ba"),
        ("Compare images 1 and 3", "ac"),
        ("Compare it with the previous image", "bc"),
        ("Is it the same as the first one?", "ac"),
        ("Compare these two", "bc"),
        ("Which of the three has more granules?", "abc"),
        ("Are both neutrophils?", "bc"),
        ("Compare all images", "abc"),
        ("Vergleiche das erste und das zweite Bild", "ab"),
        ("Compare la première et la troisième image", "ac"),
        ("Compara la primera y la segunda", "ab"),
    ],
)
def test_words_name_the_images_of_the_session(question, images):
    assert meant(question, (), SESSION).images == tuple(images)


@pytest.mark.parametrize(
    "question",
    [
        "What is the first line treatment of leukaemia?",
        "First, describe it",
        "Is it the second most common leukocyte?",
        "Compare it with similar cases",
    ],
)
def test_ordinals_that_are_of_no_image_change_nothing(question):
    assert meant(question, (), SESSION).images == ("c",)


def test_the_images_of_a_turn_are_counted_by_themselves():
    assert meant("Compare the first and the second", ("b", "c"), SESSION).images == ("b", "c")
    assert meant("What are these?", ("b", "c"), SESSION).images == ("b", "c")
    assert meant("Compare this with the first image", ("c",), SESSION).images == ("a", "c")


def test_what_was_spoken_of_last_is_spoken_of_still():
    assert meant("And its nucleus?", (), SESSION, latest="a").images == ("a",)


def test_an_image_that_nobody_gave_is_missing_and_no_other_takes_its_place():
    assert meant("Describe the fourth image", (), SESSION).images == ()
    asked = meant("Compare the first and the fifth image", (), SESSION)
    assert (asked.images, asked.missing) == (("a",), (5,))
    assert meant("Describe the first image", (), ()).images == ()


@pytest.mark.parametrize("question", ["Compare the first and the second", "compare these two"])
def test_a_comparison_of_the_own_images_is_known_by_its_words(question):
    assert compares(question)


@pytest.mark.parametrize(
    "question",
    ["Compare it with similar cases", "Compare both and find papers", "What do papers compare?"],
)
def test_a_comparison_with_anything_else_is_not(question):
    assert not compares(question)
