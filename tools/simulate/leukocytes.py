"""The five mature leukocytes after a Romanowsky stain, with their morphological attributes.

Each type is a recipe of textbook morphology; what varies (lobes, size, vacuoles, outline) is
drawn at random and written down as labels in the vocabulary of `tools.findings`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.simulate.drawn import Canvas
from tools.simulate.shapes import Field, Point, arc, chain, noise, soft, warped

Colour = NDArray[np.float32]  # (3,), optical density in red, green and blue
Lobes = tuple[list[Point], list[float], float]  # centres, radii, neck; in cell radii

CHROMATIN = {"dense": (1.0, 0.10), "loose": (0.74, 0.22)}  # density, contrast
NUCLEUS = np.array([1.25, 1.75, 0.72], np.float32)
CYTOPLASM = {
    "light blue": np.array([0.17, 0.30, 0.12], np.float32),
    "blue": np.array([0.62, 0.56, 0.20], np.float32),
    "purple blue": np.array([0.52, 0.60, 0.22], np.float32),
}
GRANULES = {
    "pink": np.array([0.42, 0.85, 0.36], np.float32),
    "red": np.array([0.24, 0.92, 0.70], np.float32),
    "purple": np.array([1.35, 1.95, 0.75], np.float32),
}
BIG = 39.5  # radius in pixels from which a cell counts as big, where a red cell's is 24
HIGH_RATIO = 0.62  # share of the cell's area from which its nucleus makes the ratio high


@dataclass(frozen=True)
class Leukocyte:
    """One type: the ranges its cells are drawn from."""

    radii: tuple[tuple[float, float], ...]  # pixels, one range a size
    shapes: tuple[str, ...]  # nucleus_shape, as often as listed
    colours: tuple[str, ...]
    textures: tuple[str, ...]
    chromatin: tuple[str, ...]
    irregular: float  # chance of an irregular outline
    vacuoles: float = 0.0  # chance of vacuoles
    granule_type: str = "none"
    granule_colour: str = "none"
    granules: int = 0
    granule_radius: float = 1.0  # pixels
    over_nucleus: bool = False


TYPES = {
    "neutrophil": Leukocyte(
        ((32, 37.5), (41.5, 46)), ("multilobed",) * 5 + ("band", "bilobed"), ("light blue",),
        ("clear",), ("dense",), 0.2, 0.03, "small", "pink", 330, 1.0,
    ),
    "eosinophil": Leukocyte(
        ((33, 37.5), (41.5, 46)), ("bilobed",) * 6 + ("multilobed",), ("light blue",),
        ("clear",), ("dense",), 0.1, 0.0, "round", "red", 330, 2.3,
    ),
    "basophil": Leukocyte(
        ((32, 37.5), (41.5, 43)), ("bilobed", "irregular"), ("light blue",),
        ("clear",), ("dense",), 0.1, 0.0, "coarse", "purple", 150, 2.5, over_nucleus=True,
    ),
    "lymphocyte": Leukocyte(
        ((26, 33),), ("round",) * 3 + ("indented",), ("blue", "purple blue"),
        ("clear", "frosted"), ("dense",), 0.3,
    ),
    "monocyte": Leukocyte(
        ((36, 37.5), (41.5, 50), (43, 50)), ("indented",) * 4 + ("irregular",),
        ("purple blue", "blue"), ("frosted",) * 5 + ("clear",), ("loose", "loose", "dense"),
        0.5, 0.5,
    ),
}  # fmt: skip


def _round(rng: np.random.Generator) -> Lobes:
    return [(0.06 * rng.normal(), 0.06 * rng.normal())], [rng.uniform(0.82, 0.88)], 0.0


def _indented_small(rng: np.random.Generator) -> Lobes:
    return arc(0.30, rng.uniform(0, 7), 2.9, 5), [0.56] * 5, 0.56


def _indented(rng: np.random.Generator) -> Lobes:
    thick = rng.uniform(0.26, 0.30)
    points = arc(rng.uniform(0.39, 0.43), rng.uniform(0, 7), rng.uniform(2.5, 3.1), 7)
    return points, [thick * f for f in (1.1, 1.05, 1, 1, 1, 1.05, 1.1)], thick


def _band(rng: np.random.Generator) -> Lobes:
    points = arc(0.44, rng.uniform(0, 7), rng.uniform(3.4, 4.2), 7)
    return points, [f * 0.19 for f in (1.25, 1, 0.95, 0.95, 0.95, 1, 1.25)], 0.18


def _bilobed(rng: np.random.Generator) -> Lobes:
    points = arc(0.40, rng.uniform(0, 7), rng.uniform(2.0, 2.7), 4)
    size = rng.uniform(0.30, 0.35)
    return [points[0], points[3]], [size, size * rng.uniform(0.92, 1.05)], 0.07


def _multilobed(rng: np.random.Generator) -> Lobes:
    n = int(rng.integers(3, 6))
    span = {3: 3.6, 4: 4.3, 5: 5.0}[n]
    size = {3: 0.27, 4: 0.245, 5: 0.215}[n]
    points = arc(0.46, rng.uniform(0, 7), span, n)
    wobble = rng.uniform(0.82, 1.12, n)
    moved = [(y * w, x * w) for (y, x), w in zip(points, wobble, strict=True)]
    return moved, list(size * rng.uniform(0.92, 1.1, n)), 0.06


def _irregular(rng: np.random.Generator) -> Lobes:
    points = [(float(y), float(x)) for y, x in rng.uniform(-0.34, 0.34, (4, 2))]
    return points, list(rng.uniform(0.26, 0.36, 4)), 0.22


NUCLEI: dict[str, Callable[[np.random.Generator], Lobes]] = {
    "round": _round, "indented": _indented, "band": _band, "bilobed": _bilobed,
    "multilobed": _multilobed, "irregular": _irregular,
}  # fmt: skip


def draw_leukocyte(
    canvas: Canvas, rng: np.random.Generator, at: Point, cell_type: str, radius: float
) -> dict[str, str]:
    """Place a leukocyte over whatever lies there; returns its labels."""
    recipe = TYPES[cell_type]
    look = {
        "nucleus_shape": str(rng.choice(recipe.shapes)),
        "cytoplasm_colour": str(rng.choice(recipe.colours)),
        "cytoplasm_texture": str(rng.choice(recipe.textures)),
        "chromatin_density": str(rng.choice(recipe.chromatin)),
        "cell_shape": "irregular" if rng.random() < recipe.irregular else "round",
        "cytoplasm_vacuole": "yes" if rng.random() < recipe.vacuoles else "no",
    }
    where, y, x = canvas.window(*at, 1.35 * radius)
    rough = 0.085 if look["cell_shape"] == "irregular" else 0.022
    body = np.hypot(*warped(rng, y, x, rough * radius, 0.55 * radius)) - radius
    nucleus = np.maximum(_nucleus(rng, y, x, cell_type, look, radius), body + 1.5)
    density = _cytoplasm(rng, look, body, nucleus)
    density = _over(density, soft(nucleus), _chromatin(rng, look, y.shape))
    density = _granules(rng, recipe, density, body, nucleus)
    mask = soft(body)[..., None]
    canvas.density[where] = canvas.density[where] * (1 - mask) + mask * density
    canvas.mark("white blood cell", where, mask[..., 0])
    share = float((nucleus < 0).sum() / (body < 0).sum())
    return _labels(cell_type, recipe, look, radius, share)


def _labels(
    cell_type: str, recipe: Leukocyte, look: dict[str, str], radius: float, share: float
) -> dict[str, str]:
    return {
        "cell_type": cell_type,
        "cell_size": "big" if radius >= BIG else "small",
        **look,
        "nuclear_cytoplasmic_ratio": "high" if share >= HIGH_RATIO else "low",
        "granule_type": recipe.granule_type,
        "granule_colour": recipe.granule_colour,
        "granularity": "yes" if recipe.granules else "no",
    }


def _nucleus(
    rng: np.random.Generator,
    y: Field,
    x: Field,
    cell_type: str,
    look: dict[str, str],
    radius: float,
) -> Field:
    small = cell_type == "lymphocyte" and look["nucleus_shape"] == "indented"
    points, radii, neck = (_indented_small if small else NUCLEI[look["nucleus_shape"]])(rng)
    points = [(py * radius, px * radius) for py, px in points]
    y, x = warped(rng, y, x, 0.035 * radius, 0.3 * radius)
    return chain(y, x, points, [r * radius for r in radii], neck * radius, 0.1 * radius)


def _over(under: Field, mask: Field, above: NDArray[np.float32]) -> Field:
    return under + mask[..., None] * (above - under)


def _chromatin(rng: np.random.Generator, look: dict[str, str], shape: tuple[int, int]) -> Field:
    amount, contrast = CHROMATIN[look["chromatin_density"]]
    clumps = noise(rng, shape, 5) + 0.5 * noise(rng, shape, 2.5)
    return np.asarray((amount * (1 + contrast * clumps))[..., None] * NUCLEUS)


def _cytoplasm(
    rng: np.random.Generator, look: dict[str, str], body: Field, nucleus: Field
) -> Field:
    grain = 0.16 if look["cytoplasm_texture"] == "frosted" else 0.04
    uneven = 1 + grain * noise(rng, body.shape, 2) + 0.06 * noise(rng, body.shape, 9)
    rim = 1 + 0.25 * np.exp(-(((body + 1.5) / 1.5) ** 2))
    density = (uneven * rim)[..., None] * CYTOPLASM[look["cytoplasm_colour"]]
    if look["cytoplasm_vacuole"] == "yes":
        free = np.minimum(-body, nucleus)
        bubbles = _stamps(rng, free > 3.5, int(rng.integers(5, 12)), 2.6)
        density = _over(density, 0.85 * bubbles, 0.15 * density)
    return np.asarray(density, np.float32)


def _granules(
    rng: np.random.Generator,
    recipe: Leukocyte,
    density: Field,
    body: Field,
    nucleus: Field,
) -> Field:
    if not recipe.granules:
        return density
    outside = 0.0 if not recipe.over_nucleus else -1e9
    room = (body < -recipe.granule_radius) & (nucleus > outside)
    stamps = _stamps(rng, room, recipe.granules, recipe.granule_radius)
    if not recipe.over_nucleus:
        stamps = stamps * soft(-nucleus)
    return _over(density, stamps, np.broadcast_to(GRANULES[recipe.granule_colour], density.shape))


def _stamps(rng: np.random.Generator, room: NDArray[np.bool_], n: int, radius: float) -> Field:
    """n soft dots of varying strength, centred where there is room."""
    field = np.zeros(room.shape, np.float32)
    places = np.argwhere(room)
    if not len(places):
        return field
    reach = int(radius) + 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32)
    padded = np.pad(field, reach)
    for row, column in places[rng.integers(0, len(places), n)]:
        size = radius * rng.uniform(0.75, 1.15)
        dot = rng.uniform(0.55, 1.0) * soft(np.hypot(y, x) - size)
        spot = padded[row : row + 2 * reach + 1, column : column + 2 * reach + 1]
        np.maximum(spot, dot, out=spot)
    return padded[reach:-reach, reach:-reach]
