"""Crops of photographs: of those that installed packages bring, and of a folder of yours."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from tools.images import SUFFIXES

# Of scikit-image, CC0 or public domain (its data/README.txt); no micrograph is among them.
SKIMAGE = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "moon.png",
    "motorcycle_left.png", "rocket.jpg",
)  # fmt: skip
SKLEARN = ("china.jpg", "flower.jpg")  # CC BY 2.0, see its datasets/images/README.txt
PRINTED = ("page.png", "text.png")  # of scikit-image, too: pages that were scanned
LONGEST = 900


def bundled() -> list[Path]:
    """The photographs that installed packages bring."""
    return [*_of("skimage", "data", SKIMAGE), *_of("sklearn", "datasets/images", SKLEARN)]


def printed() -> list[Path]:
    """The scanned pages that scikit-image brings."""
    return list(_of("skimage", "data", PRINTED))


def below(folder: Path) -> list[Path]:
    """The image files of a folder."""
    return sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)


def _of(package: str, folder: str, names: Sequence[str]) -> Iterator[Path]:
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from (file for name in names if (file := Path(place) / folder / name).is_file())


class Photographs:
    """Draws crops of photographs, each as likely as any other."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._images = [_opened(file) for file in files]

    def __call__(self, rng: np.random.Generator) -> Image.Image:
        image = self._images[int(rng.integers(len(self._images)))]
        if rng.random() < 0.7:
            side = rng.uniform(0.15, 1) * min(image.size)
            x, y = rng.uniform(0, image.width - side), rng.uniform(0, image.height - side)
            image = image.crop((int(x), int(y), int(x + side), int(y + side)))
        if rng.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        image = image.copy()
        image.thumbnail((int(rng.integers(64, 512)),) * 2)
        return image


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as image:
        image.draft("RGB", (LONGEST, LONGEST))
        rgb = image.convert("RGB")
    rgb.thumbnail((LONGEST, LONGEST))
    return rgb
