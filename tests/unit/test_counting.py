"""The table of counts: truth on one side, a constant of the training side on the other."""

import numpy as np
from click.testing import CliRunner

from finetune.counting import counted, lines, main
from finetune.data.example import Example, Instance
from tools.simulate.nuclei import draw_nuclei


def example(seed: int) -> Example:
    drawn = draw_nuclei(np.random.default_rng(seed), "large")
    nuclei = tuple(
        Instance("nucleus", (b.x0 / 256, b.y0 / 256, b.x1 / 256, b.y1 / 256), i / 1e6)
        for i, b in enumerate(drawn.boxes)
    )
    return Example(
        str(seed), drawn.pixels, "nuclei", {}, "drawn", "ours", str(seed), nuclei, ("nucleus",)
    )


def test_counts_stand_beside_the_training_median():
    train, side = [example(9)], [example(n) for n in range(4)]
    (line,) = lines(train, side, lambda e: e.pixels)
    assert (line.thing, line.images) == ("nucleus", 4)
    assert line.constant == counted(train[0])["nucleus"]
    assert line.within_10.value == 1 and line.within_10.value > line.constant_within_10
    assert line.mae.value <= line.constant_mae


def test_what_is_not_annotated_is_not_judged():
    assert lines([], [example(0)], lambda e: e.pixels) == []
    assert counted(example(0)).keys() == {"nucleus"}


def test_a_folder_without_the_sets_is_refused_by_name(tmp_path):
    refused = CliRunner().invoke(main, ["--data", str(tmp_path)])
    assert refused.exit_code != 0 and "bccd, nuclei_dsb2018" in str(refused.exception)
