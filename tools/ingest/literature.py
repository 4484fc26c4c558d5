"""Bring literature files into the library: articles, passages, embeddings.

An article is known by its id (PMID, PMC id, the corpus' own); one that is there stays as it is,
but for a retraction. Passages that were stored and not embedded yet, because a run was killed or
the encoder changed, are embedded first thing after the next batch.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.errors import BadInputError
from tools.ingest.batches import batches
from tools.ingest.embedding import embed_missing
from tools.ingest.formats import FORMATS, Format, Record, Unreadable, format_of, named, unpacked
from tools.ingest.job import Job, running_job
from tools.ingest.report import IngestReport, Progress, never, silent
from tools.library import Article
from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.store import Store

BATCH = 64  # articles a transaction
NO_NAMES = ("data", "raw", "corpus")  # of folders: the one above tells more


@dataclass(frozen=True)
class Source:
    """A literature file and how to read it."""

    path: Path
    format: Format
    corpus: str


def ingest_literature(
    path: Path,
    *,
    store: "Store",
    encoder: TextEncoder,
    format: str = "auto",
    source: str | None = None,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> IngestReport:
    """Ingest a file, or the files of known formats below a folder.

    A record that cannot be read is skipped and named. Raises BadInputError where there is no
    literature, StoreUnavailableError, and Interrupted, with the report so far, when `cancelled`
    says so after a batch.
    """
    sources = find_sources(path, format, source)
    size = sum(s.path.stat().st_size for s in sources) or 1
    with running_job(store, "literature", str(path), progress, cancelled) as job:
        articles = Ingest(store, encoder, job)
        before = 0
        for one in sources:
            for share in _ingest_file(one, articles):
                read = before + share
                job.tell(min(read / size, 1.0), articles.in_words())
            before += one.path.stat().st_size
        articles.embed_pending()
        return job.tally.report()


def _ingest_file(source: Source, articles: "Ingest") -> Iterator[int]:
    """Add a file's articles; yields the bytes read so far after each batch."""
    try:
        with source.path.open("rb") as file:
            records = source.format.read(unpacked(source.path, file), source.corpus)
            for batch in batches(records, BATCH):
                articles.add(batch, source.path)
                yield file.tell()
    except OSError as e:
        articles.job.tally.skip(str(source.path), f"cannot be read: {e.strerror}")


class Ingest:
    """Articles on their way into the library, a batch at a time."""

    def __init__(self, store: "Store", encoder: TextEncoder, job: Job) -> None:
        self.store, self.encoder, self.job = store, encoder, job

    def add(self, batch: Sequence[Record], where: object) -> None:
        """Store the new articles of a batch and embed their passages."""
        tally = self.job.tally
        for record in batch:
            if isinstance(record, Unreadable):
                tally.skip(f"{where}: {record.where}", record.reason)
        articles = [record for record in batch if isinstance(record, Article)]
        new = self.store.add_articles(articles)
        self.store.merge_lexical_index()
        tally.done += new
        tally.unchanged += len(articles) - new
        self.embed_pending()

    def embed_pending(self) -> None:
        """Embed every passage that lacks this encoder's vector."""
        for _ in embed_missing(self.store, self.encoder):
            pass

    def in_words(self) -> str:
        return f"{self.job.tally.done + self.job.tally.unchanged:,} articles"


def find_sources(path: Path, format: str = "auto", corpus: str | None = None) -> list[Source]:
    """The literature files of `path`; BadInputError, with what was looked for, if there is none."""
    sources = list(_sources(path, format, corpus))
    if not sources:
        raise BadInputError(_nothing_found(path, format))
    return sources


def _sources(path: Path, name: str, corpus: str | None) -> Iterator[Source]:
    if not path.exists():
        raise BadInputError(f"{path} does not exist; name a literature file or a folder of them")
    wanted = None if name == "auto" else named(name)
    for file in _files(path):
        recognised = format_of(file)
        chosen = wanted or recognised
        # In a folder a file of another format is passed over; a file that is named is read.
        if chosen is None or (path.is_dir() and wanted and recognised is not wanted):
            continue
        yield Source(file, chosen, corpus or _corpus(file))


def _files(path: Path) -> Iterator[Path]:
    """The file, or the files below the folder whose name may be a literature file's."""
    if path.is_file():
        yield path
        return
    suffixes = {suffix for known in FORMATS for suffix in known.suffixes}
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            if Path(name.removesuffix(".gz")).suffix.lower() in suffixes:
                yield Path(folder, name)


def _corpus(file: Path) -> str:
    """A corpus is called after its folder, wherever that lies: ids of BEIR corpora carry it."""
    folder = file.resolve().parent
    return folder.parent.name if folder.name in NO_NAMES else folder.name


def _nothing_found(path: Path, name: str) -> str:
    wanted = [known for known in FORMATS if name in ("auto", known.name)]
    looked = "; ".join(f"{k.name}: {k.looks_for} in *{', *'.join(k.suffixes)}" for k in wanted)
    found = len(list(_files(path)))
    kind = "is not literature" if path.is_file() else f"holds none ({found} files looked into)"
    return f"{path} {kind}. Looked for {looked}."
