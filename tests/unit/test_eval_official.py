"""The official metrics against values worked out by hand and against scikit-learn's."""

import math

import numpy as np
import pytest

from eval.official import (
    ANSWERS,
    accuracy,
    auroc,
    macro_f1,
    official_figures,
    pubmedqa,
    quadratic_kappa,
)
from tools.errors import BadInputError
from tools.ingest.layouts.chestxray14 import FINDINGS

GRADES = ("0", "1", "2", "3", "4")


def test_auroc_counts_ordered_pairs_and_half_the_ties():
    assert auroc([False, True, False, True], [0.1, 0.4, 0.35, 0.8]) == 1.0
    assert auroc([False, False, True, True], [0.1, 0.4, 0.35, 0.8]) == 0.75
    assert auroc([True, False], [0.5, 0.5]) == 0.5
    assert auroc([True, False], [0.0, 1.0]) == 0.0


def test_auroc_needs_both_sides():
    assert math.isnan(auroc([True, True], [0.1, 0.2]))
    assert math.isnan(auroc([], []))


def test_kappa_weighs_by_the_squared_distance():
    # Observed: one pair is 1 apart, of 4. By chance: (0,0,1,2) against (0,1,1,2): 20 / 4 = 5.
    pairs = [("0", "0"), ("0", "1"), ("1", "1"), ("2", "2")]
    assert quadratic_kappa(pairs, GRADES) == pytest.approx(1 - 1 / 5)
    assert quadratic_kappa([("0", "4"), ("4", "0")], GRADES) == -1
    assert quadratic_kappa([("0", "0"), ("4", "4")], GRADES) == 1
    assert math.isnan(quadratic_kappa([("2", "2")], GRADES))


def test_accuracy_and_macro_f1_by_hand():
    pairs = [("yes", "yes"), ("yes", "no"), ("no", "no"), ("maybe", "yes")]
    assert accuracy(pairs, ANSWERS) == 0.5
    assert macro_f1(pairs, ANSWERS) == pytest.approx((2 / 4 + 2 / 3 + 0) / 3)


@pytest.mark.parametrize("seed", range(3))
def test_scikit_learn_agrees(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    draw = np.random.default_rng(seed)
    truth, scores = draw.random(200) < 0.2, draw.integers(0, 20, 200) / 20
    assert auroc(truth, scores) == pytest.approx(metrics.roc_auc_score(truth, scores))
    grades = draw.choice(GRADES, (2, 200), p=[0.5, 0.1, 0.3, 0.06, 0.04])
    pairs = list(zip(*grades.tolist(), strict=True))
    assert quadratic_kappa(pairs, GRADES) == pytest.approx(
        metrics.cohen_kappa_score(*grades, weights="quadratic")
    )
    said = draw.choice(ANSWERS[: seed + 1], (2, 200))
    pairs = list(zip(*said.tolist(), strict=True))
    assert accuracy(pairs, ANSWERS) == pytest.approx(metrics.accuracy_score(*said))
    assert macro_f1(pairs, ANSWERS) == pytest.approx(metrics.f1_score(*said, average="macro"))


def test_an_answer_that_is_no_label_is_named():
    with pytest.raises(BadInputError, match="'perhaps' is no label"):
        accuracy([("yes", "perhaps")], ANSWERS)


def test_pubmedqa_s_pmids_must_be_those_of_the_ground_truth():
    truth = {"1": "yes", "2": "no"}
    assert pubmedqa(truth, {"2": "no", "1": "yes"}) == {"accuracy": 1.0, "macro_f1": 1.0}
    for said in ({"1": "yes"}, {"1": "yes", "2": "no", "3": "no"}, {"1": "yes", "3": "no"}):
        with pytest.raises(BadInputError, match="not those of the ground truth"):
            pubmedqa(truth, said)


def test_rows_of_each_dataset_give_its_figures():
    chest = [
        ({"finding": "Hernia", "present": present}, {"yes": yes, "no": -1.0})
        for present, yes in (("yes", -0.5), ("no", -0.7), ("no", -0.1))
    ] + [({"findings": "Hernia"}, {"hernia": 0.0})]
    said = official_figures("chestxray14", chest)
    assert said == {"mean_auroc": 0.5, "findings": 1, "auroc:Hernia": 0.5}
    one_sided = [({"finding": FINDINGS[0], "present": "no"}, {"yes": 0.0, "no": 0.0})]
    assert math.isnan(official_figures("chestxray14", one_sided)["mean_auroc"])
    eyes = [({"diagnosis": d}, {"none": a, "severe": b}) for d, a, b in (("0", 2, 1), ("3", 1, 2))]
    assert official_figures("aptos", eyes) == {"quadratic_kappa": 1.0}
    asked = [({"pmid": "1", "final_decision": "no"}, {"yes": 0.1, "no": 0.9})]
    assert official_figures("pubmedqa", asked) == {"accuracy": 1.0, "macro_f1": 1.0}
    assert official_figures("mimic", []) == {}
