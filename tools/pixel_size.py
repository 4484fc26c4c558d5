"""The size of a pixel as an OME-TIFF states it, in µm; what other files say is not trusted.

The resolution tags of plain TIFF, PNG and JPEG mostly hold a printer's 72 dpi. OME-XML states a
physical size with its unit (openmicroscopy.org/Schemas/OME/2016-06, Pixels/PhysicalSizeX).
"""

from io import BytesIO
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image
from PIL.ExifTags import Base as Tag

TIFF = (b"II*\0", b"MM\0*")
MICROMETRES = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3}
LONGEST = 1_000_000  # characters of OME-XML that are read
PLAUSIBLE = (1e-3, 1e2)  # µm


def ome_pixel_size_um(data: bytes) -> float | None:
    """µm a pixel of an OME-TIFF whose pixels are square; None for anything else."""
    if not data.startswith(TIFF):
        return None
    try:
        with Image.open(BytesIO(data), formats=("TIFF",)) as image:
            text = str(image.getexif().get(Tag.ImageDescription, ""))
        if "<OME" not in text[:4096] or len(text) > LONGEST:
            return None
        root = fromstring(text.encode())
        pixels = next((e.attrib for e in root.iter() if e.tag.endswith("}Pixels")), {})
        x, y = (_micrometres(pixels, side) for side in "XY")
    except (OSError, ValueError, KeyError, SyntaxError, ParseError, DefusedXmlException):
        return None  # broken metadata says nothing; the pixels may still be good
    return x if abs(x - y) <= 0.01 * x and PLAUSIBLE[0] <= x <= PLAUSIBLE[1] else None


def _micrometres(pixels: dict[str, str], side: str) -> float:
    unit = pixels.get(f"PhysicalSize{side}Unit", "µm")
    return float(pixels[f"PhysicalSize{side}"]) * MICROMETRES[unit]
