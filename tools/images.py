"""Open image files from strangers safely, as 8-bit RGB, and keep them under ids of their content.

A file is refused from its size and its header before a pixel is decoded; the decoding itself is
in `decoding.py`. It knows nothing of what an image shows.
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from tools.decoding import Decoder, silence_pillow
from tools.errors import BadImageError, BadInputError
from tools.pixel_size import ome_pixel_size_um

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")
UPLOAD = "The uploaded image"

_ID = re.compile(r"img-[0-9a-f]{16}")


@dataclass(frozen=True)
class OpenedImage:
    """An image ready for a model: 8-bit RGB, upright."""

    image_id: str  # "img-" + 16 hex digits of the file's sha256
    pixels: Image.Image
    notes: tuple[str, ...] = ()  # what was converted, in words
    pixel_size_um: float | None = None  # where the file states it for certain


def open_image(
    source: Path | bytes, *, max_pixels: int, max_bytes: int, name: str = UPLOAD
) -> OpenedImage:
    """Open a file, or the bytes of an upload called `name`.

    Deep images (16 bits, float) are scaled to 8 bits by their own range, transparency lies on
    white, the first page or frame stands for the file, EXIF orientation is applied.
    Raises BadImageError with a sentence that names the file and says what to do.
    """
    if isinstance(source, Path):
        name, source = source.name, _read(source, max_bytes)
    if not source:
        raise BadImageError(f"{name} is empty (0 bytes); copy or export it again.")
    if len(source) > max_bytes:
        raise _too_many_bytes(name, len(source), max_bytes)
    silence_pillow()
    pixels, notes = Decoder(source, name, max_pixels).decode()
    return OpenedImage(image_id_of(source), pixels, tuple(notes), ome_pixel_size_um(source))


def image_id_of(data: bytes) -> str:
    """The id of a file's bytes."""
    return f"img-{hashlib.sha256(data).hexdigest()[:16]}"


class Region(NamedTuple):
    """A part of an image, in pixels from its upper left corner; right and bottom are outside."""

    left: int
    top: int
    right: int
    bottom: int


def crop(pixels: Image.Image, region: Region) -> Image.Image:
    """The part of an image; BadInputError for one that is empty or reaches out of it."""
    width, height = pixels.size
    inside = 0 <= region.left < region.right <= width and 0 <= region.top < region.bottom <= height
    if not inside:
        raise BadInputError(
            f"the region {','.join(map(str, region))} (left, top, right, bottom) is not inside the "
            f"image of {width} x {height} pixels"
        )
    return pixels.crop(region)


def as_png(pixels: Image.Image) -> bytes:
    """The image as a file."""
    out = BytesIO()
    pixels.save(out, "PNG")
    return out.getvalue()


def thumbnail(pixels: Image.Image, side: int = 160) -> bytes:
    """A JPEG no longer than `side` pixels on either side, never larger than the image."""
    small = pixels.copy()
    small.thumbnail((side, side))
    out = BytesIO()
    small.save(out, "JPEG", quality=85)
    return out.getvalue()


class ImageFolder:
    """Image files kept under the id of their content; a half-written file is never seen."""

    def __init__(self, root: Path, *, max_pixels: int, max_bytes: int) -> None:
        self.root, self.max_pixels, self.max_bytes = root, max_pixels, max_bytes

    def path(self, image_id: str) -> Path:
        """Where the file is or would be; BadInputError for what is not an image id."""
        if not _ID.fullmatch(image_id):
            raise BadInputError(f"{image_id!r} is not an image id (img- and 16 hex digits)")
        return self.root / image_id[4:6] / image_id

    def put(self, data: bytes, name: str = UPLOAD) -> OpenedImage:
        """Store a file once; BadImageError, and nothing stored, for what cannot be opened."""
        opened = open_image(data, max_pixels=self.max_pixels, max_bytes=self.max_bytes, name=name)
        path = self.path(opened.image_id)
        if not path.exists():
            _write_atomically(path, data)
        return opened

    def open(self, image_id: str) -> OpenedImage:
        """A stored image; BadImageError where its file is gone or was changed."""
        opened = open_image(
            self.path(image_id), max_pixels=self.max_pixels, max_bytes=self.max_bytes
        )
        if opened.image_id != image_id:
            raise BadImageError(f"{image_id} was changed on disk; upload the image again.")
        return opened


def _read(path: Path, max_bytes: int) -> bytes:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise BadImageError(f"{path} {what}; name an image file.")
    try:
        if (size := path.stat().st_size) > max_bytes:
            raise _too_many_bytes(path.name, size, max_bytes)
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as e:
        raise BadImageError(f"{path} cannot be read: {e.strerror}.") from e


def _too_many_bytes(name: str, size: int, limit: int) -> BadImageError:
    return BadImageError(
        f"{name} has {size / 1e6:,.1f} MB, the limit is {limit / 1e6:,.1f} MB; "
        "crop it or raise CYTOSCRIBE_MAX_UPLOAD_MB."
    )


def _write_atomically(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
