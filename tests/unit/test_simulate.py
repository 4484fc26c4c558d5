"""The simulator's promise: what it says of an image is exactly what it drew."""

from itertools import islice

import numpy as np
import pytest

from tools.errors import BadInputError
from tools.findings import BY_NAME, KINDS, SUBJECT_KINDS, facts_in
from tools.simulate import VARIANTS, Drawn, draw, starter_recipes, starter_set

EVERY = [(kind, variant) for kind, variants in VARIANTS.items() for variant in variants]


@pytest.fixture(scope="module")
def drawings() -> list[Drawn]:
    """Two seeds of every variant."""
    return [draw(kind, seed, variant) for kind, variant in EVERY for seed in (1, 2)]


def test_the_same_seed_draws_the_same_pixels():
    for kind in VARIANTS:
        first, again, other = draw(kind, 5), draw(kind, 5), draw(kind, 6)
        assert first.pixels.tobytes() == again.pixels.tobytes()
        assert first.labels == again.labels
        assert first.boxes == again.boxes
        assert first.pixels.tobytes() != other.pixels.tobytes()


def test_every_kind_of_image_that_findings_know_can_be_drawn():
    assert set(VARIANTS) == set(KINDS)


def test_pixels_are_rgb_bytes_and_marked_simulated(drawings):
    for drawn in drawings:
        assert drawn.pixels.dtype == np.uint8
        assert drawn.pixels.shape == (*drawn.instances.shape, 3)
        assert drawn.simulated
        assert drawn.caption.startswith("Simulated image")


def test_counts_equal_the_boxes_and_the_instances(drawings):
    for drawn in drawings:
        numbers = np.unique(drawn.instances)
        assert len(numbers[numbers > 0]) == len(drawn.boxes) == sum(drawn.counts.values())
        for thing, count in drawn.counts.items():
            assert count == sum(box.thing == thing for box in drawn.boxes)


def test_every_box_lies_inside_the_image_and_holds_its_instance(drawings):
    for drawn in drawings:
        height, width = drawn.instances.shape
        for number, box in enumerate(drawn.boxes, start=1):
            assert 0 <= box.x0 < box.x1 <= width
            assert 0 <= box.y0 < box.y1 <= height
            rows, columns = np.nonzero(drawn.instances == number)
            assert (box.y0, box.x0) == (rows.min(), columns.min())
            assert (box.y1, box.x1) == (rows.max() + 1, columns.max() + 1)


def test_labels_use_the_vocabulary_of_findings(drawings):
    for drawn in drawings:
        assert SUBJECT_KINDS[drawn.labels["subject"]] == drawn.kind
        for name, value in drawn.labels.items():
            question = BY_NAME[name]
            assert value in question.options, (name, value)
            assert question.applies(drawn.kind, drawn.labels.get("cell_type"))


def test_a_caption_says_nothing_that_is_not_true(drawings):
    for drawn in drawings:
        truth = {**drawn.labels, **{f"count:{t}": str(n) for t, n in drawn.counts.items()}}
        said = facts_in(drawn.caption)
        if drawn.kind != "smear":  # a smear's caption names the type of the leukocytes in it
            assert said.items() <= truth.items()
        assert len(said) >= 2


def test_a_single_cell_image_has_its_cell_in_the_middle(drawings):
    for drawn in (d for d in drawings if d.kind == "cell"):
        assert drawn.counts["white blood cell"] == 1
        box = next(box for box in drawn.boxes if box.thing == "white blood cell")
        assert box.x0 < 112 < box.x1
        assert box.y0 < 112 < box.y1


def test_leukocytes_carry_the_granules_of_their_type():
    granules = {v: draw("cell", 3, v).labels["granule_colour"] for v in VARIANTS["cell"]}
    assert granules == {
        "neutrophil": "pink", "eosinophil": "red", "basophil": "purple",
        "lymphocyte": "none", "monocyte": "none",
    }  # fmt: skip


def test_a_nucleus_is_darker_than_the_background_of_a_smear():
    drawn = draw("cell", 4, "lymphocyte")
    assert drawn.pixels[112, 112].sum() < drawn.pixels[drawn.instances == 0].sum(axis=1).mean() / 2


def test_the_starter_set_holds_three_hundred_images_by_names_of_their_own():
    recipes = starter_recipes()
    assert len({recipe.name for recipe in recipes}) == len(recipes) == 300
    assert len({recipe.seed for recipe in recipes}) == 300


def test_any_part_of_the_starter_set_shows_all_kinds():
    assert {recipe.kind for recipe in starter_recipes()[:20]} == set(KINDS)
    few = [drawn for _, drawn in islice(starter_set(), 24)]
    assert {d.labels["cell_type"] for d in few if d.kind == "cell"} == set(VARIANTS["cell"])


def test_an_unknown_kind_or_variant_is_refused_with_what_is_known():
    with pytest.raises(BadInputError, match=r"'bone'.*nuclei"):
        draw("bone", 0)
    with pytest.raises(BadInputError, match=r"'plasma cell'.*neutrophil"):
        draw("cell", 0, "plasma cell")
