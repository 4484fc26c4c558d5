"""Which images would teach most."""

import numpy as np
import pytest
from agent_fakes import SureModel
from PIL import Image

from finetune.feedback.acquisition import doubt, most_teaching
from finetune.feedback.candidates import candidates
from tools.evidence import CaseEvidence

AB = ("a", "b")


def test_doubt_is_none_where_the_model_is_sure_and_whole_where_it_knows_nothing():
    sure, lost = doubt(np.array([1.0, 0.0]), AB), doubt(np.array([0.5, 0.5]), AB)
    assert (sure.entropy, sure.margin, sure.score) == (0, 1, 0)
    assert (lost.entropy, lost.margin, lost.score) == (1, 0, 1)


def test_neighbours_that_say_otherwise_add_to_the_doubt():
    alone = doubt(np.array([0.9, 0.1]), AB)
    against = doubt(np.array([0.9, 0.1]), AB, ["b", "b", "a", "b"])
    assert alone.disagreement is None and against.disagreement == 0.75
    assert doubt(np.array([0.9, 0.1]), AB, ["a"]).score < alone.score < against.score


def test_probabilities_without_their_options_are_a_bug():
    with pytest.raises(ValueError, match="2 options for 3"):
        doubt(np.array([0.5, 0.3, 0.2]), AB)


def test_the_next_image_is_unlike_those_taken():
    same, other = [1.0, 0.0], [0.0, 1.0]
    vectors = np.array([same, same, same, other], np.float32)
    assert most_teaching([0.9, 0.8, 0.7, 0.2], vectors, 2) == [0, 3]


def test_all_are_listed_once_however_many_are_asked_for():
    vectors = np.eye(3, dtype=np.float32)
    assert sorted(most_teaching([0.0, 0.5, 0.1], vectors, 9)) == [0, 1, 2]
    assert most_teaching([], np.zeros((0, 4), np.float32), 5) == []


def test_an_image_is_asked_for_the_name_of_what_it_shows():
    case = CaseEvidence(
        image_id="i", caption="", labels={"cell_type": "monocyte"}, similarity=0.5, source="s",
        licence="CC0",
    )  # fmt: skip
    (found,) = candidates(SureModel(), [Image.new("RGB", (8, 8))], lambda vector: [case])
    assert (found.question, found.doubt.answer) == ("cell_type", "neutrophil")
    assert found.doubt.disagreement == 1.0
