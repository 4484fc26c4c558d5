"""LAION as rows: the text that stood beside an image on the web, as its caption.

What LAION's usual filters leave out is dropped; `filtered` makes the format with other limits. The
image itself is the group: nothing is known of who took it, and copies are found by their hash.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from agent import prompts
from finetune.data.layout import not_laid_out
from finetune.data.measured import MISSING, size_of
from finetune.data.row import Dropped, Encoded, Row, RowFormat
from tools.errors import BadInputError
from tools.ingest.layouts.laion import (
    LOOKS_FOR,
    USUAL,
    Home,
    Limits,
    Pair,
    Slice,
    home_of,
    pairs,
)

NO_LICENCE = "not stated"


def read(limits: Limits, root: Path, dropped: Dropped) -> Iterator[Row]:
    """One row a pair that passes the limits."""
    if (home := home_of(root)) is None:
        raise not_laid_out(root, LOOKS_FOR)
    return _rows(home, dropped, limits)


def _rows(home: Home, dropped: Dropped, limits: Limits) -> Iterator[Row]:
    for pair in pairs(home, limits):
        if pair.flaw:
            dropped[pair.flaw] += 1
            continue
        image = _image(pair, dropped)
        if image is not None and size_of(image, dropped) is not None:
            yield Row(
                name=pair.name,
                image=image,
                prefix=prompts.caption(),
                suffix=pair.caption,
                group=pair.name,
                source="laion",
                licence=pair.licence or NO_LICENCE,
                truth={"caption": pair.caption},
            )


def _image(pair: Pair, dropped: Dropped) -> Path | Encoded | None:
    if not isinstance(pair.image, Slice):
        return pair.image
    try:
        return pair.image.read()
    except BadInputError:
        dropped[MISSING] += 1
        return None


def filtered(limits: Limits) -> RowFormat:
    """The format with other thresholds than the usual."""
    reader = partial(read, limits)
    return RowFormat("laion", LOOKS_FOR, reader, "to name what an image shows, in the web's words")


FORMAT = filtered(USUAL)
