"""`cytoscribe ingest` used wrongly: told at once, before a model or a database is opened."""

import pytest

from agent.__main__ import run


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["images", "/nowhere"], 2, "does not exist"),
        (["images", "EMPTY", "--layout", "heap"], 2, "'heap' is not one of"),
        (["pubmed", "--query", "x", "--max", "0"], 2, "--max"),
        (["pubmed"], 2, "--query"),
        (["literature", "EMPTY"], 1, "Looked for pubmed-xml"),
        (["images", "EMPTY"], 1, "the folder is empty"),
        (["images", "EMPTY", "--layout", "voc"], 1, "Looked for voc: folders Annotations"),
        (["images", "EMPTY", "--format", "aptos"], 1, "Looked for aptos: train.csv"),
        (["images", "EMPTY", "--format", "chestxray14"], 1, "Looked for chestxray14: Data_Entry"),
        (["literature", "EMPTY", "--format", "mimic"], 1, "Looked for mimic: MIMIC-III NOTEEVENTS"),
    ],
)
def test_what_cannot_be_ingested_is_said_in_words(tmp_path, capsys, arguments, code, said):
    arguments = [str(tmp_path) if a == "EMPTY" else a for a in arguments]
    assert run(["ingest", *arguments]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["images", "literature", "pubmed"])
def test_help_shows_an_example_that_names_the_command(capsys, command):
    assert run(["ingest", command, "--help"]) == 0
    assert f"cytoscribe ingest {command} " in capsys.readouterr().out


def test_the_choices_are_the_layouts_and_formats_there_are():
    from agent.commands.ingest import FORMATS, LAYOUTS
    from tools.ingest import formats, layouts

    assert sorted(LAYOUTS) == sorted(["auto", *(known.name for known in layouts.LAYOUTS)])
    assert sorted(FORMATS) == sorted(["auto", *(known.name for known in formats.FORMATS)])
