"""Blood smears: a field of cells, a crop around one leukocyte, a crop around one red cell."""

import numpy as np
from numpy.typing import NDArray

from tools.simulate.camera import blurred, digitised
from tools.simulate.drawn import Canvas, Drawn, phrases
from tools.simulate.leukocytes import TYPES, draw_leukocyte
from tools.simulate.red_cells import draw_platelet, draw_red_cell
from tools.simulate.shapes import Crowd, noise

BACKGROUNDS = ((254, 236, 214), (252, 232, 208), (232, 228, 240), (240, 240, 234))  # RGB
THINGS = ("red blood cell", "white blood cell", "platelet")
SMEAR = {"modality": "stained blood smear", "stain": "Romanowsky"}
ATTRIBUTES = (
    "cell_size", "cell_shape", "nucleus_shape", "nuclear_cytoplasmic_ratio", "chromatin_density",
    "cytoplasm_vacuole", "cytoplasm_texture", "cytoplasm_colour", "granule_type",
    "granule_colour",
)  # fmt: skip


def draw_cell(rng: np.random.Generator, cell_type: str) -> Drawn:
    """A crop of 224 x 224 pixels with one leukocyte in the middle."""
    canvas = Canvas(224, 224, THINGS)
    crowd = Crowd(rng, canvas.shape)
    radius = _radius(rng, cell_type)
    at = tuple(rng.normal(112, 5, 2))
    crowd.take(at[0], at[1], 1.12 * radius)
    _neighbours(canvas, crowd, rng, int(rng.integers(8, 17)), int(rng.integers(0, 3)), 24)
    labels = draw_leukocyte(canvas, rng, (at[0], at[1]), cell_type, radius)
    truth = {"subject": "single blood cell", **SMEAR, **labels}
    says = f"stained blood smear with a single {cell_type}; {phrases(truth, ATTRIBUTES)}"
    return canvas.finish("cell", _develop(canvas, rng), truth, says=says)


def draw_smear(rng: np.random.Generator, cell_type: str) -> Drawn:
    """A field of 320 x 240 pixels: red cells, platelets and no to three leukocytes of a type."""
    canvas = Canvas(240, 320, THINGS)
    crowd = Crowd(rng, canvas.shape)
    drawn = 0
    for _ in range(int(rng.choice((0, 1, 1, 1, 2, 3)))):
        radius = _radius(rng, cell_type)
        if place := crowd.place(1.1 * radius, tries=100):
            draw_leukocyte(canvas, rng, place, cell_type, radius)
            drawn += 1
    _neighbours(canvas, crowd, rng, int(rng.integers(3, 29)), int(rng.choice((0, 1, 2, 4))), 23)
    truth = {"subject": "blood smear field", **SMEAR, "common_red_cell": "normal red cell"}
    says = "stained blood smear field" + (f" with {cell_type}" if drawn else "")
    return canvas.finish("smear", _develop(canvas, rng), truth, says=says)


def draw_single_red_cell(rng: np.random.Generator, form: str) -> Drawn:
    """A crop of 96 x 96 pixels with one red cell in the middle."""
    canvas = Canvas(96, 96, THINGS)
    radius = rng.uniform(24, 27)
    draw_red_cell(canvas, rng, (rng.normal(48, 2), rng.normal(48, 2)), radius, form)
    truth = {"subject": "single red blood cell", **SMEAR, "red_cell_type": form}
    says = f"stained blood smear with a single red blood cell: {form}"
    return canvas.finish("red_cell", _develop(canvas, rng), truth, says=says)


def _radius(rng: np.random.Generator, cell_type: str) -> float:
    ranges = TYPES[cell_type].radii
    return float(rng.uniform(*ranges[rng.integers(len(ranges))]))


def _neighbours(
    canvas: Canvas, crowd: Crowd, rng: np.random.Generator, red: int, platelets: int, radius: float
) -> None:
    for _ in range(platelets):
        size = rng.uniform(5, 8)
        if place := crowd.place(1.5 * size):
            draw_platelet(canvas, rng, place, size)
    for _ in range(red):
        size = radius * rng.uniform(0.9, 1.1)
        if place := crowd.place(size, closeness=0.93):
            draw_red_cell(canvas, rng, place, size)


def _develop(canvas: Canvas, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light through the stain (Beer and Lambert), the lens's blur and the camera's noise."""
    light = np.array(BACKGROUNDS[rng.choice(4, p=(0.4, 0.35, 0.15, 0.1))], np.float32)
    light = light * (1 + 0.012 * noise(rng, canvas.shape, 90))[..., None]
    stain = rng.uniform(0.88, 1.12) * rng.uniform(0.95, 1.05, 3).astype(np.float32)
    seen = light * np.exp(-stain.astype(np.float32) * canvas.density)
    return digitised(blurred(seen, rng.uniform(0.5, 0.9)), rng, 1.6)
