"""PubMedQA JSON (Jin et al. 2019): an object from PMID to question, contexts, labels, MeSH, year.

The contexts are the sections of the abstract but for its conclusion. The file has no titles, and
the question is not taken for one. The conclusion (LONG_ANSWER) is the answer of the benchmark and
stays out of the library. Objects are read one at a time, however large the file.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

from tools.ingest.formats.record import (
    DAMAGE,
    Format,
    Record,
    Unreadable,
    article,
    as_text,
    pmid_in,
    year_in,
)

CHUNK = 1 << 16
_KEY = re.compile(r'[\s{,]*"([^"]*)"\s*:\s*(?=\S)')
_END = re.compile(r"[\s{]*\}\s*")


def read(stream: BinaryIO, corpus: str) -> Iterator[Record]:
    """Articles of a PubMedQA file."""
    try:
        with as_text(stream) as text:
            for pmid, entry in members(text):
                yield _article(pmid, entry, corpus)
    except (ValueError, *DAMAGE) as e:  # JSON's errors are ValueErrors
        yield Unreadable("the rest of the file", f"is damaged or cut short ({e})")


def _article(key: str, entry: Any, corpus: str) -> Record:
    pmid = pmid_in(key)
    if pmid is None or not isinstance(entry, dict) or "CONTEXTS" not in entry:
        return Unreadable(f"the entry {key[:40]!r}", "is not PMID: {CONTEXTS, …}")
    contexts = [str(text) for text in entry["CONTEXTS"]]
    labels = [str(label).strip(" ,") for label in entry.get("LABELS") or []]
    labels += ["abstract"] * (len(contexts) - len(labels))
    return article(
        source_id=f"pmid:{pmid}",
        pmid=pmid,
        year=year_in(str(entry.get("YEAR") or "")),
        mesh_terms=[str(term) for term in entry.get("MESHES") or []],
        corpus=corpus,
        sections=zip(labels, contexts, strict=False),
    )


def members(text: TextIO) -> Iterator[tuple[str, Any]]:
    """Key and value of each member of the object in JSON text; ValueError if it is broken."""
    decoder = json.JSONDecoder()
    buffer, more = "", True
    while True:
        key = _KEY.match(buffer)
        try:
            value, end = decoder.raw_decode(buffer, key.end()) if key else (None, 0)
        except ValueError:
            end = 0
        if key and (end < len(buffer) or not more) and end:
            yield key[1], value
            buffer = buffer[end:]
            continue
        if not more:
            break
        chunk = text.read(CHUNK)
        buffer, more = buffer + chunk, bool(chunk)
    if not _END.fullmatch(buffer):
        raise ValueError(f"no JSON object member at {buffer[:40]!r}")


FORMAT = Format(
    "pubmedqa",
    "PubMedQA JSON ({PMID: {CONTEXTS, LABELS, …}})",
    (".json",),
    lambda head: bool(re.match(r'\s*\{\s*"\d+"\s*:\s*\{', head)),
    read,
)
