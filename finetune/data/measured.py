"""Width and height of an image, from its header, so that missing and broken ones are told early.

No pixel is decoded: damage behind the header is found by whoever opens the image.
"""

from io import BytesIO
from pathlib import Path

from PIL import Image

from finetune.data.row import Dropped, Encoded
from tools.decoding import FORMATS, silence_pillow

MISSING, BROKEN = "its image is missing", "its image is broken"
_DAMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises


def size_of(image: Path | Encoded, dropped: Dropped) -> tuple[int, int] | None:
    """(width, height) in pixels; None, and why in `dropped`, where it cannot be opened."""
    silence_pillow()
    try:
        with Image.open(BytesIO(image) if isinstance(image, bytes) else image, "r", FORMATS) as at:
            return at.size
    except FileNotFoundError:
        dropped[MISSING] += 1
    except _DAMAGE:
        dropped[BROKEN] += 1
    return None
