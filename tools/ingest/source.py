"""A literature file: what it is, whether it came whole, and its records a window at a time."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tools.errors import BadInputError
from tools.ingest.batches import batches
from tools.ingest.formats import Format, Record, unpacked

WINDOW = 1024  # articles a transaction, and the texts among which those of like length are put


@dataclass(frozen=True)
class Source:
    """A file and how to read it."""

    path: Path
    format: Format
    corpus: str

    @cached_property
    def size(self) -> int:
        """In bytes, as it lies on the disk."""
        return self.path.stat().st_size

    def sha256(self) -> str:
        """Of the file. BadInputError where the .md5 beside it, as PubMed ships one, disagrees."""
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if said := _said_md5(self.path):
                file.seek(0)
                md5 = lambda: hashlib.md5(usedforsecurity=False)  # noqa: E731
                if (found := hashlib.file_digest(file, md5).hexdigest()) != said:
                    raise BadInputError(
                        f"has the MD5 {found}, and {self.path.name}.md5 says {said}: fetch it again"
                    )
        return digest

    def windows(self) -> Iterator[tuple[list[Record], int]]:
        """Its records, and how many bytes of the file are read so far."""
        with self.path.open("rb") as file:
            for window in batches(self.format.read(unpacked(self.path, file), self.corpus), WINDOW):
                yield window, file.tell()


def _said_md5(path: Path) -> str | None:
    """The digest in "FILE.md5": `MD5(FILE)= 32 hex digits`, or the digits alone."""
    beside = path.with_name(path.name + ".md5")
    if not beside.is_file():
        return None
    found = re.search(r"\b[0-9a-f]{32}\b", beside.read_text("utf-8", "replace").lower())
    return found[0] if found else None
