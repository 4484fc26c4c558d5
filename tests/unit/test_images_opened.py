"""Opening image files: every form that is answered, every form that is refused."""

import random
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tools.errors import BadImageError, BadInputError
from tools.images import ImageFolder, OpenedImage, Region, crop, open_image, thumbnail

LIMITS = {"max_pixels": 10_000, "max_bytes": 100_000}
RED, WHITE = (200, 30, 30), (255, 255, 255)


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def tiff(array: np.ndarray, **options: object) -> bytes:
    out = BytesIO()
    tifffile.imwrite(out, array, **options)
    return out.getvalue()


def opened(data: bytes) -> OpenedImage:
    image = open_image(data, **LIMITS)
    assert image.pixels.mode == "RGB"
    return image


def refused(source: bytes | Path, **limits: int) -> str:
    with pytest.raises(BadImageError) as caught:
        open_image(source, **(LIMITS | limits))
    return str(caught.value)


@pytest.fixture
def photo() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "JPEG", "WEBP"])
def test_each_allowed_format_opens_without_a_note(photo, form):
    image = opened(encoded(photo, form))
    assert image.pixels.size == (60, 40)
    assert image.notes == ()


def test_lossless_pixels_arrive_unchanged(photo):
    assert np.array_equal(np.asarray(opened(encoded(photo)).pixels), np.asarray(photo))


def test_the_id_is_of_the_bytes_and_not_of_the_name(tmp_path, photo):
    data = encoded(photo)
    (tmp_path / "a.png").write_bytes(data)
    assert open_image(tmp_path / "a.png", **LIMITS).image_id == opened(data).image_id
    assert opened(data).image_id != opened(encoded(photo, "BMP")).image_id


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"])
def test_a_truncated_file_is_refused_by_name(tmp_path, photo, form):
    path = tmp_path / "cell.img"
    path.write_bytes(encoded(photo, form)[:-1000])
    assert "cell.img is damaged or cut short" in refused(path)


def test_a_zero_byte_file_is_refused_by_name(tmp_path):
    (tmp_path / "empty.png").touch()
    assert "empty.png is empty" in refused(tmp_path / "empty.png")


def test_a_text_file_called_png_is_refused_as_text(tmp_path):
    (tmp_path / "notes.png").write_text("dear diary")
    message = refused(tmp_path / "notes.png")
    assert "notes.png is not an image" in message
    assert "text" in message


def test_formats_that_run_code_are_refused():
    assert "a PDF" in refused(b"%PDF-1.7 ...")
    assert "PostScript" in refused(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")


def test_missing_files_and_folders_are_named(tmp_path):
    assert "does not exist" in refused(tmp_path / "no.png")
    assert "is a folder" in refused(tmp_path)


def test_a_png_renamed_jpg_opens_by_its_content(tmp_path, photo):
    (tmp_path / "cell.jpg").write_bytes(encoded(photo))
    assert open_image(tmp_path / "cell.jpg", **LIMITS).pixels.size == (60, 40)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "GIF"])
def test_too_many_pixels_are_refused(form):
    assert "too large (200 x 100 pixels" in refused(encoded(Image.new("L", (200, 100)), form))


def test_a_decompression_bomb_is_refused_from_its_header():
    header = encoded(Image.new("1", (1, 1)))
    bomb = bytearray(header)
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    assert "too large" in refused(bytes(bomb), max_pixels=100_000_000)
    assert "too large" in refused(bytes(bomb), max_pixels=10**12)  # Pillow's own limit


def test_too_many_bytes_are_refused_before_reading(tmp_path, photo):
    (tmp_path / "big.bmp").write_bytes(encoded(photo, "BMP"))
    assert "big.bmp has 0.0 MB" in refused(tmp_path / "big.bmp", max_bytes=7000)
    assert "limit" in refused(encoded(photo, "BMP"), max_bytes=7000)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_by_its_own_range(form):
    ramp = np.linspace(1000, 4095, 256).astype(np.uint16).reshape(16, 16)
    image = opened(encoded(Image.fromarray(ramp), form))
    assert image.pixels.getextrema()[0] == (0, 255)
    assert image.notes == ("16-bit grey scaled to 8-bit by its own range, 1000 to 4095",)


