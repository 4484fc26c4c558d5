"""Random views of an image: crop, the eight orientations of the square, colour, noise and blur.

Boxes follow the view. Nothing here changes what the facts of an image say of it; colour shifts
stay small because colours of cytoplasm and granules are among the facts.
"""

import math
import random

import numpy as np
from PIL import Image, ImageFilter

from finetune.data.example import Example, Instance, Pixels

_SMALLEST_CROP = {"cell": 0.8, "smear": 0.5, "red_cell": 0.85, "nuclei": 0.5, "tissue": 0.6}
Box = tuple[float, float, float, float]


def whole(pixels: Pixels, side: int) -> Pixels:
    """The image as the processor shows it to the model: a square of `side` pixels."""
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC))


def _window(kind: str, rng: random.Random) -> Box:
    scale = rng.uniform(_SMALLEST_CROP[kind], 1) if rng.random() < 0.7 else 1.0
    stretch = math.exp(rng.uniform(-0.1, 0.1))
    width, height = min(1.0, scale * stretch), min(1.0, scale / stretch)
    left, top = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return left, top, left + width, top + height


def _within(instance: Instance, window: Box) -> Instance | None:
    """The instance in shares of the window, or None where its centre is outside."""
    left, top, right, bottom = window
    x, y = (instance.box[0] + instance.box[2]) / 2, (instance.box[1] + instance.box[3]) / 2
    if not (left <= x < right and top <= y < bottom):
        return None
    width, height = right - left, bottom - top

    def inside(value: float) -> float:
        return min(1.0, max(0.0, value))

    box = (
        inside((instance.box[0] - left) / width),
        inside((instance.box[1] - top) / height),
        inside((instance.box[2] - left) / width),
        inside((instance.box[3] - top) / height),
    )
    return Instance(instance.thing, box, instance.area / (width * height))


def _turned(box: Box, orientation: int) -> Box:
    left, top, right, bottom = box
    if orientation & 1:
        left, right = 1 - right, 1 - left
    if orientation & 2:
        top, bottom = 1 - bottom, 1 - top
    return (top, left, bottom, right) if orientation & 4 else (left, top, right, bottom)


def _turn(pixels: Pixels, orientation: int) -> Pixels:
    if orientation & 1:
        pixels = pixels[:, ::-1]
    if orientation & 2:
        pixels = pixels[::-1]
    return pixels.transpose(1, 0, 2) if orientation & 4 else pixels


def _recolour(pixels: Pixels, modality: str, rng: random.Random) -> Pixels:
    values = pixels.astype(np.float32)
    contrast, brightness = rng.uniform(0.8, 1.25), rng.uniform(-18, 18)
    gain = np.array([rng.uniform(0.92, 1.08) for _ in range(3)], np.float32)
    pivot = float(values.mean())
    if modality == "fluorescence microscopy":  # dark stays dark, grey stays grey
        contrast, brightness, pivot, gain = rng.uniform(0.6, 1.8), brightness / 5, 0.0, gain[:1]
    values = ((values - pivot) * contrast + pivot + brightness) * gain
    if rng.random() < 0.25:
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal((*values.shape[:2], 1))
        values += noise.astype(np.float32) * rng.uniform(1, 7)
    return np.clip(values, 0, 255).astype(np.uint8)


def view(example: Example, side: int, rng: random.Random) -> tuple[Pixels, tuple[Instance, ...]]:
    """A random view of `side` pixels a side, (side, side, 3), and what it holds."""
    window, orientation = _window(example.kind, rng), rng.randrange(8)
    height, width = example.pixels.shape[:2]
    region = (window[0] * width, window[1] * height, window[2] * width, window[3] * height)
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    image = Image.fromarray(example.pixels).resize((side, side), rng.choice(filters), box=region)
    if rng.random() < 0.1:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.8) * side / 128))
    pixels = _turn(np.asarray(image), orientation)
    if rng.random() < 0.8:
        pixels = _recolour(pixels, example.facts["modality"], rng)
    kept = (_within(instance, window) for instance in example.instances)
    turned = tuple(
        Instance(i.thing, _turned(i.box, orientation), i.area) for i in kept if i is not None
    )
    return np.ascontiguousarray(pixels), turned
