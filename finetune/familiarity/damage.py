"""What happens to images on their way: reduced, grey, compressed, masked, blurred, tinted, framed.

Done to cell images and to others alike, so that damage is no sign of either.
"""

from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Damage = Callable[[Image.Image, np.random.Generator], Image.Image]


def reduced(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    side = int(rng.choice([28, 32, 48, 64, 96, 128]))
    return image.resize((side, side), Image.Resampling.BICUBIC)


def grey(image: Image.Image, _: np.random.Generator) -> Image.Image:
    return image.convert("L").convert("RGB")


def compressed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    stored = BytesIO()
    image.save(stored, "JPEG", quality=int(rng.integers(12, 75)))
    return Image.open(stored).convert("RGB")


def blurred(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    radius = rng.uniform(0.4, 1.8) * min(image.size) / 192
    return image.filter(ImageFilter.GaussianBlur(radius))


def noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    values = np.asarray(image, float)
    return _image(values + rng.normal(0, rng.uniform(3, 14), values.shape))


def tinted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    gains = rng.uniform(0.65, 1.25) * rng.uniform(0.85, 1.12, 3)
    return _image(np.asarray(image, float) * gains)


def framed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """In the middle of a black or white square."""
    side = int(max(image.size) * rng.uniform(1.05, 1.6))
    made = Image.new("RGB", (side, side), (0, 0, 0) if rng.random() < 0.6 else (255, 255, 255))
    made.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return made


def zoomed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = rng.uniform(0.55, 0.95)
    left, top = rng.uniform(0, 1 - share, 2) * image.size
    right, bottom = left + share * image.width, top + share * image.height
    return image.crop((int(left), int(top), int(right), int(bottom)))


def cut_out(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Only an ellipse around the middle is left, on black or, at times, on white."""
    width, height = image.size
    a, b = rng.uniform(0.25, 0.49, 2) * image.size
    mask = Image.new("L", image.size, 0)
    box = (width / 2 - a, height / 2 - b, width / 2 + a, height / 2 + b)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return Image.composite(image, _ground(image, rng), mask)


def segmented(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """What is darker than the mean is left, and a rim around it, as after a segmentation."""
    smooth = np.asarray(image.filter(ImageFilter.GaussianBlur(2)).convert("L"), float)
    inside = Image.fromarray(((smooth < smooth.mean()) * 255).astype(np.uint8))
    mask = inside.filter(ImageFilter.MaxFilter(7))
    return Image.composite(image, _ground(image, rng), mask)


def _ground(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return Image.new("RGB", image.size, (0, 0, 0) if rng.random() < 0.8 else (255, 255, 255))


def _image(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


ANY: Sequence[Damage] = (reduced, grey, compressed, blurred, noisy, tinted, framed, zoomed)
OF_CELLS: Sequence[Damage] = (*ANY, reduced, cut_out, segmented)


def damaged(image: Image.Image, damages: Sequence[Damage], rng: np.random.Generator) -> Image.Image:
    """One or two of the damages, one after the other."""
    for number in rng.choice(len(damages), int(rng.integers(1, 3)), replace=False):
        image = damages[int(number)](image, rng)
    return image
