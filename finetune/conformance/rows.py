"""The rows that the checks are run on: short questions about noise, one token apart.

Digits and marks are tokens of their own in every vocabulary of PaliGemma, so that texts that differ
in one of them have the same length. A checkpoint needs to know nothing of what is asked.
"""

from dataclasses import replace

import numpy as np
from PIL import Image

from finetune.data.row import Row

SIDE = 64  # pixels; each processor resizes to its own


def even_rows() -> list[Row]:
    """Of the same length: a batch without padding. Two are about one image."""
    return [
        _row("a", "answer en how many nuclei in cell 1?", "3 round nuclei."),
        _row("a", "answer en how many nuclei in cell 2?", "4 round nuclei."),
        _row("b", "answer en how many nuclei in cell 5?", "6 round nuclei."),
    ]


def uneven_rows() -> list[Row]:
    """Of many lengths: a batch with padding."""
    return [
        _row("a", "answer en how many nuclei in cell 1?", "3 round nuclei."),
        _row("a", "describe en cell 2?", "a small cell with a pale rim; 5 lobes."),
        _row("c", "answer en 8?", "9"),
    ]


def asked_otherwise(row: Row) -> Row:
    """The same but for the last token of its prompt."""
    return replace(row, prefix=row.prefix.removesuffix("?") + "!")


def picture(row: Row) -> Image.Image:
    """The row's image as the processor takes it."""
    if not isinstance(row.image, np.ndarray):
        raise TypeError(f"{row.name}: the kit's images are arrays")
    return Image.fromarray(row.image)


def _row(name: str, prefix: str, suffix: str) -> Row:
    drawn = np.random.default_rng(ord(name))
    pixels = drawn.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    return Row(name, pixels, prefix, suffix, group=name, source="noise", licence="none")
