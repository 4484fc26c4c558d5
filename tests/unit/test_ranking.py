"""Metrics of rankings against values worked out by hand."""

import numpy as np
import pytest

from eval.ranking import ndcg, recall, reciprocal_rank


def test_the_ideal_order_scores_one():
    assert ndcg(["b", "a", "x"], {"a": 1, "b": 2}) == pytest.approx(1)


def test_a_relevant_document_counts_less_further_down():
    assert ndcg(["x", "x2", "a"], {"a": 1}) == pytest.approx(1 / np.log2(4))
    assert ndcg([str(n) for n in range(10)] + ["a"], {"a": 1}) == 0


def test_more_relevant_documents_than_places_can_still_score_one():
    relevant = {str(n): 1 for n in range(30)}
    assert ndcg(list(relevant), relevant) == pytest.approx(1)


def test_recall_is_of_what_is_relevant():
    assert recall(["a", "x", "b"], {"a": 1, "b": 1, "c": 1}, k=2) == pytest.approx(1 / 3)


def test_the_reciprocal_rank_is_that_of_the_first_hit():
    assert reciprocal_rank(["x", "a", "b"], {"a": 1, "b": 1}) == 0.5
    assert reciprocal_rank(["x"] * 10 + ["a"], {"a": 1}) == 0
    assert reciprocal_rank([], {"a": 1}) == 0
