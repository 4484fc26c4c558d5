"""A linear head learns, is read as it was written, and refuses what is none."""

import numpy as np
import pytest

from tools.errors import BadInputError
from tools.linear_head import fit, read_head, write_head

ROWS = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.8]])
ONE_OF_TWO = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])


@pytest.mark.parametrize("link", ["softmax", "sigmoid"])
def test_a_head_learns_what_tells_its_rows_apart(link):
    said = fit(ROWS, ONE_OF_TWO, ("a", "b"), 0.01, link).probabilities(ROWS)
    assert (said.argmax(1) == [0, 0, 1, 1]).all()
    if link == "softmax":
        assert np.allclose(said.sum(1), 1)


def test_a_heavy_penalty_leaves_the_shares_of_the_labels():
    targets = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    said = fit(ROWS, targets, ("a", "b"), 1e6).probabilities(ROWS)
    assert np.allclose(said, [[0.75, 0.25]] * 4, atol=1e-3)


def test_a_head_is_read_as_it_was_written_and_not_written_over(tmp_path):
    head = fit(ROWS, ONE_OF_TWO, ("a", "b"), 0.1)
    write_head(tmp_path / "head.json", head, data="four rows")
    again, notes = read_head(tmp_path / "head.json")
    assert notes == {"data": "four rows"} and again.labels == ("a", "b")
    assert np.allclose(again.probabilities(ROWS), head.probabilities(ROWS), atol=0.01)
    with pytest.raises(BadInputError, match="exists"):
        write_head(tmp_path / "head.json", head)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"head": {"labels": ["a"], "bias": [1], "weights": 1}}']
)
def test_a_file_that_is_no_head_is_refused(tmp_path, text):
    (tmp_path / "head.json").write_text(text)
    with pytest.raises(BadInputError, match="no trained head"):
        read_head(tmp_path / "head.json")
