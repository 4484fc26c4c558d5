"""PaliGemma's JSONL: prompts as written, text rows, splits by file name."""

import json
from collections import Counter

import pytest
from PIL import Image

from finetune.data.formats import read_rows
from tools.errors import BadInputError


def written(path, *lines):
    said = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(said) + "\n")
    Image.new("RGB", (4, 4)).save(path.parent / "1.png")
    return path


def rows(root):
    dropped = Counter()
    return list(read_rows(root, "jsonl", dropped)), dropped


def test_prefix_and_suffix_are_taken_as_written(tmp_path):
    box = "<loc0001><loc0002><loc0003><loc0004> cell"
    written(
        tmp_path / "d.jsonl", {"image": "1.png", "prefix": "<image>detect cell\n", "suffix": box}
    )
    (row,), _ = rows(tmp_path / "d.jsonl")
    assert (row.prefix, row.suffix, row.image) == ("detect cell", box, tmp_path / "1.png")
    assert row.group == "1.png"


def test_a_line_without_an_image_is_a_row_of_text(tmp_path):
    written(
        tmp_path / "d.jsonl",
        {"prefix": "say", "suffix": "so"},
        {"image": None, "prefix": "", "suffix": "x"},
    )
    read, dropped = rows(tmp_path)
    assert [row.image for row in read] == [None, None]
    assert not dropped


def test_files_called_after_a_split_give_it_and_a_line_may_say_its_own(tmp_path):
    line = {"prefix": "say", "suffix": "so"}
    written(tmp_path / "_annotations.train.jsonl", line, {**line, "split": "test", "group": "p1"})
    written(tmp_path / "_annotations.valid.jsonl", line)
    read, _ = rows(tmp_path)
    assert [row.split for row in read] == ["train", "test", "dev"]
    assert read[1].group == "p1"


def test_lines_that_cannot_be_used_are_counted_by_reason(tmp_path):
    fine = {"image": "1.png", "prefix": "p", "suffix": "s"}
    written(
        tmp_path / "d.jsonl", fine, "{cut", "[1]", "", {"prefix": "p", "suffix": ""},
        {**fine, "image": "gone.png"}, {**fine, "image": "../1.png"}, {"suffix": "alone"},
    )  # fmt: skip
    read, dropped = rows(tmp_path)
    assert len(read) == 1
    assert dropped == {
        "is no JSON object with a prefix": 3,
        "has an empty suffix": 1,
        "its image is missing": 1,
        "names no image inside the set": 1,
    }


def test_another_jsonl_is_told_what_was_looked_for(tmp_path):
    (tmp_path / "corpus.jsonl").write_text('{"_id": "1", "text": "x"}\n')
    with pytest.raises(BadInputError, match="image, prefix, suffix"):
        rows(tmp_path)
