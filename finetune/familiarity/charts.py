"""Charts: lines, bars, points, areas, boxes, pies, heat maps, in panels with axes and numbers."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from finetune.familiarity.pages import Ink, font, words

Box = tuple[float, float, float, float]  # left, top, right, bottom
Drawer = Callable[[ImageDraw.ImageDraw, Box, np.random.Generator], None]
PALETTES = (
    ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)),
    ((66, 66, 66), (120, 120, 120), (170, 170, 170), (210, 210, 210)),
    ((27, 158, 119), (217, 95, 2), (117, 112, 179), (231, 41, 138)),
    ((102, 194, 165), (252, 141, 98), (141, 160, 203), (231, 138, 195), (166, 216, 84)),
)
MAPS = (  # the ends and the middle of colour maps
    ((68, 1, 84), (33, 145, 140), (253, 231, 37)),
    ((0, 0, 4), (183, 55, 121), (252, 253, 191)),
    ((59, 76, 192), (221, 221, 221), (180, 4, 38)),
    ((0, 0, 0), (128, 128, 128), (255, 255, 255)),
    ((247, 251, 255), (107, 174, 214), (8, 48, 107)),
)


def chart(rng: np.random.Generator) -> Image.Image:
    """One to four panels on one ground."""
    dark = rng.random() < 0.15
    ground = (int(rng.integers(0, 50)),) * 3 if dark else (int(rng.integers(232, 256)),) * 3
    ink: Ink = (230, 230, 230) if dark else (int(rng.integers(0, 80)),) * 3
    width, height = int(rng.integers(160, 640)), int(rng.integers(140, 500))
    made = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(made)
    across, down = ((1, 1), (1, 1), (1, 1), (2, 1), (1, 2), (2, 2))[int(rng.integers(6))]
    for panel in range(across * down):
        x, y = panel % across * width / across, panel // across * height / down
        _panel(draw, (x, y, x + width / across, y + height / down), ink, rng)
    return made


def _panel(draw: ImageDraw.ImageDraw, place: Box, ink: Ink, rng: np.random.Generator) -> None:
    left, top, right, bottom = place
    wide, high = right - left, bottom - top
    inner = (left + wide * 0.14, top + high * 0.12, right - wide * 0.06, bottom - high * 0.16)
    drawer = DRAWERS[int(rng.integers(len(DRAWERS)))]
    if drawer is not _pie:
        if rng.random() < 0.25:
            draw.rectangle(inner, fill=(229, 229, 229))
        if rng.random() < 0.4:
            _grid(draw, inner)
    drawer(draw, inner, rng)
    if drawer is not _pie or rng.random() < 0.3:
        _axes(draw, inner, ink, rng)
    letters = font(max(8, int(high * 0.05)))
    if rng.random() < 0.6:
        draw.text((left + wide * 0.3, top + 2), words(rng, 3), font=letters, fill=ink)
        draw.text((left + wide * 0.4, bottom - high * 0.07), words(rng, 2), font=letters, fill=ink)


def _grid(draw: ImageDraw.ImageDraw, box: Box) -> None:
    left, top, right, bottom = box
    for part in range(1, 6):
        y, x = top + (bottom - top) * part / 6, left + (right - left) * part / 6
        draw.line((left, y, right, y), fill=(205, 205, 205))
        draw.line((x, top, x, bottom), fill=(205, 205, 205))


def _axes(draw: ImageDraw.ImageDraw, box: Box, ink: Ink, rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    if rng.random() < 0.6:
        draw.rectangle(box, outline=ink)
    else:
        draw.line((left, top, left, bottom, right, bottom), fill=ink)
    letters, ticks = font(max(7, int((bottom - top) * 0.05))), int(rng.integers(3, 8))
    for tick in range(ticks):
        x, y = left + (right - left) * tick / ticks, bottom - (bottom - top) * tick / ticks
        draw.line((x, bottom, x, bottom + 4), fill=ink)
        draw.line((left - 4, y, left, y), fill=ink)
        draw.text((x, bottom + 5), str(tick * 5), font=letters, fill=ink)
        draw.text((max(0, left - 24), y - 5), f"{tick / ticks:.1f}", font=letters, fill=ink)


def _palette(rng: np.random.Generator) -> tuple[Ink, ...]:
    return PALETTES[int(rng.integers(len(PALETTES)))]


def _curve(box: Box, rng: np.random.Generator) -> list[tuple[float, float]]:
    """A random walk or a smooth curve through the panel."""
    left, top, right, bottom = box
    steps = int(rng.integers(4, 160))
    walk = np.cumsum(rng.normal(size=steps))
    if rng.random() < 0.4:
        walk = np.sin(np.linspace(0, rng.uniform(1, 20), steps) + rng.uniform(0, 6))
    walk = (walk - walk.min()) / max(1e-6, float(np.ptp(walk))) * rng.uniform(0.3, 0.95)
    xs = np.linspace(left, right, steps)
    return [(float(x), bottom - (bottom - top) * float(y)) for x, y in zip(xs, walk, strict=True)]


def _lines(draw: ImageDraw.ImageDraw, box: Box, rng: np.random.Generator) -> None:
    for ink in _palette(rng)[: int(rng.integers(1, 6))]:
        draw.line(_curve(box, rng), fill=ink, width=int(rng.integers(1, 4)))


def _area(draw: ImageDraw.ImageDraw, box: Box, rng: np.random.Generator) -> None:
    for ink in _palette(rng)[: int(rng.integers(1, 4))]:
        draw.polygon([(box[0], box[3]), *_curve(box, rng), (box[2], box[3])], fill=ink)


def _bars(draw: ImageDraw.ImageDraw, box: Box, rng: np.random.Generator) -> None:
    """Upright or lying, apart (categories) or side by side (a histogram)."""
    left, top, right, bottom = box
    number, inks = int(rng.integers(2, 40)), _palette(rng)
    gap = rng.choice([0, 0.2]) if number > 8 else 0.25
    lengths = rng.random(number)
    if rng.random() < 0.4:
        lengths = np.exp(-((np.linspace(-2.5, 2.5, number)) ** 2) / 2) * rng.uniform(0.8, 1, number)
    upright, many = rng.random() < 0.7, rng.random() < 0.3
    for at, length in enumerate(lengths):
        ink = inks[at % len(inks)] if many else inks[0]
        start, end = (at + gap / 2) / number, (at + 1 - gap / 2) / number
        if upright:
            x, y = left + (right - left) * start, bottom - (bottom - top) * length
            draw.rectangle((x, y, max(x, left + (right - left) * end), bottom), fill=ink)
        else:
            y, x = top + (bottom - top) * start, left + (right - left) * length
            draw.rectangle((left, y, x, max(y, top + (bottom - top) * end)), fill=ink)


def _points(draw: ImageDraw.ImageDraw, box: Box, rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    for ink in _palette(rng)[: int(rng.integers(1, 5))]:
        middle, r = rng.uniform(0.2, 0.8, 2), rng.uniform(1, 5)
        for x, y in rng.normal(middle, rng.uniform(0.05, 0.25), (int(rng.integers(8, 120)), 2)):
            if 0 < x < 1 and 0 < y < 1:
                x, y = left + (right - left) * x, top + (bottom - top) * y
                draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)


def _boxes(draw: ImageDraw.ImageDraw, box: Box, rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    number, filled = int(rng.integers(2, 9)), rng.random() < 0.5
    for at in range(number):
        x = left + (right - left) * (at + 0.5) / number
        half = (right - left) / number * 0.3
        ends = [top + (bottom - top) * share for share in sorted(rng.uniform(0.05, 0.95, 5))]
        draw.line((x, ends[0], x, ends[4]), fill=(0, 0, 0))
        draw.rectangle(
            (x - half, ends[1], x + half, ends[3]),
            outline=(0, 0, 0),
            fill=_palette(rng)[0] if filled else (255, 255, 255),
        )
        draw.line((x - half, ends[2], x + half, ends[2]), fill=(255, 127, 14), width=2)


def _pie(draw: ImageDraw.ImageDraw, box: Box, rng: np.random.Generator) -> None:
    left, top, right, bottom = box
    r = min(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    shares = np.cumsum(rng.dirichlet(np.ones(int(rng.integers(2, 9))) * 2)) * 360
    inks, start, turn = _palette(rng), 0.0, rng.uniform(0, 360)
    for number, end in enumerate(shares):
        ink = inks[number % len(inks)]
        draw.pieslice((x - r, y - r, x + r, y + r), start + turn, float(end) + turn, fill=ink)
        angle = math.radians((start + float(end)) / 2 + turn)
        place = (x + 1.1 * r * math.cos(angle), y + 1.1 * r * math.sin(angle))
        draw.text(place, words(rng, 1), fill=(0, 0, 0), font=font(max(8, int(r / 6))))
        start = float(end)
    if rng.random() < 0.3:
        draw.ellipse((x - r / 2, y - r / 2, x + r / 2, y + r / 2), fill=(255, 255, 255))


def _heat(draw: ImageDraw.ImageDraw, box: Box, rng: np.random.Generator) -> None:
    """A matrix or the bands of a surface, in a colour map."""
    left, top, right, bottom = box
    side = int(rng.integers(3, 60))
    y, x = np.mgrid[-2 : 2 : side * 1j, -2 : 2 : side * 1j]
    field = np.sin(x * rng.uniform(0.5, 3)) * np.cos(y * rng.uniform(0.5, 3) + rng.uniform(0, 3))
    share = rng.random((side, side)) if rng.random() < 0.5 else (field + 1) / 2
    if rng.random() < 0.5:
        share = np.floor(share * 8) / 8
    ends = np.array(MAPS[int(rng.integers(len(MAPS)))], float)
    values = np.stack([np.interp(share, [0, 0.5, 1], ends[:, c]) for c in range(3)], -1)
    filters = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR)
    made = Image.fromarray(values.astype(np.uint8)).resize(
        (max(1, int(right - left)), max(1, int(bottom - top))), filters[int(rng.integers(2))]
    )
    draw._image.paste(made, (int(left), int(top)))  # the canvas of the drawing


DRAWERS: tuple[Drawer, ...] = (_lines, _lines, _bars, _bars, _points, _area, _boxes, _pie, _heat)
