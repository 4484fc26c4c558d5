"""Nuclei in fluorescence: bright ellipses with texture, out of focus to various degrees."""

import numpy as np
from numpy.typing import NDArray

from tools.simulate.camera import blurred, digitised
from tools.simulate.drawn import Canvas, Drawn
from tools.simulate.shapes import Crowd, Field, Point, ellipse, noise, soft, turned, warped

SIDE = 256
# Radius in pixels: below 4 %, below 7.5 % and above 7.5 % of the width across.
SIZES = {"small": (3.6, 4.7), "medium": (6.2, 8.4), "large": (12.0, 20.0)}
MOST = {"small": 170, "medium": 90, "large": 30}
TINTS = ((1.0, 1.0, 1.0), (0.22, 0.42, 1.0), (0.25, 1.0, 0.35))  # gray camera, blue or green dye


def draw_nuclei(rng: np.random.Generator, size: str) -> Drawn:
    """A field of 256 x 256 pixels of nuclei of about one size."""
    canvas = Canvas(SIDE, SIDE, ("nucleus",))
    crowd = Crowd(rng, canvas.shape)
    brightness = rng.uniform(0.45, 0.9)
    texture = 1 + 0.14 * noise(rng, canvas.shape, max(2.0, SIZES[size][0] / 3))
    for _ in range(int(rng.integers(MOST[size] // 8 + 1, MOST[size] + 1))):
        radius = rng.uniform(*SIZES[size])
        if place := crowd.place(radius, closeness=1.02):
            light = brightness * rng.uniform(0.5, 1.15) * texture
            _draw_nucleus(canvas, rng, place, radius, light)
    labels = {
        "subject": "cell nuclei",
        "modality": "fluorescence microscopy",
        "stain": "fluorescent dye",
        "nuclei_size": size,
    }
    says = f"fluorescence microscopy of cell nuclei, fluorescent dye, {size} nuclei"
    return canvas.finish("nuclei", _expose(canvas, rng), labels, says=says)


def _draw_nucleus(
    canvas: Canvas, rng: np.random.Generator, at: Point, radius: float, light: Field
) -> None:
    where, y, x = canvas.window(*at, 1.5 * radius)
    if radius > 6:
        y, x = warped(rng, y, x, 0.06 * radius, 0.9 * radius)
    y, x = turned(y, x, rng.uniform(0, np.pi))
    long = np.sqrt(rng.uniform(1.0, 1.55))
    distance = ellipse(y, x, 0.92 * radius / long, 0.92 * radius * long)
    dome = 0.8 + 0.2 * np.clip(-distance / radius, 0, 1)
    glow = light[where] * dome * soft(distance, rng.choice((0.8, 1.2, 2.0)))
    canvas.density[where] = np.maximum(canvas.density[where], glow[..., None])
    canvas.mark("nucleus", where, soft(distance))


def _expose(canvas: Canvas, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur, stray light, photon (Poisson) and camera noise; a gray or a coloured picture."""
    light = blurred(canvas.density[..., 0], rng.uniform(0.5, 1.4))
    halo = blurred(canvas.density[..., 0], 9)
    level = rng.uniform(0.015, 0.06) * (1 + 0.25 * noise(rng, canvas.shape, 120))
    photons = rng.uniform(150, 900)
    counts = rng.poisson(np.clip(light + 0.10 * halo + level, 0, 1.2) * photons) / photons
    tint = np.array(TINTS[rng.choice(3, p=(0.6, 0.3, 0.1))])
    return digitised(255 * counts[..., None] * tint, rng, 1.5)
