"""PMC full text in JATS XML: abstract, sections of the body and figure captions as passages.

Each paragraph's text is kept whole; tables and formulae set apart are left out. The id is PMC's,
since the same article may be in the library as a PubMed abstract under its PMID.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import BinaryIO
from xml.etree.ElementTree import Element

from tools.ingest.formats.record import (
    Format,
    Record,
    Unreadable,
    article,
    elements,
    pmid_in,
    text_of,
    year_in,
)

APART = ("fig", "fig-group", "table-wrap", "disp-formula", "supplementary-material", "fn")


def read(stream: BinaryIO, corpus: str) -> Iterator[Record]:
    """The article, or the articles of a set."""
    for found in elements(stream, "article"):
        yield found if isinstance(found, Unreadable) else read_article(found, corpus)


def read_article(root: Element, corpus: str) -> Record:
    """One article element."""
    meta = root.find("front/article-meta")
    if meta is None:
        return Unreadable("an article", "has no front/article-meta")
    pmid = pmid_in(_id(meta, "pmid"))
    pmc, doi = _id(meta, "pmc") or _id(meta, "pmcid"), _id(meta, "doi")
    source_id = (
        f"pmc:PMC{pmc.upper().removeprefix('PMC')}"
        if pmc
        else f"pmid:{pmid}"
        if pmid
        else f"doi:{doi}"
        if doi
        else None
    )
    if source_id is None:
        return Unreadable("an article", "has no PMC id, PMID or DOI")
    title = text_of(meta.find("title-group/article-title"))
    return article(
        source_id=source_id,
        pmid=pmid,
        doi=doi,
        title=title,
        journal=text_of(root.find("front/journal-meta//journal-title")),
        year=_year(meta),
        publication_types=[root.get("article-type") or ""],
        retracted=title.lower().startswith("retracted"),
        corpus=corpus,
        sections=_sections(root, meta),
    )


def _id(meta: Element, kind: str) -> str | None:
    return text_of(meta.find(f"article-id[@pub-id-type='{kind}']")) or None


def _year(meta: Element) -> int | None:
    years = [year_in(date.findtext("year")) for date in meta.findall("pub-date")]
    return min((year for year in years if year), default=None)  # first published


def _sections(root: Element, meta: Element) -> Iterator[tuple[str, str]]:
    for abstract in meta.findall("abstract"):
        if abstract.get("abstract-type") in (None, "", "summary"):
            yield from _parts(abstract, "abstract")
    body = root.find("body")
    if body is not None:
        yield from _parts(body, "body")
    for figure in root.iter("fig"):
        label = text_of(figure.find("label")) or "Figure"
        yield label, text_of(figure.find("caption"))


def _parts(parent: Element, name: str) -> Iterator[tuple[str, str]]:
    """Own paragraphs, then those of each section under its title; deeper ones keep that title."""
    yield name, " ".join(_paragraph(p) for p in parent.findall("p"))
    for section in parent.findall("sec"):
        title = text_of(section.find("title")) or name
        yield (
            title,
            " ".join(_paragraph(p) for p in section.iter("p") if not _in_figure(section, p)),
        )


def _in_figure(section: Element, paragraph: Element) -> bool:
    return any(paragraph in list(box.iter("p")) for tag in APART for box in section.iter(tag))


def _paragraph(paragraph: Element) -> str:
    copy = deepcopy(paragraph)
    for parent in list(copy.iter()):
        for child in list(parent):
            if child.tag in APART:
                _drop(parent, child)
    return text_of(copy)


def _drop(parent: Element, child: Element) -> None:
    """Remove a child but not the text behind it."""
    at, tail = list(parent).index(child), child.tail or ""
    parent.remove(child)
    if at:
        parent[at - 1].tail = (parent[at - 1].tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail


FORMAT = Format(
    "jats",
    "PMC JATS XML (<article> with front/article-meta)",
    (".nxml", ".xml"),
    lambda head: "<article" in head,
    read,
)
