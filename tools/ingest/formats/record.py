"""What a literature format yields, and the helpers that several formats share."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from io import TextIOWrapper
from typing import BinaryIO, TextIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, ElementTree

from tools.ingest.passages import clean, passages
from tools.library import Article, Passage

DAMAGE = (OSError, EOFError, UnicodeDecodeError, zlib.error)  # a file cut short, or not text
_YEAR = re.compile(r"\b(1[5-9]|20)\d\d\b")
_PMID = re.compile(r"[1-9]\d{0,8}")


@dataclass(frozen=True)
class Unreadable:
    """A record, or the rest of a file, that could not be read."""

    where: str
    reason: str


@dataclass(frozen=True)
class Deletion:
    """Articles that the source has taken back."""

    source_ids: tuple[str, ...]


Record = Article | Unreadable | Deletion
Reader = Callable[[BinaryIO, str], Iterator[Record]]  # an open file and the corpus' name


@dataclass(frozen=True)
class Format:
    """A literature file format."""

    name: str
    looks_for: str
    suffixes: tuple[str, ...]
    recognises: Callable[[str], bool]  # from the first characters of a file
    read: Reader


@contextmanager
def as_text(stream: BinaryIO) -> Iterator[TextIO]:
    """The stream as UTF-8 text; it stays the caller's to close."""
    text = TextIOWrapper(stream, encoding="utf-8-sig")
    try:
        yield text
    finally:
        if not stream.closed:  # an unfinished reader may be forgotten after its file was closed
            text.detach()


def article(
    *,
    source_id: str,
    corpus: str,
    sections: Iterable[tuple[str, str]],
    pmid: str | None = None,
    doi: str | None = None,
    title: str = "",
    journal: str | None = None,
    year: int | None = None,
    mesh_terms: Iterable[str] = (),
    publication_types: Iterable[str] = (),
    retracted: bool = False,
    version: int = 1,
    revised: date | None = None,
) -> Record:
    """An article with its sections cut into passages; its title is one where it has no other.

    Unreadable for a record without any text.
    """
    title = clean(title)
    found = tuple(p for section, text in sections for p in passages(section, text))
    if not found and title:
        found = (Passage(section="title", text=title),)
    if not found:
        return Unreadable(source_id, "has neither title nor abstract")
    return Article(
        source_id=clean(source_id),
        pmid=pmid,
        doi=clean(doi or "") or None,
        title=title,
        journal=clean(journal or "") or None,
        year=year,
        mesh_terms=tuple(dict.fromkeys(filter(None, map(clean, mesh_terms)))),
        publication_types=tuple(filter(None, map(clean, publication_types))),
        retracted=retracted,
        corpus=clean(corpus),
        version=version,
        revised=revised,
        passages=found,
    )


def year_in(text: str | None) -> int | None:
    """The first plausible year: "1998 Dec-1999 Jan" -> 1998."""
    found = _YEAR.search(text or "")
    return int(found[0]) if found else None


def pmid_in(text: object) -> str | None:
    """A PMID without leading zeros; None for what is not one."""
    number = str(text or "").strip().lstrip("0")
    return number if _PMID.fullmatch(number) else None


def text_of(element: Element | None) -> str:
    """All text below an element, inline markup (italics, superscripts) left out."""
    return "" if element is None else clean("".join(element.itertext()))


def elements(stream: BinaryIO, *tags: str) -> Iterator[Element | Unreadable]:
    """Elements of an XML stream, one at a time, each forgotten after its turn.

    External entities and entity bombs are refused (defusedxml). A file that breaks off gives what
    came before and an Unreadable.
    """
    try:
        parents: list[Element] = []
        for event, element in ElementTree.iterparse(stream, events=("start", "end")):
            if event == "start":
                parents.append(element)
                continue
            parents.pop()
            if element.tag in tags:
                yield element
                if parents:
                    parents[-1].clear()
    except DefusedXmlException as e:
        yield Unreadable("the file", f"declares entities, which is not allowed ({e})")
    except (ParseError, *DAMAGE) as e:
        yield Unreadable("the rest of the file", f"is damaged or cut short ({e})")
