"""Bring literature files into the library: articles, passages, embeddings.

A file is read a window at a time. A window's articles are one transaction, which also puts their
passages into the queue of those to embed (tools/store/queue.py). An article is known by its id
(PMID, PMC id, the corpus' own). Whatever is killed, the same command again ends with the same
library: a file that went in whole is passed over, articles that are there stay, the queue goes on.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tools.errors import BadInputError
from tools.ingest.embedding import Embedding, Here
from tools.ingest.formats import FORMATS, Deletion, Record, Unreadable, format_of, named
from tools.ingest.job import Job, running_job
from tools.ingest.pace import Pace
from tools.ingest.report import IngestReport, Progress, never, silent
from tools.ingest.source import Source
from tools.library import Article
from tools.protocols import TextEncoder

if TYPE_CHECKING:
    from tools.store import Store

NO_NAMES = ("data", "raw", "corpus")  # of folders: the one above tells more


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
    """Ingest a file, or the files of known formats below a folder, and embed them here.

    A record that cannot be read is skipped and named. Raises BadInputError where there is no
    literature, StoreUnavailableError, and Interrupted, with the report so far, when `cancelled`
    says so after a batch.
    """
    sources = find_sources(path, format, source)
    return ingest_sources(sources, str(path), store, Here(store, encoder), progress, cancelled)


def ingest_sources(
    sources: Sequence[Source],
    what: str,
    store: "Store",
    embedding: Embedding,
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> IngestReport:
    """Ingest files in their order, embedded as `embedding` does it; errors as above."""
    with running_job(store, "literature", what, progress, cancelled) as job, store.filling():
        articles = Ingest(store, embedding, job, sum(source.size for source in sources))
        for source in sources:
            articles.add_file(source)
        articles.finish()
        return job.tally.report()


class Ingest:
    """Articles on their way into the library, a window at a time."""

    def __init__(self, store: "Store", embedding: Embedding, job: Job, size: int) -> None:
        self.store, self.embedding, self.job = store, embedding, job
        self.pace = Pace(store.waiting_passages(), size)

    def add_file(self, source: Source) -> None:
        """Add a file's articles, unless all are in; a file that is damaged is skipped and named."""
        before = self.pace.read
        try:
            self._add_file(source, before)
        except OSError as e:
            self.job.tally.skip(str(source.path), f"cannot be read: {e.strerror}")
        self.pace.read = before + source.size

    def _add_file(self, source: Source, before: int) -> None:
        tally = self.job.tally
        try:
            key = (source.sha256(), source.format.name, source.corpus)
        except BadInputError as e:
            tally.skip(str(source.path), str(e))
            return
        if (known := self.store.articles_of_file(*key)) is not None:
            tally.unchanged += known
            return
        articles, skipped = tally.articles, len(tally.skipped)
        for window, read in source.windows():
            self.pace.read = before + read
            self.add(window, source.path)
        if len(tally.skipped) == skipped:  # else its records are named again the next time
            self.store.note_file(*key, tally.articles - articles)

    def add(self, window: Sequence[Record], where: object) -> None:
        """Store the articles of a window and see that their passages are embedded."""
        tally = self.job.tally
        for record in window:
            if isinstance(record, Unreadable):
                tally.skip(f"{where}: {record.where}", record.reason)
        articles = [record for record in window if isinstance(record, Article)]
        new = self.store.add_articles(articles)
        tally.done += new
        tally.unchanged += len(articles) - new
        for deletion in (record for record in window if isinstance(record, Deletion)):
            tally.deleted += self.store.delete_articles(deletion.source_ids)
        self.store.merge_lexical_index()
        self.pace.passages += sum(len(article.passages) for article in articles)
        for _ in self.embedding.go_on():
            self.tell()
        self.tell()

    def finish(self) -> None:
        """Until every passage that waits has its vector."""
        self.pace.read = self.pace.size
        for _ in self.embedding.finish():
            self.tell()
        self.tell()

    def tell(self) -> None:
        """Say how far it is; raises Interrupted where the user asked to stop."""
        tally = self.job.tally
        tally.waiting = self.store.waiting_passages()
        self.job.tell(self.pace.share(tally.waiting), self.pace.in_words(tally.articles))


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
