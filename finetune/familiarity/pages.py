"""Text: pages, single words, forms, tables of numbers, in the font that Pillow brings."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from finetune.familiarity.blanks import colour

WORDS = tuple(
    "the of cell sample report patient value mean standard figure results table number time in "  # noqa: SIM905
    "with without measured study group control treated data image page section blood neutrophil "
    "nucleus stain analysis protocol buffer minutes incubate wash add volume temperature notes "
    "laboratory date name invoice address total we they was were are is and or not 1 2 10 37 100 "
    "2024 p < 0.05".split()
)
Ink = tuple[int, int, int]


def words(rng: np.random.Generator, number: int) -> str:
    return " ".join(str(word) for word in rng.choice(WORDS, number))


def font(points: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own."""
    return ImageFont.load_default(size=points)


def paper(rng: np.random.Generator) -> tuple[Ink, Ink]:
    """Ground and ink: mostly dark on light, sometimes the other way or in any colours."""
    kind = rng.random()
    if kind < 0.15:
        return colour(rng), colour(rng)
    light, dark = (int(rng.integers(215, 256)),) * 3, (int(rng.integers(0, 90)),) * 3
    return (dark, light) if kind < 0.3 else (light, dark)


def page(rng: np.random.Generator) -> Image.Image:
    """Lines of words, in paragraphs, in one or two columns, upright or turned."""
    ground, ink = paper(rng)
    width, height = int(rng.integers(150, 640)), int(rng.integers(120, 640))
    made = Image.new("RGB", (width, height), ground)
    points = int(rng.integers(8, 34))
    columns = int(rng.choice([1, 1, 2])) if width > 300 else 1
    for column in range(columns):
        left = int(rng.integers(3, 24)) + column * width // columns
        _column(made, left, points, ink, rng)
    if rng.random() < 0.3:
        made = made.rotate(rng.uniform(-30, 30), expand=bool(rng.random() < 0.5), fillcolor=ground)
    return made


def _column(made: Image.Image, left: int, points: int, ink: Ink, rng: np.random.Generator) -> None:
    draw, letters, y = ImageDraw.Draw(made), font(points), int(rng.integers(3, 40))
    while y < made.height - points:
        if rng.random() > 0.12:
            draw.text((left, y), words(rng, int(rng.integers(1, 14))), font=letters, fill=ink)
        y += int(points * 1.35)


def word(rng: np.random.Generator) -> Image.Image:
    """A word or two, large."""
    ground, ink = paper(rng)
    width, height = int(rng.integers(80, 600)), int(rng.integers(60, 500))
    made = Image.new("RGB", (width, height), ground)
    points = max(12, int(min(width, height) * rng.uniform(0.12, 0.5)))
    said = words(rng, int(rng.integers(1, 3)))
    said = said.upper() if rng.random() < 0.5 else said
    place = (width * rng.uniform(0, 0.3), height * rng.uniform(0.1, 0.6))
    ImageDraw.Draw(made).text(place, said, font=font(points), fill=ink)
    return made


def form(rng: np.random.Generator) -> Image.Image:
    """Names with boxes beside them, some filled in."""
    ground, ink = paper(rng)
    rows, step = int(rng.integers(3, 16)), int(rng.integers(22, 44))
    made = Image.new("RGB", (int(rng.integers(260, 560)), 30 + rows * step), ground)
    draw, letters, middle = ImageDraw.Draw(made), font(int(step * 0.45)), made.width * 2 // 5
    for row in range(rows):
        y = 14 + row * step
        draw.text((10, y), words(rng, 2), font=letters, fill=ink)
        draw.rectangle((middle, y - 2, made.width - 12, y + step * 0.7), outline=ink)
        if rng.random() < 0.6:
            draw.text((middle + 5, y), words(rng, 2), font=letters, fill=ink)
    return made


def numbers(rng: np.random.Generator) -> Image.Image:
    """A table, with or without rules."""
    ground, ink = paper(rng)
    rows, columns = int(rng.integers(4, 24)), int(rng.integers(2, 8))
    high, wide = int(rng.integers(14, 28)), int(rng.integers(46, 90))
    made = Image.new("RGB", (columns * wide + 12, rows * high + 12), ground)
    draw, letters, ruled = ImageDraw.Draw(made), font(int(high * 0.65)), rng.random() < 0.5
    for row in range(rows):
        for column in range(columns):
            said = f"{rng.normal() * 100:.{int(rng.integers(3))}f}"
            draw.text((8 + column * wide, 6 + row * high), said, font=letters, fill=ink)
        if ruled:
            draw.line((4, 4 + row * high, made.width - 4, 4 + row * high), fill=ink)
    return made


def scan(rng: np.random.Generator) -> Image.Image:
    """A page as a camera sees it: unevenly lit, with grain, a little out of focus."""
    written = np.asarray(page(rng), float)
    y, x = np.mgrid[-1 : 1 : written.shape[0] * 1j, -1 : 1 : written.shape[1] * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    lamp = 1 - rng.uniform(0.1, 0.6) * (1 + x * np.cos(turn) + y * np.sin(turn)) / 2
    grain = rng.normal(0, rng.uniform(0, 8), (*written.shape[:2], 1))
    values = written * lamp[..., None] * rng.uniform(0.6, 1) + grain
    made = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return made.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.2))))
