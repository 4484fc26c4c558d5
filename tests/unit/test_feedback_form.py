"""The feedback form: what is asked, how rows are read, and how bad ones are named."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from feedback_forms import NOW, SEEN, form, record

from agent.feedback_form import read_form, write_form
from tools.errors import BadInputError


def test_a_form_asks_about_each_image_of_an_answer(tmp_path):
    path = tmp_path / "f.csv"
    path.write_text(write_form([record()]))
    (row,) = csv.DictReader(io.StringIO(path.read_text()))
    assert (row["turn_id"], row["image_id"]) == ("t1", SEEN.image_id)
    assert "cell_type = neutrophil" in row["seen"] and row["helpful"] == ""
    read = read_form(path)
    assert (read.feedback, read.remarks, read.empty) == ({}, {}, 1)


def test_a_question_that_a_spreadsheet_would_run_is_written_as_text():
    (row,) = csv.DictReader(io.StringIO(write_form([record('=HYPERLINK("http://x")')])))
    assert row["question"].startswith("'=")


def test_a_filled_in_row_is_feedback_with_its_corrections(tmp_path):
    path = form(tmp_path, {
        "turn_id": "t1", "image_id": "img-1", "helpful": "No", "findings_right": "cell_size",
        "findings_wrong": "nucleus_shape; granularity", "corrections": "nucleus_shape = band",
        "label": "neutrophil", "comment": "a band, clearly", "role": "haematologist",
        "reviewer": "AB", "given_at": "2026-11-20",
    })  # fmt: skip
    said = read_form(path).feedback[2]
    assert said.finding_marks == {"cell_size": True, "nucleus_shape": False, "granularity": False}
    assert said.corrected_findings == {"nucleus_shape": "band"}
    assert (said.helpful, said.corrected_label, said.reviewer) == (False, "neutrophil", "AB")
    assert said.given_at == datetime(2026, 11, 20, tzinfo=UTC)


def test_the_same_row_is_the_same_feedback_whenever_it_is_read(tmp_path):
    path = form(tmp_path, {"turn_id": "t1", "helpful": "yes"}, {"turn_id": "t1", "helpful": "no"})
    first, later = read_form(path, NOW).feedback, read_form(path).feedback
    assert [f.feedback_id for f in first.values()] == [f.feedback_id for f in later.values()]
    assert first[2].feedback_id != first[3].feedback_id


def test_a_row_without_a_turn_is_a_remark(tmp_path):
    path = form(tmp_path, {"comment": "Too slow on my laptop", "role": "student"})
    (remark,) = read_form(path, NOW).remarks.values()
    assert (remark.comment, remark.role, remark.given_at) == (
        "Too slow on my laptop", "student", NOW,
    )  # fmt: skip


def test_a_json_form_says_the_same_as_csv(tmp_path):
    path = tmp_path / "form.json"
    row = {"turn_id": "t1", "helpful": True, "findings_right": ["cell_size", "stain"],
           "corrections": {"cell_type": "monocyte"}, "comment": None}  # fmt: skip
    path.write_text(json.dumps([row]))
    said = read_form(path).feedback[2]
    assert said.finding_marks == {"cell_size": True, "stain": True} and said.helpful
    assert said.corrected_findings == {"cell_type": "monocyte"}


def test_a_form_of_a_spreadsheet_with_semicolons_is_read(tmp_path):
    path = tmp_path / "form.csv"
    path.write_text('turn_id;helpful;comment\nt1;yes;"so; so"\n')
    assert read_form(path).feedback[2].comment == "so; so"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"turn_id": "t1", "helpful": "maybe"}, "'maybe', neither yes nor no"),
        ({"turn_id": "t1", "corrections": "band"}, "write name = value"),
        ({"turn_id": "t1", "findings_right": "a", "findings_wrong": "a"}, "right and wrong: a"),
        (
            {"turn_id": "t1", "findings_right": "a", "corrections": "a = b"},
            "right and corrected: a",
        ),
        ({"turn_id": "t1", "helpful": "yes", "given_at": "27.11."}, "given_at is '27.11.'"),
        ({"label": "monocyte"}, "cannot be kept without the turn_id"),
        ({"comment": "x" * 10_001}, "more than 10,000 characters"),
    ],
)
def test_bad_rows_are_all_named_by_their_number(tmp_path, row, says):
    path = form(tmp_path, {"turn_id": "t1", "helpful": "yes"}, row, {"helpful": "so-so"})
    with pytest.raises(BadInputError) as refused:
        read_form(path)
    told = str(refused.value)
    assert says in told and "row 3:" in told and "row 4:" in told and "row 2:" not in told
    assert "nothing of" in told


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("f.csv", "turn_id,stars\nt1,5\n", "columns that no form has: stars"),
        ("f.csv", "turn_id,helpful\nt1,yes,extra\n", "cells beyond the header"),
        ("f.json", '{"turn_id": 1}', "a list of objects"),
        ("f.json", "[", "not a readable form"),
    ],
)
def test_what_is_no_form_is_refused(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInputError, match=says):
        read_form(tmp_path / name)
