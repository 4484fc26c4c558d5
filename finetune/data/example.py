"""One labelled image, whatever dataset it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.findings import Kind

Split = Literal["train", "dev", "test"]
Pixels = NDArray[np.uint8]  # (height, width, 3) RGB


@dataclass(frozen=True)
class Instance:
    """One annotated object; the box is (left, top, right, bottom) in shares of the image."""

    thing: str  # a key of tools.findings.COUNTS
    box: tuple[float, float, float, float]
    area: float  # share of the image


@dataclass(frozen=True, eq=False)
class Example:
    """An image with what is known to be true of it.

    `facts` maps question names of tools.findings to options and holds for any crop of the image.
    `instances` lists every object of the things in `counted`; a thing that is annotated only in
    part must not be in `counted`.
    """

    name: str
    pixels: Pixels
    kind: Kind
    facts: Mapping[str, str]
    source: str
    licence: str
    group: str  # images of one group never fall on two sides of a split
    instances: tuple[Instance, ...] = ()
    counted: tuple[str, ...] = ()
    official_split: Split | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


def read_pixels(path: str, longest: int) -> Pixels:
    """The image as RGB, reduced so that its longest side is at most `longest` pixels."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    scale = longest / max(image.size)
    if scale < 1:
        size = (round(image.width * scale), round(image.height * scale))
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.uint8)
