"""Bring a folder of labelled images into the library: ids, thumbnails, labels, embeddings.

An image is known by its bytes: the same file again, under any name, changes nothing. Each batch is
one transaction, so that a run killed anywhere is gone on with by running it again. Files stay
where they are; the library keeps their path and a thumbnail.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tools.errors import BadImageError, BadInputError
from tools.images import OpenedImage, image_id_of, open_image, thumbnail
from tools.ingest.batches import batches
from tools.ingest.job import Job, running_job
from tools.ingest.layouts import FoundImage, Labelled, find_layout
from tools.ingest.passages import clean
from tools.ingest.report import IngestReport, Progress, never, silent
from tools.library import ImageRecord
from tools.protocols import VisionModel

if TYPE_CHECKING:
    from tools.store import Store

BATCH = 16  # images a transaction: what an interruption can cost
PIXELS_AT_ONCE = 50_000_000  # held in memory, 3 bytes each
LICENCE_UNKNOWN = "not stated"
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Limits:
    """The largest image that is opened."""

    max_pixels: int = 100_000_000
    max_bytes: int = 50 * 2**20


@dataclass(frozen=True)
class _Opened:
    record: ImageRecord
    image: OpenedImage


def ingest_images(
    path: Path,
    *,
    store: "Store",
    model: VisionModel,
    layout: str = "auto",
    source: str | None = None,
    licence: str = LICENCE_UNKNOWN,
    stated: Mapping[str, str] = NOTHING,
    limits: Limits = Limits(),
    leave_out: Collection[str] = (),
    progress: Progress = silent,
    cancelled: Callable[[], bool] = never,
) -> IngestReport:
    """Ingest the images below `path`; a file that cannot be used is skipped and named.

    `stated` are labels of all images that have none of that name. Images whose ids are in
    `leave_out` stay out. `done` counts the images that went in or got
    their first embedding by this model. Raises BadInputError for an unknown layout,
    StoreUnavailableError, and Interrupted, with the report so far, when `cancelled` says so after
    a batch.
    """
    _, images = find_layout(path, layout)
    total = sum(1 for _ in images())
    with running_job(store, "images", str(path), progress, cancelled) as job:
        run = _Run(
            store, model, job, source or path.resolve().stem, licence, stated, limits, leave_out
        )
        seen = 0
        for batch in batches(images(), BATCH):
            run.add(batch)
            seen += len(batch)
            job.tell(seen / total, f"{seen:,} of {total:,} images")
        return job.tally.report()


class _Run:
    """What stays the same from batch to batch."""

    def __init__(
        self,
        store: "Store",
        model: VisionModel,
        job: Job,
        source: str,
        licence: str,
        stated: Mapping[str, str],
        limits: Limits,
        leave_out: Collection[str],
    ) -> None:
        self.store, self.model, self.tally, self.limits = store, model, job.tally, limits
        self.stated, self.leave_out = stated, frozenset(leave_out)
        self.source, self.licence = source, licence

    def add(self, batch: Sequence[FoundImage]) -> None:
        """Add what is new of a batch, in parts small enough for the memory."""
        batch = [found for found in batch if _id_of(found) not in self.leave_out]
        ids = [_id_of(found) for found in batch]
        known = self.store.known_images([i for i in ids if i], self.model.name)
        new: dict[object, FoundImage] = {}
        for image_id, found in zip(ids, batch, strict=True):
            if image_id in known or image_id in new:
                self.tally.unchanged += 1
            else:
                new[image_id or found] = found
        opened = (o for found in new.values() if (o := self._open(found)) is not None)
        for part in batches(opened, PIXELS_AT_ONCE, lambda o: o.record.width * o.record.height):
            self._embed(part)

    def _open(self, found: FoundImage) -> _Opened | None:
        try:
            image = open_image(
                found.path if found.content is None else found.content(),
                max_pixels=self.limits.max_pixels,
                max_bytes=self.limits.max_bytes,
                name=found.path.name,
            )
            return _Opened(self._record(found.path, image, found.read()), image)
        except (BadImageError, BadInputError) as e:
            self.tally.skip(_printable(found.path), str(e))
            return None

    def _record(self, path: Path, image: OpenedImage, known: Labelled) -> ImageRecord:
        return ImageRecord(
            image_id=image.image_id,
            path=_printable(path.resolve()),
            width=image.pixels.width,
            height=image.pixels.height,
            caption=clean(known.caption),
            labels={
                clean(name): clean(value) for name, value in {**self.stated, **known.labels}.items()
            },
            source=clean(known.source or self.source),
            licence=clean(known.licence or self.licence),
            group=clean(known.group),
            thumbnail=thumbnail(image.pixels),
        )

    def _embed(self, part: Sequence[_Opened]) -> None:
        vectors = self.model.embed_image(self.model.look([o.image.pixels for o in part]))
        self.store.add_images([o.record for o in part], self.model.name, vectors)
        self.tally.done += len(part)


def _id_of(found: FoundImage) -> str | None:
    """The id of an image's content, without holding a file; None for what cannot be read."""
    try:
        if found.content is not None:
            return image_id_of(found.content())
        with found.path.open("rb") as file:
            return f"img-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
    except (OSError, BadInputError):
        return None


def _printable(path: Path) -> str:
    """A path as text that a database takes, also where its name is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")
