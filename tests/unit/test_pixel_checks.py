"""What pixels alone rule out, and what they must leave alone: every image of cells."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from agent.pixel_checks import BLANK, INK, NOISE, by_pixels, nothing
from tools.simulate import draw, starter_recipes


def image(values) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def lamp(grain=0.0) -> Image.Image:
    y, x = np.mgrid[-1:1:200j, -1:1:300j]
    ground = 240 - 60 * (x * x + y * y) + 20 * x
    noise = np.random.default_rng(0).normal(0, grain, (200, 300))
    return image((ground + noise)[..., None] * [1, 0.95, 1])


@pytest.mark.parametrize("empty", [
    Image.new("RGB", (1, 1)), Image.new("RGB", (700, 40), "pink"), lamp(), lamp(grain=4),
])  # fmt: skip
def test_an_even_or_unevenly_lit_ground_is_blank(empty):
    assert nothing(empty) == BLANK


@pytest.mark.parametrize("colours", [1, 3])
def test_independent_pixels_are_noise(colours):
    values = np.random.default_rng(0).integers(0, 256, (90, 150, colours))
    assert nothing(image(np.broadcast_to(values, (90, 150, 3)))) == NOISE


def written() -> Image.Image:
    made = Image.new("RGB", (500, 300), "white")
    for row in range(12):
        at, font = (10, 8 + 24 * row), ImageFont.load_default(15)
        ImageDraw.Draw(made).text(at, "a report of no cell at all " * 2, fill="black", font=font)
    return made


def curve() -> Image.Image:
    made = Image.new("RGB", (400, 300), "white")
    pen = ImageDraw.Draw(made)
    pen.line([(40, 20), (40, 260), (380, 260)], fill="black")
    for shift in range(3):
        points = [(40 + x, 150 + 30 * shift + 60 * np.sin(x / 40)) for x in range(0, 340, 5)]
        pen.line(points, fill=(31, 119, 180), width=2)
    return made


@pytest.mark.parametrize("drawn", [written(), curve()])
def test_thin_strokes_on_paper_are_ink(drawn):
    assert nothing(drawn) == INK


def disc(ground, ink, radius) -> Image.Image:
    made = Image.new("RGB", (320, 240), ground)
    box = (150 - radius, 120 - radius, 150 + radius, 120 + radius)
    ImageDraw.Draw(made).ellipse(box, fill=ink)
    return made


def test_one_cell_on_an_even_ground_is_left_to_others():
    assert nothing(disc("white", (150, 90, 170), 30)) is None
    assert nothing(disc("black", (170, 100, 190), 30)) is None


def test_a_small_dim_nucleus_is_not_overlooked():
    assert nothing(disc("black", (30, 30, 30), 5)) is None


def test_a_cell_of_a_few_noisy_pixels_is_not_noise():
    reduced = Image.fromarray(np.asarray(draw("cell", 3).pixels)).resize((28, 28))
    grain = np.random.default_rng(0).normal(0, 10, (28, 28, 3))
    assert nothing(image(np.asarray(reduced, float) + grain)) is None


def test_no_simulated_image_is_ruled_out():
    made = [Image.fromarray(np.asarray(recipe.draw().pixels)) for recipe in starter_recipes(2)[:60]]
    assert by_pixels(made) == (None,) * len(made)
