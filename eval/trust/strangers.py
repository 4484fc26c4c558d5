"""Images that show no cells, drawn by seed: blanks, noise, text, charts, and photographs.

They measure a detector, and no training draws them: other code with other figures than
`finetune/familiarity`. Charts come from Matplotlib where it is installed (the `bench` extra), text
in its fonts; photographs are the user's, and those of faces that scikit-image brings.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from eval.trust.plotted import CHARTS, mono, plotted
from tools.images import SUFFIXES

Draw = Callable[[np.random.Generator], Image.Image]
Values = NDArray[np.float64]
TEXT = tuple(
    "the patient was admitted with fever and a white cell count of 14.2 thousand per microlitre "  # noqa: SIM905
    "smears were stained within two hours and results are given as mean and standard deviation "
    "def score(rows): return sum(row.value for row in rows) / len(rows) if rows else None".split()
)


def _picture(values: Values) -> Image.Image:
    clipped = np.clip(values, 0, 255).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(clipped, (*clipped.shape[:2], 3)))


def _side(rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(60, 520)), int(rng.integers(60, 520))


def plain(rng: np.random.Generator) -> Image.Image:
    width, height = _side(rng)
    levels = rng.choice([0, 255, 128]) if rng.random() < 0.5 else rng.uniform(0, 255, 3)
    return _picture(np.ones((height, width, 3)) * levels)


def vignette(rng: np.random.Generator) -> Image.Image:
    """An empty field, darker at its corners."""
    width, height = _side(rng)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    lamp = 1 - rng.uniform(0.05, 0.6) * (x * x + y * y)[..., None] / 2
    ground = rng.uniform(150, 255) * rng.uniform(0.85, 1, 3)
    return _picture(ground * lamp + rng.normal(0, rng.uniform(0, 3), (height, width, 1)))


def empty(rng: np.random.Generator) -> Image.Image:
    """An even ground as of a slide, with the grain of a camera."""
    width, height = _side(rng)
    ground = rng.uniform([195, 185, 195], [252, 240, 252])
    made = _picture(ground + rng.normal(0, rng.uniform(0, 4), (height, width, 3)))
    return made.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))


def counted(rng: np.random.Generator) -> Image.Image:
    """Photon noise: a few events a pixel."""
    width, height = _side(rng)
    mean = rng.uniform(1, 30)
    return _picture(rng.poisson(mean, (height, width, 1)) / mean * rng.uniform(60, 140))


def speckle(rng: np.random.Generator) -> Image.Image:
    width, height = _side(rng)
    factors = 1 + rng.normal(0, rng.uniform(0.2, 0.8), (height, width, 1))
    return _picture(rng.uniform(60, 200) * factors)


def bits(rng: np.random.Generator) -> Image.Image:
    """Black and white squares of one to three pixels."""
    width, height = _side(rng)
    size = int(rng.integers(1, 4))
    set_ = rng.random((height // size + 1, width // size + 1, 1)) < rng.uniform(0.2, 0.8)
    return _picture(np.kron(set_ * 255.0, np.ones((size, size, 1)))[:height, :width])


def uniform(rng: np.random.Generator) -> Image.Image:
    width, height = _side(rng)
    return _picture(rng.uniform(0, 255, (height, width, int(rng.choice([1, 3])))))


def lines(rng: np.random.Generator) -> Image.Image:
    """Each row or column of a colour of its own, as a broken sensor gives."""
    width, height = _side(rng)
    shape = (height, 1, 3) if rng.random() < 0.5 else (1, width, 3)
    return _picture(np.broadcast_to(rng.uniform(0, 255, shape), (height, width, 3)))


def page(rng: np.random.Generator) -> Image.Image:
    """Lines of words or of code, light on dark or dark on light, sometimes turned."""
    dark, points = rng.random() < 0.3, int(rng.integers(9, 24))
    ground, ink = ((28,) * 3, (225,) * 3) if dark else ((250,) * 3, (15,) * 3)
    made = Image.new("RGB", (int(rng.integers(220, 640)), int(rng.integers(160, 520))), ground)
    draw, letters = ImageDraw.Draw(made), mono(points) if rng.random() < 0.5 else mono(points, "")
    for y in range(8, made.height - points, int(points * 1.3)):
        said = " ".join(rng.choice(TEXT, int(rng.integers(2, 12))))
        draw.text((8 + points * int(rng.integers(0, 3)), y), said, font=letters, fill=ink)
    turned = rng.random() < 0.25
    return made.rotate(rng.uniform(-25, 25), expand=True, fillcolor=ground) if turned else made


def label(rng: np.random.Generator) -> Image.Image:
    """A short label, large, as on a slide's edge or a sign."""
    made = Image.new("RGB", (int(rng.integers(160, 480)), int(rng.integers(90, 300))), "white")
    made.paste(tuple(int(v) for v in rng.integers(120, 256, 3)), (0, 0, *made.size))
    said = f"{rng.choice(TEXT)} {int(rng.integers(1, 9999))}"
    draw = ImageDraw.Draw(made)
    draw.text(
        (12, made.height * 0.3), said, font=mono(int(rng.integers(24, 64))), fill=(20, 20, 60)
    )
    return made


def cropped(images: Sequence[Image.Image], rng: np.random.Generator) -> Image.Image:
    """A whole photograph or a square part of it."""
    image = images[int(rng.integers(len(images)))]
    if rng.random() < 0.5:
        return image
    side = int(rng.uniform(0.4, 1) * min(image.size))
    x, y = (int(rng.integers(0, edge - side + 1)) for edge in image.size)
    return image.crop((x, y, x + side, y + side))


def photographs(folder: Path | None) -> list[Image.Image]:
    """Those of a folder, else the faces of scikit-image."""
    if folder:
        found = sorted(f for f in folder.rglob("*") if f.suffix.lower() in SUFFIXES)
        return [_opened(file) for file in found]
    spec = find_spec("skimage")
    places = (spec.submodule_search_locations or []) if spec else []
    faces = [np.load(Path(place) / "data" / "lfw_subset.npy") for place in places]
    return [
        _picture(face[..., None] * 255).resize((150, 150)) for face in np.concatenate(faces)[:100]
    ]


def _opened(file: Path) -> Image.Image:
    with Image.open(file) as image:
        image.draft("RGB", (800, 800))
        rgb = image.convert("RGB")
    rgb.thumbnail((800, 800))
    return rgb


DRAWN: dict[str, tuple[Draw, ...]] = {
    "blank": (plain, vignette, empty),
    "noise": (counted, speckle, bits, uniform, lines),
    "text": (page, label),
}


def strangers(each: int, photos: Path | None, seed: int = 0) -> Iterator[tuple[str, Image.Image]]:
    """`each` images of every family, with its name; charts only where Matplotlib is installed."""
    rng = np.random.default_rng(seed)
    for family, draws in DRAWN.items():
        yield from ((family, draws[at % len(draws)](rng)) for at in range(each))
    if find_spec("matplotlib"):
        for at in range(each):
            yield "chart", plotted(CHARTS[at % len(CHARTS)], rng)
    shown = photographs(photos)
    yield from (("photograph", cropped(shown, rng)) for _ in range(each if shown else 0))
