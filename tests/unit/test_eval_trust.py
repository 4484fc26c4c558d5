"""Risk by coverage on answers that can be counted by hand; strangers that are drawn by seed."""

import numpy as np
import pytest
from agent_fakes import SureModel
from labelled_folders import cells

from eval.evaluation import Request
from eval.measuring import Limits
from eval.seeing import Seen
from eval.trust.coverage import aurc, curve, least_aurc, reliability, risk_at, risks
from eval.trust.run import findings, separation, share_unknown, trust, unknown_images
from eval.trust.strangers import strangers
from tools.protocols import Familiarity

SURE_AND_RIGHT = [(0.9, True), (0.8, True), (0.7, True), (0.6, False)]


def test_the_risk_falls_with_the_coverage_where_the_unsure_answers_are_wrong():
    assert risks(SURE_AND_RIGHT).tolist() == [0, 0, 0, 0.25]
    assert risk_at(SURE_AND_RIGHT, 0.75) == 0 and risk_at(SURE_AND_RIGHT, 1) == 0.25
    assert aurc(SURE_AND_RIGHT) == least_aurc(SURE_AND_RIGHT) == 0.0625


def test_equally_sure_answers_are_dropped_at_random():
    tied = [(0.5, True), (0.5, False), (0.5, True), (0.5, False)]
    assert risks(tied).tolist() == [0.5] * 4
    assert aurc(tied) > least_aurc(tied)


def test_the_order_of_answers_does_not_matter():
    assert risks(SURE_AND_RIGHT[::-1]).tolist() == risks(SURE_AND_RIGHT).tolist()


def test_a_curve_ends_at_the_risk_of_all_answers():
    told = curve(SURE_AND_RIGHT)
    assert told[-1] == (1.0, 0.25) and len(told) == 20


def test_reliability_leaves_out_empty_bins_and_holds_certainty():
    told = reliability([(1.0, True), (0.95, False), (0.15, False)])
    assert told == [(0.15, 0.0, 1), (pytest.approx(0.975), 0.5, 2)]


def test_findings_are_judged_where_the_truth_is_known():
    said = Seen(
        {"stain": "Romanowsky", "cell_type": "monocyte"}, {"stain": 0.9, "cell_type": 0.6}, {}
    )
    told = findings([{"stain": "Romanowsky"}, {"cell_type": "basophil"}], [said, said])
    assert told["answers"] == 2 and told["error"] == 0.5 and told["by_question"] == {}
    assert told["ece"] == pytest.approx((0.1 + 0.6) / 2)


def known(probability, known):
    return Familiarity(probability, known, "cell image")


def test_shares_are_told_by_set_and_family():
    told = unknown_images(
        {"cells": [known(0.9, True), known(0.2, False)]}, {"text": [known(0.1, False)] * 4}
    )
    assert told["refused"] == 0.5 and told["recognised"] == 1.0 and told["auroc"] == 1.0
    assert told["recognised_by_family"]["text"]["images"] == 4


def test_a_model_without_a_detector_is_not_measured_by_one():
    assert unknown_images({"cells": []}, {}) == {"checked": False}
    assert share_unknown([]) is None and separation([], [0.5]) is None


def test_an_image_of_which_nobody_can_tell_counts_as_described():
    told = unknown_images({"cells": [None]}, {"blank": [known(0.0, False)], "chart": [None]})
    assert told["refused"] == 0 and told["recognised"] == 0.5 and told["auroc"] is None


def test_ties_count_half_in_the_separation():
    assert separation([0.5, 0.5], [0.5, 0.1]) == 0.75


def test_strangers_are_the_same_for_a_seed_and_of_every_family():
    one, other = (list(strangers(3, None, seed=4)) for _ in range(2))
    assert {family for family, _ in one} >= {"blank", "noise", "text", "photograph"}
    assert all(
        a == b and np.array_equal(np.asarray(x), np.asarray(y))
        for (a, x), (b, y) in zip(one, other, strict=True)
    )
    assert all(image.mode == "RGB" for _, image in one)


def test_a_set_is_measured_with_the_strangers_beside_it(tmp_path):
    root = cells(tmp_path, "neutrophil", "monocyte")
    model = SureModel(familiarity=known(0.99, True))
    told = trust({"set": Request("classes", root)}, model, Limits(), each=2)
    assert told["images"] == 2 and told["findings"]["error"] == 0.5
    assert told["unknown_images"]["refused"] == told["unknown_images"]["recognised"] == 0
