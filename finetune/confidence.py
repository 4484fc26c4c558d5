"""`python -m finetune.confidence`: fit how likely what a checkpoint says of an image is right.

The questions are put to the development side, each cell once as it is and once recoloured as if by
another laboratory, so that there are errors enough to learn from; the library is the training side.
The file it writes goes beside the weights. It holds for findings that are claimed of at least
FEWEST development images. Its figures are out of fold, by image; no test image is read.
"""

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from agent.calibration import ImageCalibration, fitted
from agent.cases import labels_of, resembling
from agent.confidence import agreeing
from agent.loading import find_checkpoint
from agent.paligemma import PaliGemma, load_paligemma
from agent.wording import headline
from eval.trust.coverage import figures
from finetune import options
from finetune.data.collection import load
from finetune.data.example import Example
from finetune.lite.augment import restained
from finetune.lite.controls import batches, embed
from finetune.neighbours import Library
from finetune.saving import base_of
from tools.describe_image import findings
from tools.evidence import CaseEvidence, DescriptionEvidence, Finding

FEWEST, FOLDS = 30, 10
WEIGHTS = [step / 20 for step in range(21)]  # of similar cases beside what is seen
NEAREST, LEAST = 6, 0.5  # similar cases of a question, probability of a claim: as by default
LIBRARY = 1600  # images
SURELY = 1e-3  # a chance below counts as this


@dataclass(frozen=True)
class Row:
    """What was said of an image, what most similar cases are, and whether that is right."""

    image: str
    set: str
    name: str  # of the first finding
    seen: float
    right: bool
    agreeing: float | None  # share of the cases
    share: float | None  # that carries the commonest label of that name; None: of another name
    label_right: bool


def rows_of(model: PaliGemma, examples: Sequence[Example], library: Library) -> Iterator[Row]:
    """Of each image whose first claim can be judged."""
    left = iter(examples)
    for batch in batches(examples):
        features = model.look(batch)
        said, vectors = findings(features, model, LEAST), model.embed_image(features)
        for found, vector in zip(said, vectors, strict=True):
            example = next(left)
            seen = DescriptionEvidence(image_id="", text="", findings=found, model=model.name)
            main = headline(seen)
            if main is not None and main.name in example.facts:
                yield _row(example, main, resembling(library.nearest(vector, NEAREST)))


def _row(example: Example, main: Finding, cases: Sequence[CaseEvidence]) -> Row:
    name, labels = labels_of(cases)
    ((label, most),) = labels.most_common(1)
    true = example.facts[main.name]
    return Row(
        example.name, example.source, main.name, main.probability or 0.0, main.value == true,
        agreeing(cases, main.name, main.value),
        most / len(cases) if name == main.name else None, label == true,
    )  # fmt: skip


def calibrated(rows: Sequence[Row]) -> ImageCalibration:
    """What is fitted on the rows."""
    names = Counter(name for name, _ in {(row.name, row.image) for row in rows})
    images = {name: number for name, number in names.items() if number >= FEWEST}
    sets = {name: ", ".join(sorted({r.set for r in rows if r.name == name})) for name in images}
    voted = [(row.share, row.label_right) for row in rows if row.share is not None]
    return ImageCalibration(
        images,
        {name: f"{images[name]} images kept out of training ({sets[name]})" for name in images},
        min(WEIGHTS, key=lambda weight: _surprise(weight, rows)),
        fitted([share for share, _ in voted], [right for _, right in voted]),
    )


def _surprise(weight: float, rows: Sequence[Row]) -> float:
    """Negative log-likelihood of what was right, where cases count with this weight."""
    beside = [(row.seen, row.agreeing, row.right) for row in rows if row.agreeing is not None]
    pooled = (((1 - weight) * seen + weight * share, right) for seen, share, right in beside)
    return -sum(math.log(max(SURELY, p if right else 1 - p)) for p, right in pooled)


def out_of_fold(rows: Sequence[Row]) -> dict[str, Any]:
    """Calibration error and Brier score of each way, all and by finding, by fits that saw other
    images."""
    images = sorted({row.image for row in rows})
    fold = {image: at % FOLDS for at, image in enumerate(images)}
    answers: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for number in range(FOLDS):
        fit = calibrated([row for row in rows if fold[row.image] != number])
        for row in rows:
            if fold[row.image] == number and row.name in fit.images:
                for way, answer in _answers(fit, row):
                    answers[way].append(answer)
                    answers[f"{way}, {row.name}"].append(answer)
    return {way: figures(of_way) for way, of_way in sorted(answers.items())}


def _answers(fit: ImageCalibration, row: Row) -> Iterator[tuple[str, tuple[float, bool]]]:
    yield "seen", (fit.of_seen(row.name, row.seen, None), row.right)
    if row.agreeing is not None:
        yield "beside cases", (fit.of_seen(row.name, row.seen, row.agreeing), row.right)
    if row.share is not None:
        yield "cases alone", (fit.of_cases(row.name, row.share), row.label_right)


@click.command(context_settings={"show_default": True})
@options.data
@options.checkpoint
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="JSON to write."
)
def main(data: Path, checkpoint: str, out: Path) -> None:
    """Fit the calibration of a checkpoint, tell its figures out of fold, and write it to --out."""
    model = load_paligemma(checkpoint, dtype="float32", abstain=False)
    parts, _ = load(data)
    shown = random.Random(0).sample(parts["train"], min(LIBRARY, len(parts["train"])))
    rng = random.Random(0)
    cells = [replace(e, pixels=restained(e, rng)) for e in parts["dev"] if e.kind == "cell"]
    rows = list(rows_of(model, [*parts["dev"], *cells], Library(shown, embed(model, shown))))
    told = out_of_fold(rows)
    sha256 = base_of(checkpoint, find_checkpoint(checkpoint)).sha256
    found = {"sha256": sha256, **calibrated(rows).as_json(), "out_of_fold": told}
    out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    click.echo(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
