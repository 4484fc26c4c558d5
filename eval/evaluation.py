"""One evaluation of descriptions: choose the images, read their truth, ask the model, tell all."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from eval.class_names import ClassNames, read_map
from eval.figures import Told
from eval.measuring import Limits, judged_with_controls, measure, timing
from eval.split_file import Split, read_split
from eval.truth import MAIN_THING, Dataset, Known, Truths, complete, find_images
from eval.watching import Watch, unwatched
from tools.errors import BadInputError
from tools.ingest.layouts import FoundImage
from tools.protocols import VisionModel


@dataclass(frozen=True)
class Request:
    """Which images, and what the user states about them."""

    dataset: Dataset
    root: Path
    split: Path | None = None
    class_map: Path | None = None
    modality: str | None = None
    stain: str | None = None
    limit: int | None = None
    seed: int = 0

    def stated(self) -> dict[str, str]:
        """The facts that the user vouches for."""
        said = {"modality": self.modality, "stain": self.stain}
        return {name: value for name, value in said.items() if value}

    def as_json(self) -> Told:
        def text(path: Path | None) -> str | None:
            return str(path) if path else None

        return {
            "dataset": self.dataset,
            "root": str(self.root),
            "split": text(self.split),
            "map": text(self.class_map),
            "stated": self.stated(),
            "limit": self.limit,
            "seed": self.seed,
        }


def evaluate(
    request: Request,
    open_model: Callable[[], VisionModel],
    limits: Limits,
    watch: Watch = unwatched,
) -> Told:
    """Every figure as JSON values; the model is opened once it is clear that there is work.

    Raises BadInputError where nothing can be measured: no such layout, a split of other images, no
    class that the model can say.
    """
    names = read_map(request.class_map) if request.class_map else ClassNames()
    images, split = chosen(request)
    truths = Truths(request.dataset, request.root, names, split.rows, request.stated())
    known, skipped = read_truths(truths, images, watch)
    usable = [image for image in known if image.facts]
    if not usable:
        raise _nothing(request.root, known, skipped)
    model = open_model()
    with watch("Asking", len(usable)) as step:
        measured = measure(usable, model, limits, step)
    skipped += measured.skipped
    if not measured.known:
        raise _nothing(request.root, known, skipped)
    return {
        "command": "eval descriptions",
        "date": date.today().isoformat(),
        **request.as_json(),
        "model": model.name,
        "images": len(measured.known),
        "skipped": len(skipped),
        "skipped_files": [{"path": str(path), "reason": reason} for path, reason in skipped],
        **_unmapped(known),
        "missing": len(split.missing),
        "missing_names": list(split.missing),
        **timing(measured, model, limits),
        **judged_with_controls(measured, model, MAIN_THING.get(request.dataset)),
        "research_use_only": True,
    }


def chosen(request: Request) -> tuple[list[FoundImage], Split]:
    """The images of the split, and a seeded draw of them in their order."""
    images, split = find_images(request.dataset, request.root), Split({}, ())
    if request.split:
        split = read_split(request.split, [image.path for image in images])
        images = [image for image in images if image.path in split.rows]
    if request.limit is not None and request.limit < len(images):
        drawn = random.Random(request.seed).sample(range(len(images)), request.limit)
        images = [images[index] for index in sorted(drawn)]
    return images, split


def read_truths(
    truths: Truths, images: Sequence[FoundImage], watch: Watch
) -> tuple[list[Known], list[tuple[Path, str]]]:
    """What is true of each image, and the images whose annotation cannot be used."""
    known: list[Known] = []
    skipped: list[tuple[Path, str]] = []
    with watch("Reading the truth", len(images)) as step:
        for image in images:
            try:
                known.append(truths.read(image))
            except BadInputError as e:
                skipped.append((image.path, str(e)))
            step(1)
    return complete(known), skipped


def _unmapped(known: Sequence[Known]) -> Told:
    """Images with a name that the model cannot say, and how many there are of each name."""
    names = Counter(name for image in known for name in image.unmapped)
    return {
        "unmapped": sum(bool(image.unmapped) for image in known),
        "unmapped_classes": dict(sorted(names.items())),
    }


def _nothing(
    root: Path, known: Sequence[Known], skipped: Sequence[tuple[Path, str]]
) -> BadInputError:
    names = sorted({name for image in known for name in image.unmapped})
    if names:
        return BadInputError(
            f"no class of {root} is one that the model can say: {', '.join(names[:20])}; write "
            "lines of name,class into a csv file and name it with --map"
        )
    first = "; the first: {}: {}".format(*skipped[0]) if skipped else ""
    return BadInputError(f"no image below {root} can be measured ({len(skipped)} skipped{first})")
