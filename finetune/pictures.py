"""Images of rows as the model's pixels: opened safely, resized once, kept in memory to a limit.

What is kept is 8-bit RGB of the model's size, so an image is decoded once a run and not once an
epoch. The pixels are those that serving makes of the same file (the processor's own resizing).
"""

import hashlib
import threading
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import PaliGemmaProcessor

from finetune.data.example import Pixels
from finetune.data.row import ImageSource
from tools.errors import BadInputError
from tools.images import open_image

MAX_BYTES = 512 * 2**20
MAX_PIXELS = 100_000_000  # a slide's field; more is a bomb or a whole slide


class Pictures:
    """Opens images and keeps what it opened, up to `limit` bytes; safe for several threads."""

    def __init__(self, processor: PaliGemmaProcessor, limit: int) -> None:
        images = processor.image_processor
        self._size = (images.size["width"], images.size["height"])
        self._resample = Image.Resampling(images.resample)
        self._mean = torch.tensor(images.image_mean).view(-1, 1, 1)
        self._std = torch.tensor(images.image_std).view(-1, 1, 1)
        self._scale = float(images.rescale_factor)
        self._kept: dict[str, Pixels] = {}
        self._left = limit
        self._lock = threading.Lock()

    def pixels(self, source: ImageSource) -> Pixels:
        """(side, side, 3), read only.

        Raises BadImageError where it cannot be opened.
        """
        key = key_of(source)
        found = self._kept.get(key)
        return self._keep(key, self._open(source)) if found is None else found

    def tensor(self, pixels: Sequence[Pixels]) -> torch.Tensor:
        """(n, 3, side, side), float32, normalised as the processor does."""
        stacked = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float()
        return ((stacked * self._scale - self._mean) / self._std).contiguous()

    def _open(self, source: ImageSource) -> Pixels:
        image = opened(source)
        return np.asarray(image.resize(self._size, self._resample), dtype=np.uint8)

    def _keep(self, key: str, pixels: Pixels) -> Pixels:
        pixels.setflags(write=False)
        with self._lock:
            if key not in self._kept and pixels.nbytes <= self._left:
                self._kept[key] = pixels
                self._left -= pixels.nbytes
        return pixels


def key_of(source: ImageSource) -> str:
    """What tells an image from others: its path, or a digest of its content."""
    if isinstance(source, Path):
        return str(source)
    content = source if isinstance(source, bytes) else np.ascontiguousarray(source).tobytes()
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def opened(source: ImageSource) -> Image.Image:
    """The image in its own size, RGB. Raises BadImageError, or BadInputError for odd pixels."""
    if isinstance(source, Path | bytes):
        name = "The image of a row"
        return open_image(source, max_pixels=MAX_PIXELS, max_bytes=MAX_BYTES, name=name).pixels
    if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3:
        raise BadInputError(f"pixels of a row are {source.dtype} {source.shape}; give uint8 RGB")
    return Image.fromarray(source)


def as_png(pixels: Pixels) -> bytes:
    """Pixels as a file, without loss."""
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()
