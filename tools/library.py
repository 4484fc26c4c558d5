"""What the library holds, as frozen values: labelled images, articles and their passages.

Ids come from content or from the source's own id (a PMID), so that a second ingest changes nothing.
"""

from datetime import date
from typing import NamedTuple

from pydantic import Field

from tools.evidence import Frozen


class ImageRecord(Frozen):
    """A labelled image; its pixels stay at `path`, a small JPEG travels along."""

    image_id: str  # "img-" + 16 hex digits of the file's sha256
    path: str  # where the original was when it was ingested
    width: int  # pixels
    height: int
    caption: str = ""
    labels: dict[str, str] = Field(default_factory=dict)  # {"cell_type": "neutrophil", …}
    source: str  # data set
    licence: str
    group: str = ""  # slide or patient, where known
    simulated: bool = False
    thumbnail: bytes  # JPEG, longest side 160 pixels


class CaseFilter(Frozen):
    """Which images of the library count as cases; None: whatever it is."""

    source: str | None = None
    licence: str | None = None
    stain: str | None = None
    modality: str | None = None


ALL_IMAGES = CaseFilter()


class Passage(Frozen):
    """A citable piece of an article."""

    section: str  # "abstract", "RESULTS", "summary", …
    text: str
    quoted: bool = True  # False: a summary in our words


class Article(Frozen):
    """An article and its passages, in order."""

    source_id: str  # "pmid:123", "pmc:PMC123", "s2:…"
    pmid: str | None = None
    doi: str | None = None
    title: str = ""
    journal: str | None = None
    year: int | None = None
    mesh_terms: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    retracted: bool = False
    corpus: str  # data set or query it came from
    version: int = 1  # of a PMID that has several
    revised: date | None = None  # when its record last changed, where the source says it
    passages: tuple[Passage, ...]

    def supersedes(self, other: "Article") -> bool:
        """Whether it takes the other's place: it says when it was revised, and is not older."""
        if self.revised is None or other.revised is None:
            return self.revised is not None
        return (self.version, self.revised) >= (other.version, other.revised)


class ArticleFilter(Frozen):
    """Which articles a search may find; by default all.

    The values of one field are alternatives; an article must satisfy every field that is set, so
    that one without a year is left out by either bound. Names are compared without case.
    """

    year_from: int | None = None
    year_to: int | None = None  # inclusive
    journals: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()  # "Review", "Case Reports", …
    mesh_terms: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()  # data sets or PubMed queries, as they were ingested


EVERYTHING = ArticleFilter()


class ImageHit(NamedTuple):
    """An image that a search by words found."""

    image_id: str
    score: float  # higher is better; its scale is the search's


class Overlap(NamedTuple):
    """What a passage has of a query, each 0 to 1."""

    words: float  # of its stems, weighted by how rare they are
    neighbours: float  # of its pairs of neighbouring stems
    numbers: float  # of its stems with a digit; 0 where it has none


class Hit(NamedTuple):
    """A passage that a search found, by its number in the library."""

    passage_id: int
    score: float  # higher is better; its scale is the search's
