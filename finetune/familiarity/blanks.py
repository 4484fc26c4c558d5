"""Images that show nothing: even colours, gradients, noise of many kinds, patterns."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Draw = Callable[[np.random.Generator], Image.Image]
Values = NDArray[np.float64]


def picture(values: Values) -> Image.Image:
    """(height, width, 1 or 3), 0..255, as an RGB image."""
    clipped = np.clip(values, 0, 255).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(clipped, (*clipped.shape[:2], 3)))


def size(rng: np.random.Generator) -> tuple[int, int]:
    """Width and height."""
    return int(rng.integers(48, 600)), int(rng.integers(48, 600))


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Any colour, one time of three a grey, one of three as stained slides have."""
    kind = rng.integers(3)
    if kind == 0:
        return ((0, 255, int(rng.integers(256)))[int(rng.integers(3))],) * 3
    low, high = ([0, 0, 0], [256, 256, 256]) if kind == 1 else ([150, 110, 140], [256, 235, 256])
    red, green, blue = (int(value) for value in rng.integers(low, high))
    return red, green, blue


def even(rng: np.random.Generator) -> Image.Image:
    return Image.new("RGB", size(rng), colour(rng))


def gradient(rng: np.random.Generator) -> Image.Image:
    """From one colour to another, straight or from the middle, as an uneven lamp would."""
    width, height = size(rng)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    turn = rng.uniform(0, 2 * math.pi)
    across = (x * math.cos(turn) + y * math.sin(turn)) / 2.8 + 0.5
    middle_x, middle_y = rng.uniform(-0.4, 0.4, 2)
    round_ = np.hypot(x - middle_x, y - middle_y) ** rng.uniform(1, 3) / 2.5
    share = (across if rng.random() < 0.5 else round_)[..., None]
    one = np.array(colour(rng), float)
    other = np.array(colour(rng), float) if rng.random() < 0.5 else one * rng.uniform(0.3, 0.9)
    return picture(one + (other - one) * share + grain(rng, height, width))


def grain(rng: np.random.Generator, height: int, width: int) -> Values:
    """Noise of a camera, often none."""
    strength = rng.uniform(0.5, 6) if rng.random() < 0.35 else 0.0
    return np.asarray(rng.normal(0, 1, (height, width, int(rng.choice([1, 3])))) * strength)


def empty_slide(rng: np.random.Generator) -> Image.Image:
    """An even ground with the grain of a camera, sometimes out of focus, with some dust."""
    width, height = size(rng)
    made = picture(
        np.array(colour(rng), float) + rng.normal(0, rng.uniform(0.5, 6), (height, width, 1))
    )
    draw = ImageDraw.Draw(made)
    for _ in range(max(0, int(rng.integers(-8, 6)))):
        x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.5, 2)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour(rng))
    return made.filter(ImageFilter.GaussianBlur(float(max(0.0, rng.uniform(-1.5, 2)))))


def white_noise(rng: np.random.Generator) -> Image.Image:
    """Independent pixels, grey or coloured: normal, uniform, or with salt and pepper."""
    width, height = size(rng)
    shape = (height, width, int(rng.choice([1, 3])))
    kind = rng.integers(3)
    if kind == 0:
        return picture(rng.uniform(50, 200) + rng.normal(0, rng.uniform(12, 90), shape))
    if kind == 1:
        low, high = sorted(rng.uniform(0, 255, 2))
        return picture(rng.uniform(low, max(high, low + 60), shape))
    values = np.ones(shape) * np.array(colour(rng), float)[: shape[2]]
    chance, share = rng.random((height, width)), rng.uniform(0.02, 0.4)
    values[chance < share], values[chance > 1 - share] = 0, 255
    return picture(values)


def smooth_noise(rng: np.random.Generator, side: int = 256) -> Image.Image:
    """Noise whose spectrum falls with a power of the frequency, as clouds and X-rays have it."""
    grid = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    grid[0, 0] = 1
    power, channels = rng.uniform(0.4, 2.2), int(rng.choice([1, 3]))
    fields = []
    for _ in range(channels):
        field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(side, side))) / grid**power).real
        fields.append((field - field.mean()) / field.std())
    made = picture(rng.uniform(60, 190) + np.stack(fields, -1) * rng.uniform(15, 70))
    return made.resize(size(rng))


def blocks(rng: np.random.Generator) -> Image.Image:
    """A few random colours, enlarged with or without edges."""
    across = int(rng.integers(2, 48))
    made = picture(rng.uniform(0, 255, (across, across, int(rng.choice([1, 3])))))
    filters = (Image.Resampling.NEAREST, Image.Resampling.BICUBIC)
    return made.resize(size(rng), filters[int(rng.integers(2))])


def waves(rng: np.random.Generator, side: int = 256) -> Image.Image:
    """Stripes, checks and rings."""
    y, x = np.mgrid[0:side, 0:side] - rng.uniform(0, side)
    turn, step = rng.uniform(0, math.pi), rng.uniform(0.05, 1.2)
    along = (x * math.cos(turn) + y * math.sin(turn)) * step
    across = (y * math.cos(turn) - x * math.sin(turn)) * step
    kind = rng.integers(3)
    wave = np.sin(along) if kind == 0 else np.sin(along) * np.sin(across)
    if kind == 2:
        wave = np.sin(np.hypot(x, y) * step)
    if rng.random() < 0.5:
        wave = np.sign(wave)
    share = ((wave + 1) / 2)[..., None]
    return picture(np.array(colour(rng)) * share + np.array(colour(rng)) * (1 - share))


def shapes(rng: np.random.Generator) -> Image.Image:
    """Flat angular figures, lines and open arcs; a closed disc might be a drawn cell."""
    width, height = size(rng)
    made = Image.new("RGB", (width, height), colour(rng))
    draw = ImageDraw.Draw(made)
    for _ in range(int(rng.integers(1, 14))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        a, b = rng.uniform(5, width * 0.5), rng.uniform(5, height * 0.5)
        thick, ink, kind = int(rng.integers(1, 12)), colour(rng), rng.integers(5)
        if kind == 0:
            draw.rectangle((x, y, x + a, y + b), fill=ink)
        elif kind == 1:
            draw.rectangle((x, y, x + a, y + b), outline=ink, width=thick)
        elif kind == 2:
            draw.polygon([(x, y), (x + a, y + b * 0.3), (x + a * 0.4, y + b)], fill=ink)
        elif kind == 3:
            draw.line((x, y, x + a * rng.choice([-1, 1]), y + b), fill=ink, width=thick)
        else:
            draw.arc((x, y, x + a, y + b), 0, int(rng.integers(60, 300)), fill=ink, width=thick)
    return made


def leaves(rng: np.random.Generator) -> Image.Image:
    """Opaque figures of all sizes on top of each other: the statistics of natural images.

    Source: the dead leaves model (Lee, Mumford and Huang, IJCV 2001).
    """
    side, base = int(rng.integers(128, 300)), np.array(colour(rng), float)
    made = Image.new("RGB", (side, side), colour(rng))
    draw, spread = ImageDraw.Draw(made), rng.uniform(15, 70)
    for _ in range(int(rng.integers(150, 900))):
        r = side * 0.02 / rng.uniform(0.02, 1) ** 0.8
        x, y = rng.uniform(0, side, 2)
        red, green, blue = np.clip(base + rng.normal(0, spread, 3), 0, 255).astype(int)
        figure = draw.ellipse if rng.random() < 0.4 else draw.rectangle
        figure((x - r, y - r, x + r, y + r), fill=(int(red), int(green), int(blue)))
    return made.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.5))))
