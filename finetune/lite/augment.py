"""Random views of an image: crop or turn, colour, stain, noise and blur.

Images whose facts hold for the whole picture are turned by any angle and zoomed about the middle;
images with counted objects are cropped and mirrored, and the boxes follow. Half of the stained
views only shift a little, because colours of cytoplasm and granules are among the facts; the
others look as if another laboratory had stained and photographed them.
"""

import math
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from finetune.data.example import Example, Instance, Pixels

_SMALLEST_CROP = {"smear": 0.5, "nuclei": 0.5}  # of images with counted objects
_ZOOM = {"cell": (0.66, 1.2), "red_cell": (0.8, 1.1), "tissue": (0.5, 1.0)}
_MARGIN = 0.25  # reflected around an image before it is turned, share of its side
_OTHER_LABORATORY = 0.5  # share of the stained views that are restained
Box = tuple[float, float, float, float]
Values = NDArray[np.float32]  # (side, side, 3), 0..255


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


def _cropped(
    example: Example, side: int, rng: random.Random
) -> tuple[Image.Image, tuple[Instance, ...]]:
    """A crop in one of the eight orientations of the square, and the objects in it."""
    window, orientation = _window(example.kind, rng), rng.randrange(8)
    height, width = example.pixels.shape[:2]
    region = (window[0] * width, window[1] * height, window[2] * width, window[3] * height)
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    image = Image.fromarray(example.pixels).resize((side, side), rng.choice(filters), box=region)
    kept = (_within(instance, window) for instance in example.instances)
    turned = tuple(
        Instance(i.thing, _turned(i.box, orientation), i.area) for i in kept if i is not None
    )
    return Image.fromarray(np.ascontiguousarray(_turn(np.asarray(image), orientation))), turned


def _rotated(example: Example, side: int, rng: random.Random) -> Image.Image:
    """The image turned by any angle, mirrored, zoomed and shifted; its edges are reflected."""
    height, width = example.pixels.shape[:2]
    pad = round(_MARGIN * max(height, width))
    padded = np.pad(example.pixels, ((pad, pad), (pad, pad), (0, 0)), "reflect")
    near, far = _ZOOM[example.kind]
    zoom = rng.uniform(near, far) if rng.random() < 0.5 else rng.uniform(0.9, 1.0)
    angle = rng.uniform(0, 2 * math.pi)
    slack = max(0.0, 1 - zoom) / 2 + 0.03  # of the middle, in shares of the side
    x = (0.5 + rng.uniform(-slack, slack)) * width + pad
    y = (0.5 + rng.uniform(-slack, slack)) * height + pad
    wide, high = zoom * width / side, zoom * height / side * math.exp(rng.uniform(-0.08, 0.08))
    mirror = rng.choice((-1, 1))
    a, b = math.cos(angle) * wide * mirror, -math.sin(angle) * high
    d, e = math.sin(angle) * wide * mirror, math.cos(angle) * high
    middle = side / 2
    moved = (a, b, x - (a + b) * middle, d, e, y - (d + e) * middle)
    return Image.fromarray(padded).transform(
        (side, side),
        Image.Transform.AFFINE,
        moved,
        rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)),
    )


def _recolour(values: Values, modality: str, rng: random.Random) -> Values:
    """Contrast, brightness and white balance."""
    contrast, brightness = rng.uniform(0.8, 1.25), rng.uniform(-18, 18)
    gain = np.array([rng.uniform(0.92, 1.08) for _ in range(3)], np.float32)
    pivot = float(values.mean())
    if modality == "fluorescence microscopy":  # dark stays dark, grey stays grey
        contrast, brightness, pivot, gain = rng.uniform(0.6, 1.8), brightness / 5, 0.0, gain[:1]
    return ((values - pivot) * contrast + pivot + brightness) * gain


def _restain(values: Values, rng: random.Random) -> Values:
    """Optical densities rescaled and mixed a little, over a background of another colour.

    Density is linear in the amount of a dye (Beer and Lambert), so that scaling it is a stronger
    or weaker stain, and mixing its channels is another dye or another camera.
    """
    light = np.percentile(values[::4, ::4].reshape(-1, 3), 90, axis=0) + 1
    densities = -np.log((values + 1) / light)
    mixing = np.eye(3) + np.array([[rng.gauss(0, 0.08) for _ in range(3)] for _ in range(3)])
    strength = math.exp(rng.uniform(-0.4, 0.4))
    shade = rng.uniform(170, 252)
    background = np.array([min(255.0, shade * rng.uniform(0.9, 1.08)) for _ in range(3)])
    restained = background * np.exp(-strength * (densities @ mixing.T.astype(np.float32)))
    return np.asarray(restained, np.float32)


def _noisy(values: Values, rng: random.Random) -> Values:
    noise = np.random.default_rng(rng.getrandbits(32)).standard_normal((*values.shape[:2], 1))
    return values + noise.astype(np.float32) * rng.uniform(1, 7)


def _coloured(image: Image.Image, modality: str, rng: random.Random) -> Pixels:
    values = np.asarray(image, np.float32)
    stained = modality in ("stained blood smear", "stained histology")
    if stained and rng.random() < _OTHER_LABORATORY:
        values = _restain(values, rng)
    if rng.random() < 0.8:
        values = _recolour(values, modality, rng)
    if rng.random() < 0.2:
        values = _noisy(values, rng)
    return np.clip(values, 0, 255).astype(np.uint8)


def restained(example: Example, rng: random.Random) -> Pixels:
    """The image as if another laboratory had stained and photographed it; its size stays."""
    values = _restain(np.asarray(example.pixels, np.float32), rng)
    values = _recolour(values, example.facts["modality"], rng)
    return np.clip(values, 0, 255).astype(np.uint8)


def view(example: Example, side: int, rng: random.Random) -> tuple[Pixels, tuple[Instance, ...]]:
    """A random view of `side` pixels a side, (side, side, 3), and what it holds."""
    instances: tuple[Instance, ...] = ()
    if example.kind in _ZOOM:
        image = _rotated(example, side, rng)
    else:
        image, instances = _cropped(example, side, rng)
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0) * side / 128))
    return _coloured(image, example.facts["modality"], rng), instances
