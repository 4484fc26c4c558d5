"""Paired differences: zero for equals, sure where one is always better, wide where nothing is."""

import numpy as np
import pytest

from eval import descriptions as metrics
from eval.differences import difference, mcnemar, swapped
from eval.overlap import bleu, rouge_l

METRIC = metrics.accuracy("x")


def pairs(right):
    return [({"x": "a"}, {"x": "a" if one else "b"}) for one in right]


def test_the_same_answers_do_not_differ():
    same = pairs([True, False] * 20)
    found = difference(METRIC, same, same)
    assert (found.value, found.low, found.high, found.images) == (0, 0, 0, 40)
    assert swapped(METRIC, same, same, 50) == 1


def test_a_better_one_is_surely_better_and_the_sign_turns():
    better, worse = pairs([True] * 60), pairs([True] * 30 + [False] * 30)
    found, turned = difference(METRIC, better, worse), difference(METRIC, worse, better)
    assert found.value == 0.5
    assert found.low > 0.3
    assert turned.value == -0.5
    assert swapped(METRIC, better, worse, 200) == pytest.approx(1 / 201)


def test_pairing_narrows_the_interval_of_what_is_hard_for_both():
    draw = np.random.default_rng(0)
    hard = draw.random(400) < 0.5
    ours, theirs = pairs(~hard), pairs(~hard & (draw.random(400) < 0.98))
    paired = difference(METRIC, ours, theirs)
    alone = metrics.estimate(METRIC, ours)
    assert paired.high - paired.low < (alone.high - alone.low) / 2


def test_mcnemar_counts_only_rows_where_one_alone_is_right():
    assert mcnemar([True] * 5, [True] * 5) == 1
    assert mcnemar([True] * 10 + [True], [False] * 10 + [True]) == pytest.approx(2 / 2**10)


def test_unpaired_rows_are_refused():
    with pytest.raises(ValueError, match="2 rows beside 1"):
        difference(METRIC, pairs([True, True]), pairs([True]))


def test_nothing_has_no_figure():
    assert np.isnan(difference(METRIC, [], []).value)


def test_overlap_is_whole_for_the_reference_and_none_without_texts():
    pytest.importorskip("sacrebleu")
    pytest.importorskip("rouge_score")
    words = ["a big cell with a round nucleus", "a small cell with a band nucleus"]
    assert bleu(words, words) == rouge_l(words, words) == 1
    assert rouge_l(["a big cell"], ["a cell"]) == pytest.approx(0.8)
    assert bleu([], []) is rouge_l([], []) is None
