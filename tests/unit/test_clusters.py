"""Intervals over images, of figures over their crops."""

import pytest

from eval.clusters import clustered
from eval.descriptions import accuracy, estimate, macro_f1

RIGHT, WRONG = ({"cell": "a"}, {"cell": "a"}), ({"cell": "b"}, {"cell": "a"})
CROPS = [RIGHT, WRONG, RIGHT, RIGHT, WRONG, RIGHT]


@pytest.mark.parametrize("metric", [accuracy("cell"), macro_f1(["cell"])])
def test_a_figure_is_the_same_however_its_rows_are_grouped(metric):
    groups = [CROPS[:1], CROPS[1:4], CROPS[4:]]
    assert clustered(metric)(groups) == pytest.approx(metric(CROPS))


def test_crops_that_repeat_each_other_make_no_interval_narrower():
    alone = estimate(accuracy("cell"), CROPS)
    repeated = estimate(clustered(accuracy("cell")), [[crop] * 10 for crop in CROPS])
    assert (repeated.value, repeated.low, repeated.high) == pytest.approx(
        (alone.value, alone.low, alone.high)
    )
    assert repeated.images == 6
