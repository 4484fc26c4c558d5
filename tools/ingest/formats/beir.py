"""BEIR's corpus.jsonl ({_id, title, text}) and SciFact's own ({doc_id, title, abstract}).

Ids are the corpus' own: "s2:123" for SciFact, whose ids are Semantic Scholar's, else
"corpus:123". A PMID is taken only where the record states one.
"""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

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


def read(stream: BinaryIO, corpus: str) -> Iterator[Record]:
    """Articles of a jsonl stream, one a line."""
    try:
        with as_text(stream) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _record(line, number, corpus)
    except DAMAGE as e:
        yield Unreadable("the rest of the file", f"is damaged or not UTF-8 text ({e})")


def _record(line: str, number: int, corpus: str) -> Record:
    try:
        row = json.loads(line)
    except ValueError as e:
        return Unreadable(f"line {number}", f"is not JSON ({e})")
    if not isinstance(row, dict) or _id(row) is None or _text(row) is None:
        return Unreadable(f"line {number}", "has no _id and text (or doc_id and abstract)")
    return _article(row, corpus)


def _article(row: dict[str, Any], corpus: str) -> Record:
    metadata = row.get("metadata") if isinstance(row.get("metadata"), dict) else {}
    told = {**(metadata or {}), **row}
    pmid = pmid_in(told.get("pmid") or told.get("pubmed_id"))
    own = "s2" if "doc_id" in row or "scifact" in corpus.lower() else corpus
    return article(
        source_id=f"pmid:{pmid}" if pmid else f"{own}:{_id(row)}",
        pmid=pmid,
        title=str(row.get("title") or ""),
        year=year_in(str(told.get("year") or "")),
        corpus=corpus,
        sections=[("abstract", _text(row) or "")],
    )


def _id(row: dict[str, Any]) -> str | None:
    found = row.get("_id", row.get("doc_id"))
    return None if found is None else str(found)


def _text(row: dict[str, Any]) -> str | None:
    found = row.get("text", row.get("abstract"))
    if isinstance(found, list):
        return " ".join(map(str, found))
    return found if isinstance(found, str) else None


def recognises(head: str) -> bool:
    """Whether the first line is a document: queries have no title, claims no text."""
    keys = ('"_id"', '"title"', '"text"'), ('"doc_id"', '"title"', '"abstract"')
    return head.lstrip().startswith("{") and any(all(k in head for k in ks) for ks in keys)


FORMAT = Format(
    "beir",
    "BEIR corpus.jsonl ({_id, title, text})",
    (".jsonl",),
    recognises,
    read,
)
