"""The reviewed training set on disk."""

import json
from collections import Counter
from pathlib import Path

import pytest
from huggingface_hub import DatasetCard
from PIL import Image

from finetune.data.formats import read_rows
from finetune.data.splits import side
from finetune.feedback.export import export
from tests.corrections import corrected
from tools.errors import BadImageError, BadInputError

REVIEWS = [
    *(corrected(n, "basophil", session_id=f"s{n}", minute=n) for n in range(40)),
    corrected(1, "a round cell", name="description", session_id="s1"),
    corrected(2, "two", name="answer:How many lobes?", session_id="s2"),
    corrected(3, "monocyte", "cd", session_id="s3"),  # against "ab", who said basophil
]


def picture(image_id: str) -> Image.Image:
    return Image.new("RGB", (40, 30), f"#{image_id[-6:]}")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_an_export_is_read_as_it_was_agreed_on(tmp_path):
    written = export(REVIEWS, picture, tmp_path / "set")
    rows = list(read_rows(tmp_path / "set", "feedback", Counter()))
    assert len(rows) == written.rows == 41
    asked = {(row.prefix, row.suffix) for row in rows}
    assert asked == {
        ("answer en which type of blood cell is this?", "basophil"),
        ("describe en", "a round cell"),
        ("answer en How many lobes?", "two"),
    }
    assert {"cell_type": "basophil"} in [row.truth for row in rows]
    sides = Counter(side(row) for row in rows)
    assert (sides["train"], sides["dev"], sides["test"]) == (
        written.train, written.dev, written.test,
    )  # fmt: skip


def test_a_session_is_in_one_file(tmp_path):
    export(REVIEWS, picture, tmp_path)
    files = [
        {row["group"] for row in lines(tmp_path / f"{name}.jsonl")}
        for name in ("train", "validation", "test")
    ]
    assert all(files) and len(set.union(*files)) == sum(map(len, files))


def test_a_row_says_who_said_what_beside_what_the_model_said(tmp_path):
    export(REVIEWS, picture, tmp_path)
    row = next(r for r in lines(tmp_path / "train.jsonl") if r["image"].endswith("0.png"))
    (vote,) = row["votes"]
    told = ("model", "model_value", "human_value", "reviewer", "role", "session_id")
    assert [vote[key] for key in told] == [
        "lite@1", "neutrophil", "basophil", "ab", "haematologist", "s0",
    ]  # fmt: skip


def test_conflicts_are_listed_apart_and_make_no_row(tmp_path):
    written = export(REVIEWS, picture, tmp_path)
    (conflict,) = lines(tmp_path / "conflicts.jsonl")
    assert written.conflicts == 1 and conflict["image_id"] == REVIEWS[3].image_id
    assert {vote["human_value"] for vote in conflict["votes"]} == {"basophil", "monocyte"}
    assert not (tmp_path / "images" / f"{conflict['image_id']}.png").exists()


def test_the_card_is_one_the_hub_reads_and_states_the_rule(tmp_path):
    export(REVIEWS, picture, tmp_path)
    card = DatasetCard.load(tmp_path / "README.md")
    assert card.data.configs[0]["data_files"][0] == {"split": "train", "path": "train.jsonl"}
    assert "more than half of" in card.text and "1 in conflict" in card.text


def test_an_image_that_is_gone_is_left_out_and_named(tmp_path):
    def gone(image_id: str) -> Image.Image:
        if image_id == REVIEWS[0].image_id:
            raise BadImageError("gone")
        return picture(image_id)

    written = export(REVIEWS, gone, tmp_path)
    assert written.missing == (REVIEWS[0].image_id,) and written.rows == 40


def test_a_failure_leaves_the_earlier_export_and_nothing_else(tmp_path):
    out = tmp_path / "set"
    export(REVIEWS[:5], picture, out)
    before = (out / "train.jsonl").read_text()

    def broken(image_id: str) -> Image.Image:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        export(REVIEWS, broken, out)
    assert (out / "train.jsonl").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_newer_export_replaces_an_older_one_and_nothing_else(tmp_path):
    export(REVIEWS[:5], picture, tmp_path / "set")
    export(REVIEWS, picture, tmp_path / "set")
    assert len(list(read_rows(tmp_path / "set", "feedback", Counter()))) == 41
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("x")
    with pytest.raises(BadInputError, match="something else"):
        export(REVIEWS, picture, tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.tex"]


def test_nothing_agreed_on_is_said_and_nothing_is_made(tmp_path):
    with pytest.raises(BadInputError, match="no correction is agreed on yet"):
        export([corrected(1, None)], picture, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_folder_that_is_no_export_is_told_from_one(tmp_path):
    with pytest.raises(BadInputError, match="feedback export"):
        read_rows(tmp_path, "feedback", Counter())
