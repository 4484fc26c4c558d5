"""PubTator text: `PMID|t|title`, `PMID|a|abstract`, then annotations, which are not read."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from tools.ingest.formats.record import (
    DAMAGE,
    Format,
    Record,
    Unreadable,
    article,
    as_text,
    pmid_in,
)

_LINE = re.compile(r"(\d+)\|([ta])\|(.*)")


def read(stream: BinaryIO, corpus: str) -> Iterator[Record]:
    """Articles of a PubTator stream."""
    pmid, parts = "", dict[str, str]()
    try:
        with as_text(stream) as lines:
            for found in filter(None, map(_LINE.match, lines)):
                if found[1] != pmid and parts:
                    yield _article(pmid, parts, corpus)
                    parts = {}
                pmid = found[1]
                parts[found[2]] = found[3]
    except DAMAGE as e:
        yield Unreadable("the rest of the file", f"is damaged or not UTF-8 text ({e})")
    if parts:
        yield _article(pmid, parts, corpus)


def _article(number: str, parts: dict[str, str], corpus: str) -> Record:
    if (pmid := pmid_in(number)) is None:
        return Unreadable(f"the record {number}", "has no PMID")
    return article(
        source_id=f"pmid:{pmid}",
        pmid=pmid,
        title=parts.get("t", ""),
        corpus=corpus,
        sections=[("abstract", parts.get("a", ""))],
    )


FORMAT = Format(
    "pubtator",
    "PubTator text (lines such as '123|t|title')",
    (".txt", ".pubtator"),
    lambda head: bool(re.search(r"^\d+\|[ta]\|", head, re.MULTILINE)),
    read,
)
