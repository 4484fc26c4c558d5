"""Tissue after haematoxylin and eosin: nuclei blue-purple, everything else shades of pink.

Each kind of tissue is a field of eosin with nuclei placed where they belong. The stains' colours
are the vectors of Ruifrok and Johnston (Anal Quant Cytol Histol 2001) for H&E.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.simulate.camera import blurred, digitised
from tools.simulate.drawn import Canvas, Drawn
from tools.simulate.shapes import Crowd, Field, ellipse, noise, soft, turned, warped

SIDE = 224
SHAPE = (SIDE, SIDE)
HAEMATOXYLIN = np.array([0.65, 0.70, 0.29], np.float32)
NUCLEUS = np.array([0.80, 1.12, 0.50], np.float32)  # haematoxylin over some eosin
PINK = np.array([0.06, 0.55, 0.20], np.float32)  # eosin as scanners show it: less pure

Rng = np.random.Generator


class Section(Canvas):
    """A canvas with one fine grain, from which all nuclei take their chromatin and outlines."""

    def __init__(self, rng: Rng) -> None:
        super().__init__(SIDE, SIDE, ("nucleus",))
        self.texture = noise(rng, SHAPE, 2.5)


@dataclass(frozen=True)
class Gland:
    """A gland cut across: its centre and an outline that bulges in and out."""

    y: float
    x: float
    radius: float
    bulges: NDArray[np.float64]  # (harmonics 2.., amplitude and phase)

    def outline(self, theta: NDArray[Any]) -> NDArray[Any]:
        """The radius in direction `theta`, pixels."""
        waves = sum(a * np.cos(k * theta + p) for k, (a, p) in enumerate(self.bulges, start=2))
        return np.asarray(self.radius * (1 + waves))

    def polar(self, y: Field, x: Field) -> tuple[Field, Field]:
        """Distance from the centre in units of the outline, and direction."""
        theta = np.arctan2(y, x)
        return (np.hypot(y, x) / self.outline(theta)).astype(np.float32), theta


def draw_tissue(rng: Rng, tissue_type: str) -> Drawn:
    """A field of 224 x 224 pixels of one kind of tissue."""
    canvas = Section(rng)
    TISSUES[tissue_type](canvas, rng)
    labels = {
        "subject": "tissue section",
        "modality": "stained histology",
        "stain": "hematoxylin and eosin",
        "tissue_type": tissue_type,
    }
    says = f"tissue section, stained histology, hematoxylin and eosin stain, {tissue_type}"
    return canvas.finish("tissue", _scan(canvas, rng), labels, says=says)


def _scan(canvas: Section, rng: Rng) -> NDArray[np.uint8]:
    density = canvas.density * rng.uniform(0.88, 1.12)
    seen = 248 * np.exp(-density * rng.uniform(0.95, 1.05, 3).astype(np.float32))
    return digitised(blurred(seen, rng.uniform(0.5, 0.8)), rng, 2.0)


def _stain_pink(canvas: Section, amount: Field) -> None:
    canvas.density += np.clip(amount, 0, None)[..., None] * PINK


def _nucleus(
    canvas: Section, y: float, x: float, ry: float, rx: float, angle: float, dark: float = 1.0
) -> None:
    """A nucleus: a membrane, clumped chromatin, now and then a nucleolus."""
    where, dy, dx = canvas.window(y, x, 1.35 * max(ry, rx))
    rough = canvas.texture[where]
    dy, dx = dy + 0.08 * ry * rough, dx - 0.08 * rx * rough
    distance = ellipse(*turned(dy, dx, angle), ry, rx)
    mask = soft(distance)
    membrane = 0.35 * np.exp(-(((distance + 1) / 1.1) ** 2))
    clumps = 0.78 + membrane + 0.16 * rough
    stain = dark * np.clip(clumps, 0.3, 1.6)[..., None] * NUCLEUS
    under = canvas.density[where]
    canvas.density[where] = under + mask[..., None] * (stain - 0.7 * under)
    canvas.mark("nucleus", where, mask)


def _fibres(
    rng: Rng, angle: float, width: float, waviness: float, flow: float
) -> tuple[Field, Field]:
    """Bundles of fibres (about -1 to 1 across) and the local direction they run in, radians."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    across = turned(y, x, angle)[0] + waviness * noise(rng, SHAPE, flow)
    thick = np.sin(2 * np.pi * (across / width + 0.3 * noise(rng, SHAPE, 14)))
    thin = np.sin(2 * np.pi * (2.7 * across / width + 0.6 * noise(rng, SHAPE, 7)))
    strength = np.clip(0.6 + 0.4 * noise(rng, SHAPE, 20), 0, 1)
    gy, gx = np.gradient(across)
    return (strength * (0.65 * thick + 0.45 * thin)).astype(np.float32), np.arctan2(-gx, gy)


