"""Literature formats, one module each, recognised by the first characters of a file."""

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from tools.errors import BadInputError
from tools.ingest.formats import beir, jats, medline, mimic, pubmed_xml, pubmedqa, pubtator
from tools.ingest.formats.record import Deletion, Format, Record, Unreadable

FORMATS: tuple[Format, ...] = (
    pubmed_xml.FORMAT,
    jats.FORMAT,
    pubmedqa.FORMAT,
    beir.FORMAT,
    pubtator.FORMAT,
    medline.FORMAT,
    mimic.FORMAT,
)
HEAD = 8192  # bytes

__all__ = [
    "FORMATS", "Deletion", "Format", "Record", "Unreadable", "format_of", "named", "unpacked",
]  # fmt: skip


def named(name: str) -> Format:
    """The format of that name."""
    for known in FORMATS:
        if known.name == name:
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise BadInputError(f"no format is called {name!r}; known: {names}")


def format_of(path: Path) -> Format | None:
    """The format of a file by its content; None for anything else, unreadable files among it."""
    try:
        with path.open("rb") as file:
            head = unpacked(path, file).read(HEAD).decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error):
        return None
    return next((known for known in FORMATS if known.recognises(head)), None)


def unpacked(path: Path, file: BinaryIO) -> BinaryIO:
    """The file, unpacked on the way if its name ends in .gz."""
    return cast(BinaryIO, gzip.open(file)) if path.suffix == ".gz" else file
