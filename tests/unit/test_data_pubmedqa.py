"""PubMedQA in the official files and the official split script's, as rows."""

import json
from collections import Counter
from pathlib import Path

import pytest

from finetune.data.formats import read_rows
from tools.errors import BadInputError


def entry(decision: str | None = "yes", **more) -> dict:
    full = {
        "QUESTION": "Do cells divide?", "CONTEXTS": ["They were seen.", "They did."],
        "LABELS": ["METHODS", "RESULTS"], "MESHES": ["Cells"], "YEAR": "2011",
        "final_decision": decision, "LONG_ANSWER": "The secret conclusion.",
    } | more  # fmt: skip
    return {name: value for name, value in full.items() if value is not None}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def read(root: Path) -> tuple[list, Counter]:
    dropped: Counter[str] = Counter()
    return list(read_rows(root, "pubmedqa", dropped)), dropped


@pytest.mark.parametrize("path", ["ori_pqal.json", "data/ori_pqal.json", "data/ori_pqaa.json"])
def test_a_question_is_answered_from_its_contexts_and_not_from_its_conclusion(tmp_path, path):
    write(tmp_path / path, {"21645374": entry("maybe")})
    ((row,), dropped) = read(tmp_path)
    assert row.image is None
    assert row.prefix == "answer en Do cells divide? context: They were seen. They did."
    assert row.suffix == "maybe"
    assert row.truth == {"pmid": "21645374", "final_decision": "maybe"}
    assert (row.group, row.licence) == ("21645374", "MIT")
    assert not dropped


def test_the_ground_truth_is_the_test_split_and_has_the_last_word(tmp_path):
    many = {str(n): entry("no") for n in range(100, 300)}
    write(tmp_path / "data/ori_pqal.json", many)
    write(tmp_path / "data/test_ground_truth.json", {"150": "yes", "151": "no", "9": "no"})
    rows, dropped = read(tmp_path)
    assert {r.name: r.suffix for r in rows if r.split == "test"} == {"150": "yes", "151": "no"}
    assert {r.split for r in rows} == {"train", "dev", "test"}
    assert dropped == {"in test_ground_truth.json only": 1}


@pytest.mark.parametrize("whole", [True, False])
def test_the_folds_say_what_is_train_and_dev(tmp_path, whole):
    parts = {"pqal_fold0/train_set": "11", "pqal_fold0/dev_set": "12", "test_set": "13"}
    parts |= {"pqal_fold1/train_set": "12", "pqal_fold1/dev_set": "11"}
    for name, pmid in parts.items():
        write(tmp_path / "data" / f"{name}.json", {pmid: entry()})
    if whole:
        write(tmp_path / "data/ori_pqal.json", {pmid: entry() for pmid in ("11", "12", "13")})
    expected = {"11": "train", "12": "dev", "13": "test"}
    assert {r.name: r.split for r in read(tmp_path)[0]} == expected
    other = {r.name: r.split for r in read(tmp_path / "data" / "pqal_fold1")[0]}
    assert other == {"11": "dev", "12": "train", "13": "test"}


def test_a_file_can_be_named(tmp_path):
    assert len(read(write(tmp_path / "mine.json", {"1": entry()}))[0]) == 1


def test_what_lacks_a_field_is_counted_by_reason(tmp_path):
    broken = {
        "1": entry(), "2": entry(None), "3": entry("perhaps"), "4": entry(QUESTION=" "),
        "5": entry(CONTEXTS=None), "6": entry(QUESTION=None), "7": entry(CONTEXTS=[]), "8": "yes",
        "9": entry(LABELS=None, MESHES=None, YEAR=None, LONG_ANSWER=None),
    }  # fmt: skip
    write(tmp_path / "ori_pqal.json", broken)
    rows, dropped = read(tmp_path)
    assert [r.name for r in rows] == ["1", "9"]
    assert dropped == {
        "has no final_decision": 1, "its final_decision is none of yes, no, maybe": 1,
        "has no QUESTION": 2, "has no CONTEXTS": 2, "is no object": 1,
    }  # fmt: skip


def test_another_layout_is_refused_before_the_first_row(tmp_path):
    with pytest.raises(BadInputError, match=r"Looked for data/ori_pqal.json.*the folder is empty"):
        read_rows(tmp_path, "pubmedqa", Counter())


def test_a_file_cut_short_is_named(tmp_path):
    path = write(tmp_path / "ori_pqal.json", {"1": entry(), "2": entry()})
    path.write_text(path.read_text()[:-20])
    with pytest.raises(BadInputError, match=r"ori_pqal.json is not whole PubMedQA JSON"):
        read(tmp_path)


@pytest.mark.shared
def test_the_real_questions_are_read(shared_data):
    rows, dropped = read(shared_data / "pubmedqa")
    assert Counter(r.suffix for r in rows) == {"yes": 276, "no": 169, "maybe": 55}
    assert Counter(r.split for r in rows)["test"] == 100
    assert not dropped
