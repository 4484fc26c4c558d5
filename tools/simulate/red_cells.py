"""Red blood cells and platelets, seen in transmitted light after a Romanowsky stain.

A red cell is a disc whose thickness falls off towards the centre (the central pallor); the
abnormal forms change its outline or where the haemoglobin lies.
"""

from dataclasses import dataclass

import numpy as np

from tools.simulate.drawn import Canvas
from tools.simulate.shapes import Field, Point, noise, soft, turned, warped

HAEMOGLOBIN = np.array([0.26, 0.42, 0.36], np.float32)  # optical density, RGB
PLATELET = np.array([0.55, 0.85, 0.38], np.float32)
PLATELET_GRANULES = np.array([0.75, 1.35, 0.35], np.float32)


@dataclass(frozen=True)
class RedCellForm:
    """What sets a form apart, in units of the cell's radius."""

    size: float = 1.0
    long: float = 1.0  # length over width
    pallor: float = 0.7  # how much of the density the centre lacks
    pallor_width: float = 0.46
    amount: float = 1.0  # haemoglobin
    spikes: float = 0.0
    tail: float = 0.0
    target: bool = False
    slit: bool = False


FORMS = {
    "normal red cell": RedCellForm(),
    "macrocyte": RedCellForm(size=1.3, long=1.1, pallor=0.45),
    "microcyte": RedCellForm(size=0.72, pallor=0.7),
    "spherocyte": RedCellForm(size=0.82, pallor=0.0, amount=1.35),
    "target cell": RedCellForm(size=1.08, pallor=0.85, pallor_width=0.5, target=True),
    "stomatocyte": RedCellForm(slit=True, pallor=0.9),
    "ovalocyte": RedCellForm(long=1.35, pallor=0.6),
    "teardrop cell": RedCellForm(tail=0.75, pallor=0.6, pallor_width=0.35),
    "burr cell": RedCellForm(spikes=0.09, pallor=0.5),
    "hypochromic cell": RedCellForm(pallor=0.97, pallor_width=0.66, amount=0.8),
    "elliptocyte": RedCellForm(long=2.0, pallor=0.5, pallor_width=0.38),
}


def draw_red_cell(
    canvas: Canvas,
    rng: np.random.Generator,
    at: Point,
    radius: float,
    form: str = "normal red cell",
) -> None:
    """Place a red cell; where two overlap their densities add, as on a slide."""
    f = FORMS[form]
    radius *= f.size
    where, y, x = canvas.window(*at, radius * (1.15 * np.sqrt(f.long) + f.tail + f.spikes))
    y, x = turned(y, x, rng.uniform(0, 2 * np.pi))
    y, x = warped(rng, y, x, 0.035 * radius, 0.9 * radius)
    rho = _polar(f, y, x, radius)
    mask = soft((rho - 1) * radius)
    rim = 1 + 0.12 * np.exp(-(((rho - 0.82) / 0.16) ** 2))
    density = f.amount * rim * (1 - _pallor(f, y, x, rho, radius))
    density *= 1 + 0.02 * noise(rng, y.shape, 4)
    canvas.density[where] += (mask * density)[..., None] * HAEMOGLOBIN
    canvas.mark("red blood cell", where, mask)


def _polar(f: RedCellForm, y: Field, x: Field, radius: float) -> Field:
    """Distance from the centre in units of the outline."""
    theta = np.arctan2(y, x)
    stretch = np.sqrt(f.long)
    outline = np.full_like(theta, radius)
    if f.spikes:
        outline = outline * (1 + f.spikes * np.cos(13 * theta))
    if f.tail:
        outline = outline * (1 + f.tail * np.exp(-((theta / 0.32) ** 2)))
    return np.asarray(np.hypot(y * stretch, x / stretch) / outline)


def _pallor(f: RedCellForm, y: Field, x: Field, rho: Field, radius: float) -> Field:
    if f.slit:
        slit = (y / (0.16 * radius)) ** 4 + (x / (0.55 * radius)) ** 4
        return np.asarray(f.pallor * np.exp(-slit))
    pale = f.pallor * np.exp(-((rho / f.pallor_width) ** 4))
    if f.target:
        pale = f.pallor * np.exp(-(((rho - 0.48) / 0.17) ** 2))
    return np.asarray(pale)


def draw_platelet(canvas: Canvas, rng: np.random.Generator, at: Point, radius: float) -> None:
    """Place a platelet: a small irregular plate with a purple granular centre."""
    where, y, x = canvas.window(*at, 2 * radius)
    y, x = warped(rng, y, x, 0.22 * radius, 0.8 * radius)
    distance = np.hypot(y, x) - radius
    mask, centre = soft(distance), soft(distance + 0.3 * radius, 0.25 * radius)
    speckle = np.clip(0.55 + 0.5 * noise(rng, y.shape, 2), 0, 1)
    density = 0.45 * PLATELET + (centre * speckle)[..., None] * PLATELET_GRANULES
    under = canvas.density[where]
    canvas.density[where] = under * (1 - mask[..., None]) + mask[..., None] * density
    canvas.mark("platelet", where, mask)
