"""What leaves the machine: which texts are changed, which are not, and what ids become."""

import pytest

from agent.masking import Masker


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Patient John Smith was seen by Dr. Ann-Marie O'Neil", "[NAME] was seen by [NAME]"),
        ("Name: Smith, John", "[NAME]"),
        ("MRN 1234567, HADM_ID=145834", "[ID], [ID]"),
        ("born 3/4/1956, admitted March 5th, 2020", "born [DATE], admitted [DATE]"),
        ("2024-03-05T10:11:12.5+00:00 and 12 May 2020", "[DATE] and [DATE]"),
        ("call 555-123-4567 or j.smith@example.org", "call [PHONE] or [EMAIL]"),
        ("seen at [**Hospital Ward Name 12**]", "seen at [NAME]"),
    ],
)
def test_names_ids_and_dates_are_hidden(text, shown):
    assert Masker("identifiers").words(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "What cell is this, and what does the literature say about its nucleus?",
        "2-4 lobes, 10-12 µm, 95-100% of n = 200 cells (PMID 10012345)",
        "The patient has leukemia; it may be 5 lobes",
        "lite@2bbeb7a2b185",
    ],
)
def test_words_of_science_are_left_as_they_are(text):
    assert Masker("identifiers").words(text) == text


def test_ids_become_the_same_pseudonym_within_one_masker_and_another_in_the_next():
    told = {"session_id": "ward-3", "images": ["img-0123456789abcdef"], "user": "ann"}
    one, other = Masker("identifiers"), Masker("identifiers")
    assert one(told) == one(told) != other(told)
    assert "ward-3" not in str(one(told)) and "0123456789abcdef" not in str(one(told))
    assert Masker("text", b"key")(told) == Masker("text", b"key")(told)


def test_our_own_ids_and_public_sources_stay():
    told = {
        "trace_id": "1" * 32, "evidence_ids": ["lit-12345678"], "source_id": "pmid:10012345",
        "about": {"model": "lite@2bbeb7a2b185"}, "year": 1999, "journal": "Blood",
    }  # fmt: skip
    assert Masker("text")(told) == told


def test_a_source_that_nobody_can_look_up_is_an_id():
    assert "20001" not in Masker("identifiers")({"source_id": "mimic:20001"})["source_id"]


def test_the_level_text_hides_what_people_wrote_and_nothing_hides_nothing():
    told = {"question": "Is Ann ill?", "labels": {"cell_type": "neutrophil"}}
    assert Masker("text")(told) == told | {"question": "[TEXT, 11 characters]"}
    assert Masker("nothing")(told) == told
