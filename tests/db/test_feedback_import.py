"""Filled-in forms on a real database: all rows or none, and once."""

import json
from pathlib import Path

import pytest
from feedback_forms import form, record

from agent.commands.feedback_import import keep
from agent.feedback_form import read_form
from tools.errors import BadInputError
from tools.store import Store

pytestmark = pytest.mark.db


@pytest.fixture
def asked(store: Store) -> Store:
    """A store with one turn."""
    told = record()
    store.save_turn(
        turn_id="t1", session_id="s", trace_id="x", asked_at=told.turn.asked_at,
        record=told.model_dump_json(), evidence=(),
    )  # fmt: skip
    return store


def imported(store: Store, path: Path) -> dict[str, int]:
    return keep(store, read_form(path), path)


def test_rows_become_feedback_corrections_and_remarks_once(asked, tmp_path):
    path = form(
        tmp_path,
        {"turn_id": "t1", "helpful": "no", "corrections": "nucleus_shape = band", "reviewer": "AB"},
        {"comment": "Good tool"},
        {"turn_id": "t1", "question": "not filled in"},
    )
    assert imported(asked, path) == {"feedback": 1, "remarks": 1, "known_already": 0}
    (correction,) = asked.reviews()
    assert (correction.name, correction.model_value, correction.human_value) == (
        "nucleus_shape", "segmented-multilobed", "band",
    )  # fmt: skip
    assert imported(asked, path) == {"feedback": 0, "remarks": 0, "known_already": 2}
    assert len(asked.feedback("t1")) == len(asked.reviews()) == len(asked.remarks()) == 1
    assert json.loads(asked.feedback("t1")[0])["helpful"] is False


def test_one_bad_row_keeps_all_out_and_each_is_named(asked, tmp_path):
    path = form(
        tmp_path,
        {"turn_id": "t1", "helpful": "yes", "corrections": "nucleus_shape = band"},
        {"turn_id": "t9", "helpful": "yes"},
        {"turn_id": "t1", "findings_wrong": "wings"},
        {"comment": "Good tool"},
    )
    with pytest.raises(BadInputError, match=r"row 3: .*'t9'.*row 4: .*'wings'"):
        imported(asked, path)
    assert (asked.feedback("t1"), asked.reviews(), asked.remarks()) == ([], [], [])


def test_what_is_stored_together_is_undone_together(asked, tmp_path):
    with pytest.raises(ZeroDivisionError), asked.together():
        asked.add_remarks([*read_form(form(tmp_path, {"comment": "x"})).remarks.values()])
        raise ZeroDivisionError
    assert asked.remarks() == []