def test_a_big_endian_16_bit_tiff_opens():
    image = opened(tiff(np.arange(256, dtype=">u2").reshape(16, 16) * 9, byteorder=">"))
    assert np.asarray(image.pixels)[0, :3, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_16_bit_colour_tiff_keeps_its_depth(compression):
    ramp = np.repeat(np.arange(256, dtype=np.uint16).reshape(16, 16, 1), 3, 2)
    image = opened(tiff(ramp, photometric="rgb", compression=compression))
    assert np.asarray(image.pixels)[-1, -1].tolist() == [255, 255, 255]
    assert "uint16 colour scaled to 8-bit" in image.notes[0]


def test_a_strip_that_unpacks_to_more_than_its_page_is_refused():
    data = bytearray(tiff(np.zeros((16, 16, 3), np.uint16), photometric="rgb", compression="zlib"))
    with tifffile.TiffFile(BytesIO(data)) as file:
        count = file.pages.first.tags["StripByteCounts"].valueoffset
        offset = file.pages.first.tags["StripOffsets"].valueoffset
    bomb = zlib.compress(bytes(10_000_000))
    data[count : count + 4] = len(bomb).to_bytes(4, "little")
    data[offset : offset + 4] = len(data).to_bytes(4, "little")
    assert "unpacks to more" in refused(bytes(data) + bomb)


def test_16_bit_colour_png_says_that_high_bytes_were_used():
    rows = b"".join(b"\0" + bytes([v, 9] * 3 * 4) for v in (16, 32, 48))
    assert opened(png48(4, 3, rows)).notes[0].startswith("16-bit colour (high bytes) scaled")


def png48(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + crc

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    header = chunk(b"IHDR", size + bytes([16, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint32])
def test_deep_grey_tiffs_are_scaled(dtype):
    image = opened(tiff(np.arange(64, dtype=dtype).reshape(8, 8)))
    assert image.pixels.getextrema()[0] == (0, 255)
    assert "scaled to 8-bit by its own range, 0 to 63" in image.notes[0]


def test_missing_values_of_a_float_image_are_black():
    values = np.array([[np.nan, 1.0], [np.inf, 2.0]], np.float32)
    assert np.asarray(opened(tiff(values)).pixels)[:, :, 0].tolist() == [[0, 0], [0, 255]]


def test_a_float_image_without_a_value_is_refused():
    assert "no finite value" in refused(tiff(np.full((4, 4), np.nan, np.float32)))


def test_a_constant_16_bit_image_is_black():
    assert opened(tiff(np.full((4, 4), 700, np.uint16))).pixels.getextrema()[0] == (0, 0)


def test_the_first_page_of_a_tiff_stands_for_it():
    pages = [Image.new("RGB", (8, 8), colour) for colour in (RED, WHITE, WHITE)]
    image = opened(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    assert image.pixels.getpixel((0, 0)) == RED
    assert image.notes == ("page 1 of 3 used",)


def test_the_first_page_of_a_deep_tiff_stack_stands_for_it():
    stack = np.stack([np.arange(16).reshape(4, 4)] * 5).astype(np.uint32)
    image = opened(tiff(stack, photometric="minisblack"))
    assert "page 1 of 5 used" in image.notes


def test_the_first_frame_of_an_animation_stands_for_it():
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, WHITE)]
    image = opened(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert image.pixels.getpixel((0, 0)) == RED
    assert image.notes == ("page 1 of 2 used",)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(form):
    image = opened(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), form))
    red, green, blue = image.pixels.getpixel((0, 0))
    assert red > 200
    assert max(green, blue) < 60
    assert image.notes == ("CMYK converted to RGB",)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_lies_on_white(mode):
    image = opened(encoded(Image.new(mode, (8, 8), (0,) * len(mode))))
    assert image.pixels.getpixel((0, 0)) == WHITE
    assert image.notes == ("transparency placed on white",)


def test_a_transparent_palette_colour_lies_on_white():
    palette = Image.new("RGB", (8, 8), RED).quantize(4)
    assert opened(encoded(palette)).pixels.getpixel((0, 0)) == RED
    assert opened(encoded(palette, transparency=0)).pixels.getpixel((0, 0)) == WHITE


@pytest.mark.parametrize(("mode", "value"), [("L", 77), ("1", 1), ("P", 0)])
def test_grey_bilevel_and_palette_open_without_a_note(mode, value):
    image = opened(encoded(Image.new(mode, (8, 8), value)))
    assert len(set(image.pixels.getpixel((0, 0)))) == 1
    assert image.notes == ()


def test_the_orientation_of_a_deep_colour_tiff_is_applied():
    ramp = np.arange(8 * 4 * 3, dtype=np.uint16).reshape(8, 4, 3)
    turned = tiff(ramp, photometric="rgb", extratags=[(274, "H", 1, 6, True)])
    assert opened(turned).pixels.size == (8, 4)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize(("orientation", "size"), [(3, (60, 40)), (6, (40, 60))])
def test_exif_orientation_is_applied(photo, form, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = opened(encoded(photo, form, exif=exif))
    assert image.pixels.size == size
    assert image.notes == ("turned upright as its EXIF orientation says",)


def test_broken_exif_does_not_cost_the_image(photo):
    assert opened(encoded(photo, "JPEG", exif=b"Exif\0\0rubbish")).pixels.size == (60, 40)


def test_pillow_warns_nobody(photo):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        opened(encoded(photo.quantize(4), "PNG", transparency=b"\0\1\2\3"))
        open_image(encoded(Image.new("1", (9500, 9500))), max_pixels=10**8, max_bytes=10**7)
    assert seen == []


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"])
def test_a_damaged_file_is_opened_or_refused_and_never_crashes(photo, form):
    dice, good = random.Random(form), encoded(photo, form)
    for _ in range(150):
        bad = bytearray(good)
        for _ in range(dice.randint(1, 20)):
            bad[dice.randrange(len(bad))] = dice.randrange(256)
        try:
            open_image(bytes(bad), max_pixels=1_000_000, max_bytes=10**6)
        except BadImageError as e:
            assert str(e).startswith("The uploaded image ")


def test_damaged_deep_tiffs_are_opened_or_refused():
    dice, good = random.Random(1), tiff(np.ones((8, 8, 3), np.uint16), photometric="rgb")
    for _ in range(300):
        bad = bytearray(good)
        bad[dice.randrange(len(bad))] = dice.randrange(256)
        try:
            open_image(bytes(bad), max_pixels=1_000_000, max_bytes=10**6)
        except BadImageError as e:
            assert str(e).startswith("The uploaded image ")


def test_a_thumbnail_is_a_small_jpeg_and_never_grows(photo):
    small = Image.open(BytesIO(thumbnail(photo.resize((400, 300)))))
    assert (small.format, small.size) == ("JPEG", (160, 120))
    assert Image.open(BytesIO(thumbnail(photo))).size == (60, 40)


@pytest.fixture
def folder(tmp_path) -> ImageFolder:
    return ImageFolder(tmp_path / "images", **LIMITS)


def test_an_image_is_kept_once_and_comes_back_the_same(folder, photo):
    first, again = folder.put(encoded(photo)), folder.put(encoded(photo))
    assert first.image_id == again.image_id
    assert folder.path(first.image_id).read_bytes() == encoded(photo)
    assert folder.open(first.image_id).pixels.tobytes() == photo.tobytes()
    assert len([p for p in folder.root.rglob("*") if p.is_file()]) == 1


def test_a_bad_image_leaves_nothing_behind(folder):
    with pytest.raises(BadImageError, match=r"cell\.png"):
        folder.put(b"rubbish", "cell.png")
    assert not folder.root.exists()


def test_an_id_cannot_name_a_file_elsewhere(folder):
    with pytest.raises(BadInputError, match="not an image id"):
        folder.path("../../etc/passwd")


def test_a_stored_file_that_changed_is_refused(folder, photo):
    image_id = folder.put(encoded(photo)).image_id
    folder.path(image_id).write_bytes(encoded(photo, "BMP"))
    with pytest.raises(BadImageError, match="changed on disk"):
        folder.open(image_id)


def test_a_region_is_cut_out_and_must_lie_inside():
    image = Image.new("RGB", (40, 30))
    assert crop(image, Region(30, 0, 40, 30)).size == (10, 30)
    for outside in (Region(30, 0, 41, 30), Region(5, 5, 5, 9), Region(-1, 0, 9, 9)):
        with pytest.raises(BadInputError, match="not inside the image of 40 x 30"):
            crop(image, outside)