def _scattered(
    canvas: Section, rng: Rng, n: int, ry: float, rx: float, direction: Field, dark: float = 1.0
) -> None:
    crowd = Crowd(rng, SHAPE)
    for _ in range(n):
        if place := crowd.place(1.1 * rx):
            angle = -float(direction[int(place[0]), int(place[1])])
            long = rx * rng.uniform(0.8, 1.2)
            _nucleus(canvas, *place, ry, long, angle + rng.normal(0, 0.1), dark)


def _smooth_muscle(canvas: Section, rng: Rng) -> None:
    fibres, direction = _fibres(rng, rng.uniform(0, np.pi), rng.uniform(13, 17), 9, 70)
    thin = noise(rng, SHAPE, 3)
    _stain_pink(canvas, 1.0 + 0.3 * fibres + 0.06 * thin)
    _scattered(canvas, rng, int(rng.integers(24, 40)), 3.0, 11, direction)


def _stroma(canvas: Section, rng: Rng) -> None:
    fibres, direction = _fibres(rng, rng.uniform(0, np.pi), rng.uniform(9, 12), 17, 45)
    clefts = soft(noise(rng, SHAPE, 16) - 0.9, 0.35)
    body = 0.62 + 0.42 * fibres + 0.12 * noise(rng, SHAPE, 3)
    _stain_pink(canvas, np.clip(body, 0.05, None) * clefts + 0.05)
    _scattered(canvas, rng, int(rng.integers(14, 26)), 2.6, 8, direction, 1.1)


def _lymphoid(canvas: Section, rng: Rng) -> None:
    _stain_pink(canvas, 0.42 + 0.14 * noise(rng, SHAPE, 6))
    crowd = Crowd(rng, SHAPE)
    for _ in range(int(rng.integers(220, 330))):
        radius = rng.uniform(4.8, 6.3)
        if place := crowd.place(radius, closeness=0.98, tries=25):
            tall, wide = radius * rng.uniform(0.88, 1.0, 2)
            _nucleus(canvas, *place, tall, wide, rng.uniform(0, 3), rng.uniform(0.95, 1.3))


def _adipose(canvas: Section, rng: Rng) -> None:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    y, x = warped(rng, y, x, 3, 30)
    crowd = Crowd(rng, (SIDE + 60, SIDE + 60))
    places = [p for _ in range(60) if (p := crowd.place(rng.uniform(20, 27)))]
    gaps = np.sort([np.hypot(y + 30 - py, x + 30 - px) for py, px in places], axis=0)
    wall = soft((gaps[1] - gaps[0]) - rng.uniform(2.5, 4), 1.2)
    _stain_pink(canvas, wall * (0.75 + 0.15 * noise(rng, SHAPE, 5)) + 0.02)
    corners = np.argwhere(gaps[2] - gaps[0] < 5)
    for py, px in corners[rng.integers(0, len(corners), int(rng.integers(4, 9)))]:
        _nucleus(canvas, float(py), float(px), 2.4, rng.uniform(4, 6), rng.uniform(0, 3))


def _lamina_propria(canvas: Section, rng: Rng) -> None:
    fibres, _ = _fibres(rng, rng.uniform(0, np.pi), 11, 15, 40)
    clefts = soft(noise(rng, SHAPE, 13) - 0.7, 0.4)
    body = 0.45 + 0.3 * fibres + 0.1 * noise(rng, SHAPE, 3)
    _stain_pink(canvas, body * clefts + 0.06)


def _glands(
    crowd: Crowd, rng: Rng, n: int, sizes: tuple[float, float], uneven: float
) -> list[Gland]:
    glands = []
    for _ in range(n):
        radius = rng.uniform(*sizes)
        if place := crowd.place((1 + uneven) * radius, closeness=1.02, tries=60):
            amplitudes = uneven * np.array([0.9, 0.5, 0.35]) * rng.uniform(0.4, 1, 3)
            bulges = np.stack([amplitudes, rng.uniform(0, 7, 3)], axis=1)
            glands.append(Gland(*place, radius, bulges))
    return glands


def _normal_mucosa(canvas: Section, rng: Rng) -> None:
    _lamina_propria(canvas, rng)
    crowd = Crowd(rng, SHAPE)
    glands = _glands(crowd, rng, 7, (34, 48), 0.12)
    for _ in range(60):  # lymphocytes and plasma cells between the crypts
        if place := crowd.place(4.5, tries=8):
            _nucleus(canvas, *place, rng.uniform(3.2, 4.3), 4.4, rng.uniform(0, 3), 1.1)
    for gland in glands:
        _crypt(canvas, rng, gland)


