"""The questions that the router is trained and tested on."""

import hashlib
import re

import pytest

from eval.routing.rows import DATA, Row, read_rows

SPLITS = ("train", "dev", "test", "test2")
TESTS = ("test", "test2")


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[Row, ...]]:
    return {split: read_rows(DATA / f"{split}.jsonl") for split in SPLITS}


def trigrams(question: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", question.lower())
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)} or {tuple(words)}


def test_there_are_at_least_600_questions_and_each_label_occurs_in_each_split(rows):
    assert sum(map(len, rows.values())) >= 600
    labels = {"describe_image", "image_search", "literature_search", "out_of_scope", "needs_image"}
    for split in SPLITS:
        assert {label for row in rows[split] for label in row.expected} == labels


def test_no_test_question_shares_half_of_its_trigrams_with_a_training_question(rows):
    seen = [(row.question, trigrams(row.question)) for s in ("train", "dev") for row in rows[s]]
    for row in (row for split in TESTS for row in rows[split]):
        own = trigrams(row.question)
        close = [q for q, other in seen if 2 * len(own & other) >= min(len(own), len(other))]
        assert not close, (row.question, close)


def test_each_voice_is_in_one_split_only(rows):
    voices = [{row.group for row in rows[split]} for split in SPLITS]
    assert sum(map(len, voices)) == len(set.union(*voices)) >= 30


def test_the_test_files_are_those_whose_digests_were_committed_before_training():
    told = [line.split() for line in (DATA / "SHA256SUMS").read_text().splitlines()]
    assert [name for _, name in told] == [f"{split}.jsonl" for split in TESTS]
    for digest, name in told:
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest


def test_what_a_training_question_asks_for_bears_out_what_is_expected_of_it(rows):
    for row in (*rows["train"], *rows["dev"]):
        sure = {t for t in row.asks if row.has_image or t in ("literature_search", "out_of_scope")}
        shown = sure | ({"image_search"} & set(row.asks))  # cases named in words need no image
        assert row.expected in (sure or {"needs_image"}, shown), row
