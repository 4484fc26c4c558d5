"""Describe image files: free text and findings, one line an image."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.settings import Settings, load_settings
from tools.errors import BadImageError
from tools.evidence import DescriptionEvidence, Finding
from tools.images import SUFFIXES, OpenedImage, open_image
from tools.protocols import VisionModel

if TYPE_CHECKING:
    from tools.measure_image import Measurer

SOME_REFUSED = 3  # exit code


@dataclass(frozen=True)
class Described:
    """One file's outcome; `evidence` or the sentence that says why there is none."""

    path: Path
    seconds: float
    notes: tuple[str, ...] = ()  # what was converted when the file was opened
    evidence: DescriptionEvidence | None = None
    error: str | None = None

    def as_json(self, model: str) -> str:
        """One line; keys are only ever added, never renamed."""
        line: dict[str, Any] = {
            "path": str(self.path),
            "text": self.evidence.text if self.evidence else "",
            "findings": [
                f.model_dump(
                    include={"name", "value", "unit", "probability", "origin", "ontology_id"}
                )
                for f in (self.evidence.findings if self.evidence else ())
            ],
            "status": self.evidence.status if self.evidence else "refused",
            "model": model,
            "seconds": round(self.seconds, 3),
            "image_id": self.evidence.image_id if self.evidence else None,
            "probability": self.evidence.probability if self.evidence else None,
            "familiarity": self.evidence.familiarity if self.evidence else None,
            "generated_text": self.evidence.generated_text if self.evidence else None,
            "notes": list(self.notes),
            "overlay": self.evidence.overlay if self.evidence else None,
            "comparison": self.evidence.comparison if self.evidence else "",
            "research_use_only": True,
        }
        return json.dumps(line | ({"error": self.error} if self.error else {}), ensure_ascii=False)

    def in_words(self) -> str:
        if self.evidence is None:
            return f"{self.path}: refused. {self.error}"
        findings = "".join(f"\n    {_finding(f)}" for f in self.evidence.findings)
        beside = f"\n    {self.evidence.comparison}" if self.evidence.comparison else ""
        picture = f"\n    Overlay: {self.evidence.overlay}" if self.evidence.overlay else ""
        return f"{self.path}: {self.evidence.text}{findings}{beside}{picture}"


def _finding(finding: Finding) -> str:
    unit = f" {finding.unit}" if finding.unit and finding.origin == "measured" else ""
    sure = "measured" if finding.probability is None else f"{finding.probability:.2f}"
    return f"{finding.name}: {finding.value}{unit} ({sure})"


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, an image.")
@click.option(
    "--batch-size", default=8, show_default=True, type=click.IntRange(1, 256),
    help="Images looked at together; changes the speed, not the text.",
)  # fmt: skip
@click.pass_context
def describe(ctx: click.Context, paths: tuple[Path, ...], as_json: bool, batch_size: int) -> None:
    """Describe image files and folders of them: free text and findings, in the order given.

    A file that cannot be used gives a line that says why; the others go on, and the exit code at
    the end is 3. Of a folder, files with an image's extension are taken. Of an image unlike all
    that the model was taught (a chart, a photograph) nothing is said: its status is "abstained".

    \b
    Examples:
      cytoscribe describe cell.png
      cytoscribe describe slides/ extra.tif --json > described.jsonl
    """
    settings = load_settings()
    files = list(_files(paths))
    from agent.build import open_measurer, open_model

    model, measurer = open_model(settings), open_measurer(settings)
    refused = 0
    with _progress(len(files)) as bar:
        for described in descriptions(files, model, settings, batch_size, measurer):
            click.echo(described.as_json(model.name) if as_json else described.in_words())
            refused += described.evidence is None
            if bar:
                bar.update(1)
    if refused:
        click.echo(f"{refused} of {len(files)} files refused.", err=True)
        ctx.exit(SOME_REFUSED)


def descriptions(
    files: Sequence[Path],
    model: VisionModel,
    settings: Settings,
    batch_size: int,
    measurer: "Measurer | None" = None,
) -> Iterator[Described]:
    """The outcome of each file, in order."""
    for start in range(0, len(files), batch_size):
        yield from _batch(files[start : start + batch_size], model, settings, measurer)


def _batch(
    files: Sequence[Path], model: VisionModel, settings: Settings, measurer: "Measurer | None"
) -> Iterator[Described]:
    opened = [_open(path, settings) for path in files]
    images = [image for image, _ in opened if isinstance(image, OpenedImage)]
    began = time.perf_counter()
    looked = _look(images, model, settings) if images else []
    if measurer:
        looked = [measurer(seen, image) for seen, image in zip(looked, images, strict=True)]
    seen = iter(looked)
    looking = (time.perf_counter() - began) / max(len(images), 1)
    for path, (image, opening) in zip(files, opened, strict=True):
        if isinstance(image, OpenedImage):
            yield Described(path, opening + looking, image.notes, evidence=next(seen))
        else:
            yield Described(path, opening, error=str(image))


def _open(path: Path, settings: Settings) -> tuple[OpenedImage | BadImageError, float]:
    """The image or why it is none, and the seconds that took."""
    limit, began = settings.max_upload_mb * 2**20, time.perf_counter()
    image: OpenedImage | BadImageError
    try:
        image = open_image(path, max_pixels=settings.max_pixels, max_bytes=limit)
    except BadImageError as e:
        image = e
    return image, time.perf_counter() - began


def _look(
    images: Sequence[OpenedImage], model: VisionModel, settings: Settings
) -> list[DescriptionEvidence]:
    from tools.describe_image import describe_images

    features = model.look([image.pixels for image in images])
    return describe_images([i.image_id for i in images], features, model, settings.min_probability)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as given; of a folder, the images below it by name."""
    for path in paths:
        if path.is_dir():
            yield from sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES)
        else:
            yield path


def _progress(length: int) -> "AbstractContextManager[Any]":
    """A bar on stderr, if that is a terminal and the lines go elsewhere."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        return nullcontext()
    return click.progressbar(length=length, label="Describing", show_pos=True, file=sys.stderr)
