"""Measure a vision-language model on labelled images: one pass, in batches, nothing kept but words.

Time is that of looking and describing with all findings: of single images on one thread, and in
batches as measured. Opening the file is not in it.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from eval import descriptions as metrics
from eval.figures import Judged, Told, figures
from eval.seeing import Looking, Seen, blank, majority, shuffled
from eval.truth import Known
from tools.errors import BadImageError
from tools.findings import Kind
from tools.images import OpenedImage, open_image
from tools.ingest.batches import batches
from tools.protocols import VisionModel

BATCH = 16
TIMED = 20  # single images
PIXELS_AT_ONCE = 50_000_000  # held in memory, 3 bytes each


@dataclass(frozen=True)
class Limits:
    """The largest image that is opened, and the least probability of a finding."""

    max_pixels: int = 100_000_000
    max_bytes: int = 50 * 2**20
    min_probability: float = 0.5


@dataclass
class Measured:
    """What was said of every image that could be opened."""

    known: list[Known] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    skipped: list[tuple[Path, str]] = field(default_factory=list)
    batch_seconds: list[float] = field(default_factory=list)  # an image, of each batch


def never(_: int) -> None:
    """Nobody watches."""


def measure(
    known: Sequence[Known],
    model: VisionModel,
    limits: Limits = Limits(),
    progress: Callable[[int], None] = never,
) -> Measured:
    """Ask about every image; `progress` gets the number of images dealt with."""
    told, dealt = Measured(), 0
    weight = PIXELS_AT_ONCE // BATCH
    opened = _opened(known, limits, told)
    for batch in batches(opened, PIXELS_AT_ONCE // BATCH * BATCH, lambda o: max(weight, _size(o))):
        looking_at = [image.pixels for _, image in batch]
        began = time.perf_counter()
        looking = Looking(looking_at, model, limits.min_probability)
        described = looking.describe()
        told.batch_seconds.append((time.perf_counter() - began) / len(batch))
        kinds = sorted({image.kind for image, _ in batch})
        told.seen += looking.ask(kinds, looking.count(kinds, described))
        told.known += [image for image, _ in batch]
        done = len(told.known) + len(told.skipped)
        progress(done - dealt)
        dealt = done
    progress(len(known) - dealt)
    return told


def _size(opened: tuple[Known, OpenedImage]) -> int:
    return opened[1].pixels.width * opened[1].pixels.height


def _opened(
    known: Iterable[Known], limits: Limits, told: Measured
) -> Iterator[tuple[Known, OpenedImage]]:
    for image in known:
        try:
            yield image, _open(image.path, limits)
        except BadImageError as e:
            told.skipped.append((image.path, str(e)))


def _open(path: Path, limits: Limits) -> OpenedImage:
    return open_image(path, max_pixels=limits.max_pixels, max_bytes=limits.max_bytes)


def judged_with_controls(told: Measured, model: VisionModel, thing: str | None) -> Told:
    """The figures, and those of a blank image, of shuffled images and of the commonest answers."""
    truths = [image.facts for image in told.known]
    kinds: set[Kind] = {image.kind for image in told.known}
    empty = {kind: blank(model, kind) for kind in sorted(kinds)}
    common = majority(truths)
    controls: dict[str, Sequence[Seen]] = {
        "blank": [empty[image.kind] for image in told.known],
        "shuffled": shuffled(told.seen),
        "majority": [common] * len(truths),
    }

    def of(seen: Sequence[Seen]) -> Told:
        rows: list[Judged] = list(zip(truths, seen, strict=True))
        return figures(rows, thing)

    return of(told.seen) | {"controls": {name: of(seen) for name, seen in controls.items()}}


def timing(told: Measured, model: VisionModel, limits: Limits = Limits()) -> Told:
    """Median seconds an image, one at a time and in batches, with 95% intervals."""
    step = max(1, len(told.known) // TIMED)
    images = [image.path for image in told.known[::step][:TIMED]]
    with one_thread():
        single = [_seconds(path, model, limits) for path in [*images[:1], *images]][1:]
    found: Told = {}
    for key, seconds in (
        ("seconds_per_image", single),
        ("seconds_per_image_batch", told.batch_seconds),
    ):
        found[key] = median(seconds) if seconds else None
        found[f"{key}_ci"] = metrics.median_interval(seconds) if seconds else None
    return found


def _seconds(path: Path, model: VisionModel, limits: Limits) -> float:
    pixels = _open(path, limits).pixels
    began = time.perf_counter()
    Looking([pixels], model, limits.min_probability).describe()
    return time.perf_counter() - began


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread, if it is in use at all; as before afterwards."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
