"""PubMed XML, as efetch and the baseline files give it: PubmedArticleSet/PubmedArticle.

Follows NLM's PubmedArticleSet DTD. A labelled abstract keeps its labels as sections. Translated
abstracts and book records are left out. An update file gives later versions of citations, and at
its end those that were deleted.
"""

from collections.abc import Iterator
from datetime import date
from typing import BinaryIO
from xml.etree.ElementTree import Element

from tools.ingest.formats.record import (
    Deletion,
    Format,
    Record,
    Unreadable,
    article,
    elements,
    pmid_in,
    text_of,
    year_in,
)

RETRACTED = "Retracted Publication"


def read(stream: BinaryIO, corpus: str) -> Iterator[Record]:
    """Articles of a PubMed XML stream."""
    for found in elements(stream, "PubmedArticle", "PubmedBookArticle", "DeleteCitation"):
        if isinstance(found, Unreadable):
            yield found
        elif found.tag == "DeleteCitation":
            gone = filter(None, (pmid_in(pmid.text) for pmid in found.findall("PMID")))
            yield Deletion(tuple(f"pmid:{pmid}" for pmid in gone))
        elif found.tag == "PubmedBookArticle":
            yield Unreadable(f"pmid:{found.findtext('.//PMID')}", "is a book, not an article")
        else:
            yield read_article(found, corpus)


def read_article(record: Element, corpus: str) -> Record:
    """One PubmedArticle element."""
    pmid = pmid_in(record.findtext("MedlineCitation/PMID"))
    paper = record.find("MedlineCitation/Article")
    if pmid is None or paper is None:
        return Unreadable("a record", "has no PMID")
    types = [text_of(t) for t in paper.findall("PublicationTypeList/PublicationType")]
    return article(
        source_id=f"pmid:{pmid}",
        pmid=pmid,
        doi=_doi(record),
        title=text_of(paper.find("ArticleTitle")),
        journal=text_of(paper.find("Journal/Title")),
        year=_year(paper),
        mesh_terms=map(text_of, record.findall(".//MeshHeading/DescriptorName")),
        publication_types=types,
        retracted=RETRACTED in types or _retraction_noted(record),
        corpus=corpus,
        version=_version(record),
        revised=_revised(record),
        sections=_sections(paper),
    )


def _sections(paper: Element) -> Iterator[tuple[str, str]]:
    for part in paper.findall("Abstract/AbstractText"):
        yield part.get("Label") or "abstract", text_of(part)


def _year(paper: Element) -> int | None:
    date = paper.find("Journal/JournalIssue/PubDate")
    printed = None if date is None else date.findtext("Year") or date.findtext("MedlineDate")
    return year_in(printed) or year_in(paper.findtext("ArticleDate/Year"))


def _version(record: Element) -> int:
    """A few journals publish versions of one article under one PMID."""
    number = record.find("MedlineCitation/PMID")
    said = "" if number is None else number.get("Version", "")
    return int(said) if said.isdecimal() else 1


def _revised(record: Element) -> date | None:
    """When the record last changed; a young one says only when it was entered."""
    entered = "PubmedData/History/PubMedPubDate[@PubStatus='entrez']"
    for path in ("MedlineCitation/DateRevised", "MedlineCitation/DateCompleted", entered):
        if (said := record.find(path)) is not None:
            try:
                return date(*(int(said.findtext(part, "")) for part in ("Year", "Month", "Day")))
            except ValueError:
                continue
    return None


def _doi(record: Element) -> str | None:
    listed = record.find("PubmedData/ArticleIdList/ArticleId[@IdType='doi']")
    located = record.find("MedlineCitation/Article/ELocationID[@EIdType='doi']")
    return text_of(listed) or text_of(located) or None


def _retraction_noted(record: Element) -> bool:
    notes = record.findall("MedlineCitation/CommentsCorrectionsList/CommentsCorrections")
    return any(note.get("RefType") == "RetractionIn" for note in notes)


FORMAT = Format(
    "pubmed-xml",
    "PubMed XML (PubmedArticleSet)",
    (".xml",),
    lambda head: "<PubmedArticle" in head or "PubmedArticleSet" in head,
    read,
)
