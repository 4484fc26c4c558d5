"""The registry of training formats: by name, or said in words."""

from collections import Counter

import pytest

from finetune.data.formats import FORMATS, read_rows
from tools.errors import BadInputError


def test_every_format_is_known_by_its_own_name_and_says_what_it_wants():
    assert {"chestxray14", "aptos", "mimic", "pubmedqa"} <= FORMATS.keys()
    for name, known in FORMATS.items():
        assert known.name == name
        assert known.looks_for
        assert known.teaches


def test_an_unknown_format_is_told_the_known_ones(tmp_path):
    with pytest.raises(BadInputError, match=r"no format is called 'heap'; known: .*pubmedqa"):
        read_rows(tmp_path, "heap", Counter())


@pytest.mark.parametrize("name", FORMATS)
def test_a_missing_folder_is_told_what_is_looked_for(tmp_path, name):
    with pytest.raises(BadInputError, match="does not exist"):
        read_rows(tmp_path / "nowhere", name, Counter())


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_folder_is_told_what_was_found(tmp_path, name):
    with pytest.raises(BadInputError, match=r"Looked for .*the folder is empty"):
        list(read_rows(tmp_path, name, Counter()))
