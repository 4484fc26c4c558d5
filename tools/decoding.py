"""Decode a raster file to 8-bit RGB, and say in words what had to be changed on the way.

A file is judged by its header before a pixel is decoded. Pillow decodes; tifffile serves the TIFFs
whose depth Pillow does not hold. It knows nothing of colour profiles or physical units.
"""

import re
import struct
import warnings
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base as Tag

from tools.errors import BadImageError

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")  # none of them runs code

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_TIFF_COMPRESSIONS = ("raw", "tiff_adobe_deflate", "tiff_deflate")  # tifffile's, without codecs
_DEEP_GREY = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
# What decoders raise on a damaged file; anything else is a bug of ours.
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, EOFError,
    AttributeError, RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
T = TypeVar("T")


def silence_pillow() -> None:
    """Pillow warns of odd metadata and of large images, which are judged here.

    A filter of its own and not `catch_warnings`, which is not safe between threads; looked for
    first, since adding one makes Python repeat the warnings it has shown once.
    """
    if ("ignore", None, Warning, re.compile(r"PIL\."), 0) not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")


class Decoder:
    """One file on its way to RGB, with the notes that gather on the way."""

    def __init__(self, data: bytes, name: str, max_pixels: int) -> None:
        self.data, self.name, self.max_pixels = data, name, max_pixels
        self.notes: list[str] = []

    def decode(self) -> tuple[Image.Image, list[str]]:
        image = self._guarded(self._open)
        if image is None:
            return self._without_pillow(), self.notes
        self._check_pixels(*image.size)
        if _is_deep_colour_tiff(image):
            return self._guarded(self._tiff), self.notes
        return self._guarded(lambda: self._rgb(image)), self.notes

    def _guarded(self, step: Callable[[], T]) -> T:
        """Run a step of decoding; what a decoder raises becomes a sentence."""
        try:
            return step()
        except BadImageError:
            raise
        except Image.DecompressionBombError as e:
            raise self._too_many_pixels(str(e)) from e
        except _DAMAGE as e:
            raise BadImageError(
                f"{self.name} is damaged or cut short ({e}); copy or export it again."
            ) from e

    def _open(self) -> Image.Image | None:
        try:
            return Image.open(BytesIO(self.data), formats=FORMATS)  # reads the header only
        except UnidentifiedImageError:
            return None

    def _check_pixels(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            raise self._too_many_pixels(f"{width} x {height} pixels")

    def _too_many_pixels(self, what: str) -> BadImageError:
        return BadImageError(
            f"{self.name} is too large ({what}; the limit is {self.max_pixels:,} pixels); "
            "crop it or make it smaller."
        )

    def _rgb(self, image: Image.Image) -> Image.Image:
        bits = _bits(image)
        self._note_pages(image)
        orientation, turned = _orientation(image), image.format == "TIFF"  # Pillow turns TIFF
        if image.mode in _DEEP_GREY:
            image = self._scaled(np.asarray(image), _depth(image.mode))
        elif bits > 8:  # Pillow keeps the high byte of deep colour
            image = self._scaled(np.asarray(image.convert("RGB")), "16-bit colour (high bytes)")
        elif image.has_transparency_data:
            image = _on_white(image)
            self.notes.append("transparency placed on white")
        elif image.mode not in ("RGB", "L", "1", "P"):
            self.notes.append(f"{image.mode} converted to RGB")
        image = image.convert("RGB")
        return self._upright(image, orientation, turned=turned)

    def _upright(self, image: Image.Image, orientation: int, *, turned: bool) -> Image.Image:
        if orientation not in _TURNS:
            return image
        self.notes.append("turned upright as its EXIF orientation says")
        return image if turned else image.transpose(_TURNS[orientation])

    def _note_pages(self, image: Image.Image) -> None:
        pages = getattr(image, "n_frames", 1)  # walks the file: frames are not decoded
        image.seek(0)
        if pages > 1:
            self.notes.append(f"page 1 of {pages} used")

    def _scaled(self, values: NDArray[np.generic], depth: str) -> Image.Image:
        finite = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
        if np.isnan(finite).all():
            raise BadImageError(f"{self.name} holds no finite value; export it again.")
        low, high = float(np.nanmin(finite)), float(np.nanmax(finite))
        unit = np.nan_to_num((finite - low) / ((high - low) or 1.0), nan=0.0)
        self.notes.append(f"{depth} scaled to 8-bit by its own range, {low:g} to {high:g}")
        return Image.fromarray(np.rint(unit * 255).astype(np.uint8))

    def _without_pillow(self) -> Image.Image:
        if self.data.startswith(_TIFF_MAGIC):
            return self._guarded(self._tiff)
        readable = "PNG, JPEG, TIFF, BMP, GIF or WebP"
        raise BadImageError(
            f"{self.name} is not an image that can be read here: its content is "
            f"{_kind_of(self.data)}, whatever its name says; give a {readable} file."
        )

    def _tiff(self) -> Image.Image:
        """TIFF of a depth that Pillow does not hold (16-bit colour, 64-bit float, …)."""
        import tifffile

        with tifffile.TiffFile(BytesIO(self.data)) as file:
            page = file.pages.first
            self._check_pixels(page.imagewidth, page.imagelength)
            if page.nbytes > 8 * 4 * self.max_pixels or page.compression not in (1, 8, 32946):
                raise BadImageError(
                    f"{self.name} is a TIFF of {page.nbytes:,} bytes, compression "
                    f"{page.compression}, which is not read; export it as 8-bit PNG."
                )
            self._check_inflated(page.dataoffsets, page.databytecounts, page.nbytes)
            values, pages = page.asarray(), len(file.pages)
            planar = page.planarconfig == 2 and values.ndim == 3
            orientation = page.tags.valueof(Tag.Orientation, default=1)
        if pages > 1:
            self.notes.append(f"page 1 of {pages} used")
        image = self._from_array(np.moveaxis(values, 0, -1) if planar else values)
        return self._upright(image.convert("RGB"), orientation, turned=False)

    def _check_inflated(self, offsets: tuple[int, ...], sizes: tuple[int, ...], limit: int) -> None:
        """A strip may unpack to no more than the page says: zlib itself would not stop."""
        for offset, size in zip(offsets, sizes, strict=True):
            strip = self.data[offset : offset + size]
            if (
                strip[:1] in (b"\x78", b"\x58")
                and len(zlib.decompressobj().decompress(strip, limit + 1)) > limit
            ):
                raise self._too_many_pixels("a strip unpacks to more than its page")

    def _from_array(self, values: NDArray[np.generic]) -> Image.Image:
        if values.ndim == 3 and values.shape[2] in (1, 2):
            values = values[:, :, 0]
        if values.ndim not in (2, 3):
            raise BadImageError(f"{self.name} has {values.ndim} dimensions; export one plane.")
        if values.ndim == 3:
            values = values[:, :, :3]
        return self._scaled(values, f"{values.dtype} {'grey' if values.ndim == 2 else 'colour'}")


def _bits(image: Image.Image) -> int:
    """Bits a channel in the file, where Pillow tells (TIFF tag, PNG raw mode); else 8."""
    raw = [tile[3] for tile in getattr(image, "tile", ())]
    modes = [r if isinstance(r, str) else r[0] for r in raw if r]
    return 16 if any(isinstance(m, str) and ";16" in m for m in modes) else 8


def _is_deep_colour_tiff(image: Image.Image) -> bool:
    readable = image.info.get("compression", "raw") in _TIFF_COMPRESSIONS
    deep = image.mode not in _DEEP_GREY and _bits(image) > 8
    return image.format == "TIFF" and deep and readable


def _depth(mode: str) -> str:
    return {"F": "32-bit float grey", "I": "32-bit grey"}.get(mode, "16-bit grey")


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(Tag.Orientation)
    except _DAMAGE:  # broken metadata says nothing; the pixels may still be good
        return 1
    return found if isinstance(found, int) else 1


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("La", "RGBa"):  # premultiplied
        image = image.convert(image.mode.upper())
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image)


def _kind_of(data: bytes) -> str:
    if data.startswith((b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"RIFF")):
        return "an image whose header is broken"
    known = {b"%PDF": "a PDF", b"%!PS": "PostScript", b"PK\3\4": "a zip archive or an office file"}
    for magic, kind in known.items():
        if data.startswith(magic):
            return kind
    head = data[:512]
    return "text" if b"\0" not in head and head.isascii() else "unknown"
