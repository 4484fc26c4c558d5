"""Rows before a model: each image looked at once, and prompts of any words scored behind it.

What is kept of an image is the tower's output (and what the model keeps of that), so a second
prompt costs no second look. A row without an image is asked as a text alone.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.paligemma import PaliGemma, never
from finetune.data.row import ImageSource, Row
from finetune.pictures import opened
from tools.protocols import ImageFeatures, Vectors

BLOCK = 16  # rows looked at together
Texts = Sequence[str]  # a prompt for each row of a block
Scores = NDArray[np.float64]  # (rows, options)


class Blocks:
    """Rows in blocks, each looked at when it is first asked about."""

    def __init__(self, model: PaliGemma, images: Sequence[ImageSource | None]) -> None:
        self.model = model
        self._images, self._seen = images, dict[int, ImageFeatures]()

    def __len__(self) -> int:
        return -(-len(self._images) // BLOCK)

    def rows(self, block: int) -> range:
        return range(block * BLOCK, min(len(self._images), (block + 1) * BLOCK))

    def features(self, block: int) -> ImageFeatures:
        """Of all rows of the block; of texts alone, none has an image."""
        if block not in self._seen:
            self._seen[block] = look(self.model, [self._images[i] for i in self.rows(block)])
        return self._seen[block]

    def score(
        self,
        block: int,
        prompts: Sequence[Texts],
        options: Sequence[str],
        cancelled: Callable[[], bool] = never,
    ) -> list[Scores]:
        """Probabilities of the options after each kind of prompt, in as few passes as there are."""
        features = self.features(block)
        found = [np.zeros((features.n, len(options))) for _ in prompts]
        for rows, asked in _by_rows(prompts, features.n).items():
            part = features if len(rows) == features.n else some(features, rows)
            texts = [(text, options) for _, text in asked]
            each = self.model.score_after(part, texts, cancelled)
            for (kind, _), scores in zip(asked, each, strict=True):
                found[kind][list(rows)] = scores
        return found

    def vectors(self) -> Vectors:
        """Image vectors of every row, (rows, width)."""
        each = [self.model.embed_image(self.features(block)) for block in range(len(self))]
        return np.concatenate(each)


def look(model: PaliGemma, images: Sequence[ImageSource | None]) -> ImageFeatures:
    """One look at the images of a block; rows are either all with an image or all without."""
    shown = [opened(image) for image in images if image is not None]
    if not shown:
        return model.no_image(len(images))
    if len(shown) != len(images):
        raise ValueError("rows with an image beside rows without: draw them apart")
    return model.look(shown)


def blank(model: PaliGemma) -> ImageFeatures:
    """A grey image."""
    return model.look([Image.new("RGB", (224, 224), (128, 128, 128))])


def some(features: ImageFeatures, rows: Sequence[int]) -> ImageFeatures:
    """The features of some rows."""
    tower: Any = features.tower[list(rows)]
    return ImageFeatures(tower, len(rows))


def _by_rows(prompts: Sequence[Texts], n: int) -> dict[tuple[int, ...], list[tuple[int, str]]]:
    """What is asked of the same rows together: rows -> kind of prompt and its text."""
    asked: dict[tuple[int, ...], list[tuple[int, str]]] = defaultdict(list)
    for kind, texts in enumerate(prompts):
        places: dict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(texts[:n]):
            places[text].append(row)
        for text, rows in places.items():
            asked[tuple(rows)].append((kind, text))
    return asked


def images_of(rows: Sequence[Row]) -> list[ImageSource | None]:
    return [row.image for row in rows]
