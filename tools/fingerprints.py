"""What is kept of an image to find it again: a hash and a thumbnail, 776 bytes.

A near-duplicate is found by a difference hash of 64 bits (Krawetz 2013) that agrees to 4 bits,
confirmed by a thumbnail; rotated copies and two photographs of one cell are not found.
"""

from array import array
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.decoding import FORMATS, silence_pillow
from tools.errors import BadImageError

HASH_BITS_APART = 4
THUMBNAIL_GREYS_APART = 8.0
SIDE = 16  # of the thumbnail
LARGEST = 200_000_000  # pixels
_DRAFT = (128, 128)  # a JPEG is decoded no larger than needed
_DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises


@dataclass(frozen=True)
class Fingerprint:
    """`bits` holds 64 signs of a gradient, `thumbnail` 16 x 16 x 3 values of RGB."""

    bits: int
    thumbnail: bytes

    def like(self, other: "Fingerprint") -> bool:
        """Whether both show nearly the same picture."""
        if (self.bits ^ other.bits).bit_count() > HASH_BITS_APART:
            return False
        ours, theirs = (np.frombuffer(one.thumbnail, np.uint8) for one in (self, other))
        return bool(np.abs(ours.astype(float) - theirs).mean() < THUMBNAIL_GREYS_APART)


class Fingerprints:
    """Fingerprints of many images, by the order they were added in."""

    def __init__(self) -> None:
        self._bits, self._thumbnails = array("Q"), bytearray()

    def __len__(self) -> int:
        return len(self._bits)

    def add(self, found: Fingerprint) -> None:
        self._bits.append(found.bits)
        self._thumbnails += found.thumbnail

    def thumbnails(self, which: NDArray[np.intp]) -> NDArray[np.float32]:
        """(n, 768)"""
        every = np.frombuffer(self._thumbnails, np.uint8).reshape(len(self), -1)
        return every[which].astype(np.float32)

    def like(self, one: int, others: NDArray[np.intp]) -> NDArray[np.intp]:
        """Those of the others that show nearly the same picture as `one`."""
        bits = np.frombuffer(self._bits, np.uint64)
        near: NDArray[np.intp] = others[
            np.bitwise_count(bits[others] ^ bits[one]) <= HASH_BITS_APART
        ]
        if not len(near):
            return near
        apart = np.abs(self.thumbnails(near) - self.thumbnails(np.array([one]))).mean(1)
        close: NDArray[np.intp] = near[apart < THUMBNAIL_GREYS_APART]
        return close


def fingerprint(source: Path | bytes | NDArray[np.uint8]) -> Fingerprint:
    """Of a file, its bytes or its pixels. Raises BadImageError where it cannot be decoded."""
    silence_pillow()
    try:
        with _opened(source) as image:
            if image.width * image.height > LARGEST:
                raise BadImageError(f"an image of {image.width} x {image.height} is too large")
            image.draft("RGB", _DRAFT)
            return _of(image.convert("RGB"))
    except _DAMAGE as e:
        raise BadImageError(f"an image is damaged or cut short ({e})") from e


def _opened(source: Path | bytes | NDArray[np.uint8]) -> Image.Image:
    if isinstance(source, np.ndarray):
        return Image.fromarray(source)
    return Image.open(BytesIO(source) if isinstance(source, bytes) else source, "r", FORMATS)


def _of(image: Image.Image) -> Fingerprint:
    small = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return Fingerprint(difference_bits(image), small.tobytes())


def difference_bits(image: Image.Image) -> int:
    """64 signs of the horizontal gradient of a 9 x 8 grey thumbnail."""
    grey = image.convert("L").resize((9, 8), Image.Resampling.BILINEAR)
    values = np.asarray(grey, dtype=np.int16)
    return int.from_bytes(np.packbits(values[:, 1:] > values[:, :-1]).tobytes(), "big")
