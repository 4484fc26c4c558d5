"""Figures of the search for similar cases."""

import pytest

from eval.similar import Found, figures, label_of, vote


def found(wanted: str, *labels: str, similarities: tuple[float, ...] = ()) -> Found:
    return Found(wanted, labels, similarities or (0.9,) * len(labels), 0.01)


def test_hits_early_in_the_ranking_count_more():
    early, late = found("a", "a", "b", "b"), found("a", "b", "b", "a")
    assert figures([early])["map@5"] == 1.0
    assert figures([late])["map@5"] == pytest.approx(1 / 3)


def test_a_query_without_a_case_scores_nothing():
    told = figures([found("a")])
    assert (told["map@5"], told["acc@1"], told["knn_accuracy"]) == (0, 0, 0)


def test_closer_cases_have_more_to_say_in_a_vote():
    assert vote(found("a", "a", "b", "b", similarities=(0.9, 0.3, 0.3))) == "a"
    assert vote(found("a", "a", "b", "b", similarities=(0.9, 0.6, 0.6))) == "b"


def test_rare_classes_count_as_much_as_common_ones_in_the_balanced_figure():
    told = figures([found("a", "a"), found("a", "a"), found("a", "a"), found("b", "a")])
    assert told["knn_accuracy"] == 0.75
    assert told["knn_accuracy_balanced"] == 0.5
    assert told["commonest"] == 0.75


def test_class_is_what_an_image_is_of_and_any_other_label_goes_by_its_name():
    assert label_of({"cell_type": "basophil", "granularity": "yes"}, "class") == "basophil"
    assert label_of({"cell_type": "basophil", "granularity": "yes"}, "granularity") == "yes"
    assert label_of({"granularity": "yes"}, "class") is None