def _crypt(canvas: Section, rng: Rng, gland: Gland) -> None:
    """A crypt cut across: a small lumen, pale goblet cells, nuclei in one row at the base."""
    radius = gland.radius
    where, y, x = canvas.window(gland.y, gland.x, 1.3 * radius)
    rho, theta = gland.polar(y, x)
    cells = int(rng.integers(11, 15))
    turn = rng.uniform(0, 7)
    pie = np.abs(((theta + turn) * cells / (2 * np.pi)) % 1 - 0.5)  # 0 in a cell's middle
    goblet = soft(8 * np.hypot((rho - 0.58) / 0.22, pie / 0.36) - 8, 1.5)
    lumen = soft((rho - 0.22) * radius, 2)
    body = 0.78 + 0.25 * np.exp(-(((pie - 0.5) / 0.08) ** 2)) + 0.06 * noise(rng, y.shape, 4)
    pale = np.maximum(0.82 * goblet, lumen)
    stain = (body * (1 - pale))[..., None] * PINK + 0.10 * (goblet[..., None] * HAEMATOXYLIN)
    inside = soft((rho - 1) * radius)[..., None]
    canvas.density[where] = canvas.density[where] * (1 - inside) + inside * stain
    _row(canvas, rng, gland, 2 * cells, 0.88, (3.0, 5.2), 0.9)


def _row(
    canvas: Section,
    rng: Rng,
    gland: Gland,
    n: int,
    rho: float,
    half: tuple[float, float],
    dark: float,
) -> None:
    """Nuclei along a gland's wall; half axes along the radius and along the wall, pixels."""
    angles = 2 * np.pi * (np.arange(n) + rng.uniform(-0.25, 0.25, n)) / n
    reach = gland.outline(angles) * (rho + rng.normal(0, 0.02, n))
    for theta, r in zip(angles, reach, strict=True):
        y, x = gland.y + r * np.sin(theta), gland.x + r * np.cos(theta)
        if 0 <= y < SIDE and 0 <= x < SIDE:
            along, across = half[0] * rng.uniform(0.85, 1.15), half[1] * rng.uniform(0.85, 1.15)
            angle = -(theta + np.pi / 2) + rng.normal(0, 0.12)
            _nucleus(canvas, y, x, along, across, angle, dark * rng.uniform(0.85, 1.15))


def _adenocarcinoma(canvas: Section, rng: Rng) -> None:
    fibres, direction = _fibres(rng, rng.uniform(0, np.pi), 10, 17, 45)
    _stain_pink(canvas, 0.6 + 0.36 * fibres + 0.1 * noise(rng, SHAPE, 3))
    _scattered(canvas, rng, 14, 2.6, 7, direction, 1.1)
    for gland in _glands(Crowd(rng, SHAPE), rng, 6, (38, 66), 0.22):
        _malignant_gland(canvas, rng, gland)


def _malignant_gland(canvas: Section, rng: Rng, gland: Gland) -> None:
    """A gland without goblet cells: a ragged lumen, crowded dark nuclei in several layers."""
    radius = gland.radius
    where, y, x = canvas.window(gland.y, gland.x, 1.6 * radius)
    rho, _ = gland.polar(y, x)
    hollow = soft((rho - 0.34) * radius + 3 * noise(rng, y.shape, 7), 2)
    body = 0.95 + 0.12 * noise(rng, y.shape, 4)
    debris = 0.5 * soft(0.9 - noise(rng, y.shape, 5), 0.3)
    stain = (body * (1 - hollow) + hollow * debris)[..., None] * (PINK + 0.12 * HAEMATOXYLIN)
    inside = soft((rho - 1) * radius)[..., None]
    canvas.density[where] = canvas.density[where] * (1 - inside) + inside * stain
    for rho_row, share in ((0.62, 0.6), (0.76, 0.9), (0.90, 0.95)):
        n = int(2 * np.pi * rho_row * radius / 8.5 * share)
        _row(canvas, rng, gland, n, rho_row, (6.6, 3.6), 1.1)


TISSUES: dict[str, Callable[[Section, Rng], None]] = {
    "adipose tissue": _adipose,
    "lymphoid tissue": _lymphoid,
    "smooth muscle": _smooth_muscle,
    "normal colon mucosa": _normal_mucosa,
    "cancer-associated stroma": _stroma,
    "colorectal adenocarcinoma": _adenocarcinoma,
}
