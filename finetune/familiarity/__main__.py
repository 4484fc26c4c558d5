"""`python -m finetune.familiarity`: fit what tells a checkpoint's cell images from all others.

Cell images of the training side, as they are, as another laboratory would have stained them, and
damaged, with simulated ones, against images that show no cells: blanks, noise, patterns, text,
charts (all drawn here) and crops of photographs. The threshold is set on the development side; no
test image is read. The file it writes goes beside the weights.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

import click
import numpy as np
from PIL import Image

from agent.familiarity import CELL_IMAGE, Detector, Floats, standardised, summary
from agent.loading import find_checkpoint
from agent.paligemma import PaliGemma, load_paligemma
from finetune import options
from finetune.data.collection import load
from finetune.data.example import Example
from finetune.familiarity import blanks, charts, pages
from finetune.familiarity.damage import ANY, OF_CELLS, damaged
from finetune.familiarity.photographs import Photographs, below, bundled, printed
from finetune.lite.augment import restained
from finetune.saving import base_of
from tools.linear_head import fit, write_head
from tools.simulate import starter_recipes

AT_ONCE = 24  # images looked at together
OF_A_SOURCE = 400  # cell images of each set
SIMULATED_SEEDS = {"train": 1, "dev": 3}
PENALTY = 30.0
REFUSED = 0.02  # share of the development side's cell images below the threshold


def printed_page(rng: np.random.Generator) -> Image.Image:
    """A crop of a scanned page."""
    return _printed()(rng)


@cache
def _printed() -> Photographs:
    return Photographs(printed())


DRAWN: Mapping[str, tuple[Sequence[blanks.Draw], int]] = {  # and how many of each
    "blank": ((blanks.even, blanks.gradient, blanks.empty_slide), 150),
    "noise": ((blanks.white_noise, blanks.smooth_noise), 250),
    "pattern": ((blanks.blocks, blanks.waves, blanks.shapes, blanks.leaves), 130),
    "text": ((pages.page, pages.word, pages.form, pages.numbers, pages.scan, printed_page), 160),
    "chart": ((charts.chart,), 1800),
}
PHOTOGRAPH, PHOTOGRAPHS = "photograph", 1200
DAMAGED = 0.5  # share of the images without cells
Pictures = Iterable[Image.Image]


def summaries(model: PaliGemma, images: Pictures) -> Floats:
    """(images, features), a batch at a time."""
    found, rest = [], iter(images)
    while batch := list(islice(rest, AT_ONCE)):
        found.append(summary(model.look(batch).tower))
    return np.concatenate(found)


def cell_images(examples: Sequence[Example], seed: int, simulated: int) -> Iterator[Image.Image]:
    """Each image as it is, restained, and damaged twice; then drawn ones."""
    rng, chance = np.random.default_rng(seed), random.Random(seed)
    for example in _some(examples, chance):
        image = Image.fromarray(example.pixels)
        yield image
        yield Image.fromarray(restained(example, chance))
        yield from (damaged(image, OF_CELLS, rng) for _ in range(2))
    for recipe in starter_recipes(simulated):
        yield Image.fromarray(np.asarray(recipe.draw().pixels))


def _some(examples: Sequence[Example], chance: random.Random) -> Iterator[Example]:
    for source in sorted({example.source for example in examples}):
        of_it = [example for example in examples if example.source == source]
        yield from chance.sample(of_it, min(OF_A_SOURCE, len(of_it)))


def other_images(draw: blanks.Draw, number: int, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Drawings or crops, half of them damaged."""
    for _ in range(number):
        image = draw(rng)
        yield damaged(image, ANY, rng) if rng.random() < DAMAGED else image


def gathered(
    model: PaliGemma,
    examples: Sequence[Example],
    photographs: Photographs,
    say: Callable[[str], None],
) -> dict[str, Floats]:
    """Summaries of the training images by what they show."""
    rng = np.random.default_rng(0)
    cells = cell_images(examples, 0, SIMULATED_SEEDS["train"])
    found = {CELL_IMAGE: summaries(model, cells)}
    drawn: Mapping[str, tuple[Sequence[blanks.Draw], int]] = {
        **DRAWN,
        PHOTOGRAPH: ([photographs], PHOTOGRAPHS),
    }
    for label, (draws, number) in drawn.items():
        say(f"{label} images")
        parts = [summaries(model, other_images(draw, number, rng)) for draw in draws]
        found[label] = np.concatenate(parts)
    return found


def fitted(found: Mapping[str, Floats], known: Floats) -> Detector:
    """The detector of training summaries by label; `known` sets its threshold."""
    features, labels = np.concatenate(list(found.values())), tuple(found)
    mean, scale = features.mean(0).round(4), (features.std(0) + 1e-6).round(5)
    rows = [np.full(len(part), at) for at, part in enumerate(found.values())]
    targets = np.eye(len(labels))[np.concatenate(rows)]
    head = fit(standardised(features, mean, scale), targets, labels, PENALTY)
    chances = Detector(head, mean, scale, 0.0).probabilities(known)[:, labels.index(CELL_IMAGE)]
    return Detector(head, mean, scale, round(float(np.quantile(chances, REFUSED)), 4))


@click.command(context_settings={"show_default": True})
@options.data
@click.option(
    "--photos", type=click.Path(exists=True, file_okay=False, path_type=Path), multiple=True,
    help="Folder of further photographs; those of scikit-image and scikit-learn are taken anyway.",
)  # fmt: skip
@options.checkpoint
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A new file."
)
def main(data: Path, photos: Sequence[Path], checkpoint: str, out: Path) -> None:
    """Fit the detector of a checkpoint and write it to --out."""
    model, base = load_paligemma(checkpoint, dtype="float32"), find_checkpoint(checkpoint)
    parts, _ = load(data)
    files = [*bundled(), *(file for folder in photos for file in below(folder))]
    click.echo(f"{len(files)} photographs; cell images")
    found = gathered(model, parts["train"], Photographs(files), click.echo)
    known = summaries(model, cell_images(parts["dev"], 1, SIMULATED_SEEDS["dev"]))
    detector = fitted(found, known)
    write_head(
        out,
        detector.head,
        sha256=base_of(checkpoint, base).sha256,
        threshold=detector.threshold,
        images={label: len(part) for label, part in found.items()},
        mean=detector.mean.tolist(),
        scale=detector.scale.tolist(),
    )
    click.echo(f"done: {out}, threshold {detector.threshold}")


if __name__ == "__main__":
    main()
