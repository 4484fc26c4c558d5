"""MEDLINE text, PubMed's format with tags such as `PMID-`, `TI  -`, `AB  -` (by Biopython)."""

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

RETRACTED = "Retracted Publication"


def read(stream: BinaryIO, corpus: str) -> Iterator[Record]:
    """Articles of a MEDLINE text stream."""
    from Bio import Medline

    try:
        with as_text(stream) as text:
            for record in filter(None, Medline.parse(text)):  # type: ignore[no-untyped-call]
                yield _article(record, corpus)
    except DAMAGE as e:
        yield Unreadable("the rest of the file", f"is damaged or not UTF-8 text ({e})")


def _article(record: dict[str, Any], corpus: str) -> Record:
    pmid = pmid_in(record.get("PMID"))
    if pmid is None:
        return Unreadable(f"a record ({str(record.get('TI', ''))[:60]})", "has no PMID")
    types = record.get("PT", [])
    return article(
        source_id=f"pmid:{pmid}",
        pmid=pmid,
        doi=_doi(record),
        title=record.get("TI", ""),
        journal=record.get("JT") or record.get("TA"),
        year=year_in(record.get("DP")),
        mesh_terms=[_descriptor(term) for term in record.get("MH", [])],
        publication_types=types,
        retracted=RETRACTED in types or "RIN" in record,
        corpus=corpus,
        sections=[("abstract", record.get("AB", ""))],
    )


def _descriptor(term: str) -> str:
    """The heading without its stars and qualifiers: "*Software/trends" -> "Software"."""
    return term.split("/")[0].replace("*", "")


def _doi(record: dict[str, Any]) -> str | None:
    lid = record.get("LID", "")
    ids = [*record.get("AID", []), *(lid if isinstance(lid, list) else [lid])]
    return next((i.removesuffix(" [doi]") for i in ids if i.endswith(" [doi]")), None)


FORMAT = Format(
    "medline",
    "MEDLINE text (lines such as 'PMID- 123')",
    (".txt", ".nbib", ".medline"),
    lambda head: head.lstrip().startswith("PMID- ") or "\nPMID- " in head,
    read,
)
