"""Rows before a model: each image looked at once, and prompts of any words scored behind it.

What is kept of an image is the tower's output (and what the model keeps of that), so a second
prompt costs no second look. A row without an image is asked as a text alone.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent.paligemma import PaliGemma
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

    def score(self, block: int, prompts: Sequence[Texts], options: Sequence[str]) -> list[Scores]:
        """Probabilities of the options after each kind of prompt, (rows, options)."""
        asked = [(texts, options) for texts in prompts]
        return score(self.model, self.features(block), asked)

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


def score(
    model: PaliGemma, features: ImageFeatures, asked: Sequence[tuple[Texts, Sequence[str]]]
) -> list[Scores]:
    """Probabilities of each kind's options after its prompts, (rows, options), in few passes."""
    found = [np.zeros((features.n, len(options))) for _, options in asked]
    for rows, kinds in _by_rows([texts for texts, _ in asked]).items():
        part = features if len(rows) == features.n else some(features, rows)
        each = model.score_after(part, [(text, asked[kind][1]) for kind, text in kinds])
        for (kind, _), scores in zip(kinds, each, strict=True):
            found[kind][list(rows)] = scores
    return found


def _by_rows(prompts: Sequence[Texts]) -> dict[tuple[int, ...], list[tuple[int, str]]]:
    """What is asked of the same rows together: rows -> kind of prompt and its text."""
    asked: dict[tuple[int, ...], list[tuple[int, str]]] = defaultdict(list)
    for kind, texts in enumerate(prompts):
        places: dict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(texts):
            places[text].append(row)
        for text, rows in places.items():
            asked[tuple(rows)].append((kind, text))
    return asked


def cut(model: PaliGemma, prompt: str, longest: int) -> str:
    """The prompt without its last words where it has more than `longest` tokens."""
    if model.length(prompt) <= longest:
        return prompt
    words = prompt.split(" ")
    kept = bisect_right(range(len(words)), longest, key=lambda n: model.length(" ".join(words[:n])))
    return " ".join(words[: kept - 1])


def images_of(rows: Sequence[Row]) -> list[ImageSource | None]:
    return [row.image for row in rows]
