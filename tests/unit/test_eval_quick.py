"""The regression gate: what an image is worth, and what counts as a loss."""

import json

import pytest
from agent_fakes import SureModel, WordEncoder
from click.testing import CliRunner

from eval.commands.quick import as_told, exit_code, in_words, quick
from eval.measuring import Limits
from eval.quick import gate, simulated
from eval.quick.held_out import held_out
from eval.quick.values import ATTRIBUTES, CLASS, COUNTED, FACTS, values
from eval.seeing import Seen
from tools.errors import BadInputError
from tools.simulate import starter_recipes

ROWS = [f"r{n}" for n in range(60)]


def baseline(right: int, **more):
    """A figure of 60 rows, the first `right` of them right."""
    found = {name: float(number < right) for number, name in enumerate(ROWS)}
    return gate.measured("starter", {"class": found}, "m", "1 core").model_copy(update=more)


@pytest.mark.parametrize(
    ("now", "verdict"), [(50, "kept"), (47, "kept"), (46, "LOST"), (51, "kept"), (60, "gained")]
)
def test_a_figure_is_lost_when_it_lost_more_than_the_interval(now, verdict):
    (one,) = gate.compare(baseline(50), baseline(now))
    assert one.verdict == verdict
    assert one.now - one.before == pytest.approx((now - 50) / 60)


def test_as_many_rows_won_as_lost_is_no_loss():
    flipped = {name: float(number >= 10) for number, name in enumerate(ROWS)}
    (one,) = gate.compare(baseline(50), baseline(50, values={"class": flipped}))
    assert one.verdict == "kept" and one.now == one.before


def test_other_rows_are_refused_and_a_new_figure_waits_for_an_update():
    fewer = baseline(50, values={"class": {"r1": 1.0}})
    with pytest.raises(BadInputError, match="'class' has 60 rows, and 1 of the 1"):
        gate.compare(baseline(50), fewer)
    more = baseline(50, values={**baseline(50).values, "new": {"x": 1.0}})
    assert [c.figure for c in gate.compare(baseline(50), more)] == ["class"]


def test_a_baseline_survives_its_file_and_a_missing_one_says_what_to_do(tmp_path):
    gate.write(baseline(50), tmp_path)
    assert gate.read(tmp_path, "starter") == baseline(50)
    with pytest.raises(BadInputError, match="--update"):
        gate.read(tmp_path, "shared")


def test_an_image_is_worth_what_is_known_of_it():
    truth = {"cell_type": "neutrophil", "stain": "Romanowsky", "granularity": "yes",
             "cell_size": "big", "count:platelet": "10", "count:nucleus": "0"}  # fmt: skip
    seen = Seen(
        asked={"cell_type": "neutrophil", "granularity": "yes", "cell_size": "small"},
        probability={},
        written={"cell_type": "monocyte", "stain": "Romanowsky"},
        counts={"platelet": ("11", "measured")},
    )
    found = values([("a", (truth, seen)), ("b", ({}, seen))])
    assert found[CLASS] == {"a": 1.0} and found[ATTRIBUTES] == {"a": 0.5}
    assert found[COUNTED] == {"a": 1.0} and 0 < found[FACTS]["a"] < 1


def test_the_drawn_images_are_not_those_of_the_library():
    asked = {r.seed for r in starter_recipes(simulated.ASKED_SEED)}
    assert not asked & {r.seed for r in starter_recipes(simulated.SEED)}


def test_drawn_images_are_measured_by_their_own_truth(tmp_path):
    known = simulated.drawn(tmp_path, starter_recipes(simulated.ASKED_SEED)[:8])
    found = simulated.described(known, SureModel(), Limits())
    assert {len(rows) for rows in found.values()} <= set(range(1, 9))
    assert set(found[FACTS]) == {image.path.stem for image in known}


def test_every_shipped_question_is_routed_and_judged():
    from eval.rag.rows import SHIPPED, read_rows

    rows = read_rows(SHIPPED)[:5]
    (found,) = simulated.routed(rows, WordEncoder()).values()
    assert list(found) == [row.id for row in rows] and set(found.values()) <= {0.0, 1.0}


def test_a_missing_set_is_named(tmp_path):
    with pytest.raises(BadInputError, match="pbc_wbcatt"):
        held_out(tmp_path, SureModel(), Limits())


def test_the_shipped_baselines_can_be_read():
    for name in ("starter", "shared"):
        found = gate.read(gate.BASELINES, name)
        assert all(rows for rows in found.values.values())


@pytest.mark.parametrize("lost", [True, False])
def test_every_figure_is_told_and_only_a_loss_fails(lost):
    now = baseline(30 if lost else 50)
    compared = [(now, gate.compare(baseline(50), now))]
    assert exit_code(compared) == int(lost) and ("LOST" in in_words(compared)) == lost
    told = json.loads(json.dumps(as_told(compared)))
    assert told["starter: class"] == pytest.approx(0.5 if lost else 5 / 6)
    assert told["command"] == "eval quick" and told["compared"][0]["rows"] == 60


@pytest.mark.slow
def test_a_tiny_model_is_measured_whole_and_keeps_what_it_was(tiny_paligemma_dir, tmp_path):
    words = ["--model", str(tiny_paligemma_dir), "--baselines", str(tmp_path)]
    assert CliRunner().invoke(quick, [*words, "--update"]).exit_code == 0
    done = CliRunner().invoke(quick, words)
    assert done.exit_code == 0 and "kept" in done.output and "LOST" not in done.output
