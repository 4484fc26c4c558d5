"""Metrics of descriptions, on answers small enough to score by hand."""

import math

import numpy as np
import pytest

from eval.descriptions import (
    accuracy,
    average_precision,
    balanced_accuracy,
    calibration_error,
    count_error,
    estimate,
    exact,
    fact_f1,
    fact_precision,
    fact_recall,
    macro_f1,
    within_tenth,
)


def answers(name, *pairs):
    return [({name: truth}, {name: said}) for truth, said in pairs]


def test_balanced_accuracy_gives_each_class_one_vote():
    pairs = answers("x", ("a", "a"), ("a", "a"), ("a", "a"), ("b", "a"))
    assert accuracy("x")(pairs) == 0.75
    assert balanced_accuracy("x")(pairs) == 0.5


def test_macro_f1_is_over_the_classes_of_the_truth():
    pairs = answers("x", ("a", "a"), ("b", "a"))
    assert macro_f1(["x"])(pairs) == pytest.approx((2 / 3 + 0) / 2)
    silent = [({"x": "a"}, {"x": "a"}), ({"x": "a"}, {})]
    assert macro_f1(["x"])(silent) == pytest.approx(2 / 3)


def test_an_unknown_truth_is_not_judged():
    assert fact_f1([({"x": "a"}, {"x": "a", "y": "b"})]) == 1.0
    assert math.isnan(accuracy("y")([({"x": "a"}, {"y": "b"})]))


def test_a_wrong_fact_costs_precision_and_a_silent_one_recall():
    wrong, silent = ({"x": "a", "y": "b"}, {"x": "c"}), ({"x": "a", "y": "b"}, {"x": "a"})
    assert fact_f1([wrong]) == 0.0
    assert fact_f1([silent]) == pytest.approx(2 / 3)
    assert fact_precision([wrong, silent]) == 1 / 2
    assert fact_recall([wrong, silent]) == 1 / 4
    assert fact_precision([({"x": "a"}, {})]) == 0.0


def test_a_count_of_zero_must_be_zero_and_babble_counts_as_zero():
    pairs = answers("n", ("0", "1"), ("10", "11"), ("10", "12"), ("3", "1111111"))
    assert within_tenth("n")(pairs) == 0.25
    assert count_error("n")(pairs) == (1 + 1 + 2 + 3) / 4
    assert exact("n")([*pairs, ({"n": "7"}, {"n": "7"})]) == 1 / 5


def test_calibration_error_is_the_gap_of_confidence_and_rightness():
    right, wrong = [(0.8, True)], [(0.8, False), (0.8, True)]
    assert calibration_error([right] * 6 + [wrong] * 2) == pytest.approx(0)
    assert calibration_error([[(1.0, False)]] * 4) == 1.0


def test_average_precision_rewards_early_hits():
    library = np.eye(3, dtype=np.float32)
    query = np.array([[0.8, 0.6, 0.0]], dtype=np.float32)
    assert average_precision(query, library, ["a"], ["a", "b", "b"], 2) == [1.0]
    assert average_precision(query, library, ["b"], ["a", "b", "b"], 2) == [0.5]


def test_an_interval_holds_its_value_and_no_rows_have_none():
    found = estimate(accuracy("x"), answers("x", *[("a", "a"), ("a", "b")] * 20))
    assert found.low <= found.value == 0.5 <= found.high and found.images == 40
    assert math.isnan(estimate(accuracy("x"), []).value)
    assert math.isnan(estimate(accuracy("z"), answers("x", ("a", "a"))).low)


def test_an_interval_is_that_of_whole_images():
    """Answers on one image stand or fall together: twins make no interval narrower."""
    once = [[(0.9, bool(i % 2))] for i in range(40)]
    twice = [answers * 2 for answers in once]
    assert estimate(calibration_error, twice) == estimate(calibration_error, once)


def test_the_interval_of_a_macro_average_is_quick_for_many_images():
    pairs = answers("x", *[("a", "a"), ("b", "a"), ("c", "c")] * 2000)
    found = estimate(macro_f1(["x", "y"]), pairs)
    assert found.low < found.value < found.high and found.high - found.low < 0.05
