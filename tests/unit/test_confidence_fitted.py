"""Fitting how likely claims are right: on rows that can be counted."""

import pytest

from eval.abstention import confidence as literature
from finetune.confidence import FEWEST, Row, calibrated, out_of_fold


def row(number, right=True, agreeing=1.0, seen=0.8, name="cell_type") -> Row:
    return Row(f"{number}.png", "a set", name, seen, right, agreeing, 1.0, right)


CASES_KNOW = [row(n, right=n % 2 == 0, agreeing=float(n % 2 == 0)) for n in range(100)]


def test_cases_weigh_all_where_they_alone_know_and_nothing_where_they_mislead():
    assert calibrated(CASES_KNOW).weight > 0.9
    mislead = [row(n, n % 5 > 0, float(n % 5 == 0)) for n in range(100)]
    assert calibrated(mislead).weight == 0


def test_a_finding_of_few_images_is_not_calibrated():
    rows = [*CASES_KNOW, *(row(f"x{n}", name="tissue_type") for n in range(FEWEST - 1))]
    found = calibrated(rows)
    assert found.images == {"cell_type": 100}
    assert found.sources["cell_type"] == "100 images kept out of training (a set)"


def test_an_image_shown_twice_counts_once():
    assert calibrated([*CASES_KNOW, *CASES_KNOW]).images["cell_type"] == 100


def test_figures_are_told_of_every_way_and_finding():
    told = out_of_fold(CASES_KNOW)
    assert set(told) >= {"seen", "beside cases", "cases alone", "seen, cell_type"}
    assert told["seen"] | {"ece": 0} == {"claims": 100, "right": 0.5, "ece": 0, "brier": 0.34}
    assert told["beside cases"]["brier"] < 0.01


def test_a_support_that_is_too_modest_is_mended():
    rows = [(f"q{n}", 0.8 if n % 10 else 0.55, n % 10 > 0) for n in range(100)]
    told = literature.out_of_fold(rows)
    assert told["support"]["claims"] == told["fitted"]["claims"] == 100
    assert told["fitted"]["brier"] < told["support"]["brier"]
    assert literature._fitted(rows, 100).of_support(0.8) == pytest.approx(1, abs=0.15)
