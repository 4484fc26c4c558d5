"""Measuring: true numbers on drawn images, nothing on images of nothing, the same when turned."""

import numpy as np
import pytest
from PIL import Image

from tools.findings import KINDS
from tools.measure import Measurement, measure
from tools.measure.overlay import COLOURS, overlay
from tools.measure.quantities import QUANTITIES
from tools.measure.regions import depth, split, typical_radius
from tools.simulate.blood import draw_cell, draw_single_red_cell, draw_smear
from tools.simulate.nuclei import draw_nuclei


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def smear():
    return draw_smear(rng(1), "neutrophil")


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_drawn_nuclei_are_counted(size):
    for seed in range(3):
        drawn = draw_nuclei(rng(seed), size)
        found = measure(drawn.pixels, "nuclei").values["nuclei_count"]
        assert abs(found - drawn.counts["nucleus"]) <= max(1, 0.1 * drawn.counts["nucleus"])


@pytest.mark.parametrize("seed", range(4))
def test_drawn_blood_cells_are_counted(seed):
    drawn = draw_smear(rng(seed), "neutrophil")
    found = measure(drawn.pixels, "smear").values
    red = drawn.counts["red blood cell"]
    assert abs(found["red_blood_cell_count"] - red) <= max(2, 0.2 * red)
    assert found["white_blood_cell_count"] == drawn.counts["white blood cell"]


def test_a_larger_picture_of_the_same_field_has_as_many_cells_of_that_size(smear):
    large = np.asarray(Image.fromarray(smear.pixels).resize((960, 720)))
    one, other = (measure(p, "smear").values for p in (smear.pixels, large))
    assert abs(one["red_blood_cell_count"] - other["red_blood_cell_count"]) <= 1
    diameters = [v["red_blood_cell_median_diameter"] for v in (one, other)]
    assert diameters[1] == pytest.approx(3 * diameters[0], rel=0.05)


def test_a_leukocyte_is_measured_with_its_nucleus_inside_its_cell():
    found = measure(draw_cell(rng(1), "neutrophil").pixels, "cell").values
    assert 0 < found["nucleus_area"] < found["cell_area"]
    ratio = found["nucleus_area"] / (found["cell_area"] - found["nucleus_area"])
    assert found["nuclear_cytoplasmic_area_ratio"] == pytest.approx(ratio)
    assert found["nucleus_solidity"] < 0.9  # it has lobes


def test_the_red_cell_in_the_middle_is_measured():
    found = measure(draw_single_red_cell(rng(1), "normal red cell").pixels, "red_cell").values
    assert 44 < found["red_blood_cell_diameter"] < 58 and found["red_blood_cell_solidity"] > 0.95


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shade", [0, 90, 200, 255])
def test_nothing_is_measured_in_a_blank_image(kind, shade):
    assert not measure(np.full((96, 128, 3), shade, np.uint8), kind).values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (5, 7), (24, 24), (25, 60), (60, 400)])
def test_noise_and_tiny_images_do_not_raise(kind, shape):
    pixels = rng().integers(0, 256, (*shape, 3)).astype(np.uint8)
    found = measure(pixels, kind)
    assert all(np.isfinite(value) for value in found.values.values())
    assert all(labels.shape == shape for labels in found.regions.values())


@pytest.mark.parametrize("turn", [np.rot90, np.fliplr, np.flipud])
def test_turning_changes_counts_by_little(smear, turn):
    nuclei = draw_nuclei(rng(2), "medium")
    for pixels, kind in ((smear.pixels, "smear"), (nuclei.pixels, "nuclei")):
        one, other = (measure(p, kind).values for p in (pixels, turn(pixels).copy()))
        for name in (n for n in one if n.endswith("count")):
            assert abs(one[name] - other[name]) <= max(1, 0.05 * one[name])


def test_colours_do_not_matter_to_a_smear(smear):
    warm = (smear.pixels * np.array([1.0, 0.95, 0.85])).astype(np.uint8)
    one, other = (measure(p, "smear").values for p in (smear.pixels, warm))
    assert abs(one["red_blood_cell_count"] - other["red_blood_cell_count"]) <= 1


def test_lengths_are_in_pixels_or_in_micrometres():
    found = Measurement({"nuclei_median_diameter": 20.0, "nucleus_area": 400.0, "nuclei_count": 3})
    pixels = {f.name: (f.value, f.unit) for f in found.findings()}
    assert pixels["nuclei_median_diameter"] == ("20.0", "px")
    assert pixels["nucleus_area"] == ("400.0", "px²")
    scaled = {f.name: (f.value, f.unit) for f in found.findings(0.25)}
    assert scaled["nuclei_median_diameter"] == ("5.00", "µm")
    assert scaled["nucleus_area"] == ("25.0", "µm²")
    assert scaled["nuclei_count"] == pixels["nuclei_count"] == ("3", "per image")


def test_measured_findings_have_no_probability_and_a_written_meaning(smear):
    for finding in measure(smear.pixels, "smear").findings():
        assert finding.origin == "measured" and finding.probability is None
        assert QUANTITIES[finding.name].meaning


def test_the_overlay_has_the_size_of_the_image_and_outlines_what_was_counted(smear):
    found = measure(smear.pixels, "smear")
    picture = overlay(smear.pixels, found.regions)
    assert picture.size == smear.pixels.shape[1::-1]
    assert (np.asarray(picture) == COLOURS["red blood cell"]).all(2).any()
    assert found.regions["red blood cell"].max() == found.values["red_blood_cell_count"]


def test_two_disks_that_touch_are_two_and_one_disk_is_one():
    y, x = np.mgrid[0:60, 0:100]
    one = (y - 30) ** 2 + (x - 30) ** 2 < 20**2
    both = one | ((y - 30) ** 2 + (x - 66) ** 2 < 20**2)
    assert split(depth(one), one, 0.9).max() == 1
    assert split(depth(both), both, 0.9).max() == 2
    assert typical_radius(one) == pytest.approx(20, abs=1)
