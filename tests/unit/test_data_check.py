"""`cytoscribe data`: what a dataset holds, told in words and in JSON."""

import json

import numpy as np
from click.testing import CliRunner
from PIL import Image

from finetune.commands.data import data
from finetune.data.formats import FORMATS


def run(*arguments):
    done = CliRunner().invoke(data, [str(a) for a in arguments])
    return done.exit_code, done.output


def classes(root, seed, number=12):
    for n in range(number):
        pixels = np.random.default_rng(seed + n).integers(0, 256, (8, 8, 3), np.uint8)
        path = root / "ab"[n % 2] / f"{seed + n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root


def test_formats_lists_every_format(tmp_path):
    code, said = run("formats", "--json")
    assert code == 0
    assert [known["name"] for known in json.loads(said)] == list(FORMATS)
    assert "laion: " in run("formats")[1]


def test_check_says_rows_sides_and_refused_copies(tmp_path):
    root = classes(tmp_path, 0, 30)
    (root / "a" / "copy of many.png").write_bytes((root / "a" / "0.png").read_bytes())
    (root / "b" / "broken.png").write_bytes(b"\x89PNG")
    code, said = run("check", root, "--format", "classes", "--json")
    told = json.loads(said)
    assert code == 0
    assert told["sets"][0]["rows"] == told["rows"] == 31
    assert told["sets"][0]["dropped"] == {"its image is broken": 1}
    assert sum(counts["rows"] for counts in told["sides"].values()) + len(told["refused"]) == 31
    assert told["shortcut"] is None
    assert "classes: its image is broken" in run("check", root, "--format", "classes")[1]


def test_check_of_several_sets_probes_for_a_shortcut(tmp_path):
    one, two = classes(tmp_path / "one", 0), classes(tmp_path / "two", 100)
    code, said = run("check", one, "--format", "classes", "--set", f"classes={two}")
    assert code == 0
    assert "told from a 16 x 16 thumbnail" in said


def test_wrong_usage_is_told_in_words(tmp_path):
    assert run("check")[0] == 2
    code, said = run("check", tmp_path, "--format", "heap")
    assert code == 2
    assert "no format is called 'heap'; known: " in said
    assert "write FORMAT=PATH" in run("check", "--set", "voc")[1]


def test_help_shows_examples():
    for command in ([], ["check"], ["formats"]):
        assert "cytoscribe data " in run(*command, "--help")[1]
