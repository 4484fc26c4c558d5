"""`python -m finetune.lite.evaluate`: what a checkpoint sees on images it never trained on.

Everything is asked through the serving model with PaliGemma's own mask; training heads play no
part.
"""

import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from PIL import Image
from transformers import AutoProcessor, PaliGemmaForConditionalGeneration

from agent import prompts
from agent.paligemma import PaliGemma, load_paligemma, prefix_text
from eval import descriptions as metrics
from eval.descriptions import Estimate
from finetune.data.collection import load
from finetune.data.example import Example
from finetune.lite.augment import restained
from finetune.lite.controls import Figure, Row, embed, figure, rows_of
from finetune.lite.prompted import boxes, nearest, with_cases
from tools.findings import ATTRIBUTES, COUNTS
from tools.protocols import Vectors

DEPTH, NAN = 5, float("nan")
SHARED_BY_KIND = ("subject", "modality", "stain")


def figures(rows: Sequence[Row]) -> list[Figure]:
    """Every line of the table but retrieval and calibration."""

    def having(name: str) -> list[Row]:
        return [row for row in rows if name in row.truth]

    attributes = tuple(question.name for question in ATTRIBUTES)
    leukocytes = having("nucleus_shape")
    table = [
        figure("cell type (8), accuracy", metrics.accuracy("cell_type"), having("cell_type")),
        figure(
            "cell type (8), balanced accuracy",
            metrics.balanced_accuracy("cell_type"),
            having("cell_type"),
        ),
        figure("11 attributes, macro-F1", metrics.macro_f1(attributes), leukocytes),
        figure(
            "11 attributes, macro-F1, from the description",
            metrics.macro_f1(attributes),
            leukocytes,
            written=True,
        ),
    ]
    table += [
        figure(f"{name}, accuracy", metrics.accuracy(name), having(name), across=True)
        for name in SHARED_BY_KIND
    ]
    for name in ("tissue_type", "red_cell_type", "common_red_cell", "red_cell_range"):
        label = name.replace("_", " ")
        table.append(figure(f"{label}, accuracy", metrics.accuracy(name), having(name)))
    for name in ("nuclei_range", "nuclei_size"):
        label = name.replace("_", " ")
        table.append(figure(f"{label}, accuracy", metrics.accuracy(name), having(name)))
    for thing in COUNTS:
        key = f"count:{thing}"
        table.append(figure(f"{thing} count within 10%", metrics.within_tenth(key), having(key)))
        table.append(
            figure(f"{thing} count, mean absolute error", metrics.count_error(key), having(key))
        )
    table.append(figure("facts in descriptions, F1", metrics.fact_f1, rows, written=True))
    table.append(
        figure("facts in descriptions of leukocytes, F1", metrics.fact_f1, leukocytes, written=True)
    )
    return table


def other_stain(
    model: PaliGemma, train: Sequence[Example], test: Sequence[Example]
) -> list[Figure]:
    """Leukocytes recoloured at random as if another laboratory had stained them.

    A stand-in for images of another laboratory, not a measurement of them.
    """
    rng = random.Random(0)
    cells = [replace(e, pixels=restained(e, rng)) for e in test if e.kind == "cell"]
    rows = rows_of(model, train, cells)
    attributes = metrics.macro_f1(tuple(question.name for question in ATTRIBUTES))
    leukocytes = [row for row in rows if "nucleus_shape" in row.truth]
    return [
        figure("restained: cell type (8), accuracy", metrics.accuracy("cell_type"), rows),
        figure(
            "restained: cell type (8), balanced accuracy",
            metrics.balanced_accuracy("cell_type"),
            rows,
        ),
        figure("restained: 11 attributes, macro-F1", attributes, leukocytes),
    ]


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells with their vectors."""

    examples: list[Example]
    vectors: Vectors

    @property
    def types(self) -> list[str]:
        return [example.facts["cell_type"] for example in self.examples]


def cells(model: PaliGemma, examples: Sequence[Example]) -> Cells:
    """The single white cells among the examples."""
    chosen = [example for example in examples if example.kind == "cell"]
    return Cells(chosen, embed(model, chosen))


def retrieval(queries: Cells, library: Cells) -> Figure:
    """mAP@5 for the cell type; controls that cannot be are NaN."""
    wanted, labels = queries.types, library.types
    found = metrics.average_precision(queries.vectors, library.vectors, wanted, labels, DEPTH)
    other = random.Random(0).sample(wanted, len(wanted))
    shuffled = metrics.average_precision(queries.vectors, library.vectors, other, labels, DEPTH)
    return Figure(
        f"similar cases by cell type, mAP@{DEPTH}",
        metrics.estimate(metrics.mean_value(), found),
        NAN,
        NAN,
        float(np.mean(shuffled)),
    )


def prompted(
    model: PaliGemma, test: Sequence[Example], queries: Cells, library: Cells
) -> list[Figure]:
    """Boxes that are asked for, and cell types with similar cases in the prompt."""
    cases = nearest(queries.vectors, library.vectors, library.types)
    table = [
        Figure(f"{thing} boxes, F1 at overlap .5", found, NAN, blank, shuffled)
        for thing, (found, blank, shuffled) in boxes(model, test).items()
    ]
    told = with_cases(model, queries.examples, cases)
    return table + [
        Figure(f"cell type (8), accuracy {name}", one, NAN, NAN, NAN) for name, one in told.items()
    ]


def calibration(rows: Sequence[Row]) -> Estimate:
    """ECE of the options' probabilities over all closed questions."""
    answers = [
        [
            (probability, row.seen.asked[name] == row.truth[name])
            for name, probability in row.seen.probability.items()
            if name in row.truth
        ]
        for row in rows
    ]
    return metrics.estimate(metrics.calibration_error, answers)


def agreement(model: PaliGemma, checkpoint: str, test: Sequence[Example]) -> float:
    """Share of images described in the same words by the stock class and its processor."""
    stock: Any = PaliGemmaForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(checkpoint)  # type: ignore[no-untyped-call]
    images = [Image.fromarray(example.pixels) for example in random.Random(0).sample(test, 24)]
    same = 0
    for image, served in zip(images, model.describe(model.look(images)), strict=True):
        inputs = processor(images=image, text=prefix_text(prompts.describe()), return_tensors="pt")
        inputs.pop("labels", None)
        made = stock.generate(**inputs, max_new_tokens=128, do_sample=False)
        words = processor.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        same += words.strip() == served.text
    return same / len(images)


def markdown(table: Sequence[Figure]) -> str:
    """The table, a line a figure."""
    lines = [
        "| figure | images | model (95% interval) | majority | blank image | shuffled images |",
        "|---|---|---|---|---|---|",
    ]
    for one in table:
        controls = " | ".join(
            "–" if np.isnan(value) else f"{value:.3f}"
            for value in (one.majority, one.blank, one.shuffled)
        )
        lines.append(f"| {one.name} | {one.model.images} | {one.model} | {controls} |")
    return "\n".join(lines)


@click.command(context_settings={"show_default": True})
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder that holds the training sets.",
)
@click.option("--checkpoint", default="agent/checkpoints/lite", help="Folder to evaluate.")
@click.option("--adapter", help="Folder of a PEFT adapter to put on it.")
@click.option("--side", type=click.Choice(["dev", "test"]), default="test", help="Of the split.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON to write.")
def main(data: Path, checkpoint: str, adapter: str | None, side: str, out: Path) -> None:
    """Measure a checkpoint on held-out images; print the table and write every figure."""
    parts, refused = load(data)
    test = parts["dev"] if side == "dev" else parts["test"]
    model = load_paligemma(checkpoint, adapter=adapter, dtype="float32")
    began, cpu = time.monotonic(), time.process_time()
    rows = rows_of(model, parts["train"], test)
    spent = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}
    queries, library = cells(model, test), cells(model, parts["train"])
    table = [*figures(rows), retrieval(queries, library)]
    table += prompted(model, test, queries, library)
    table += other_stain(model, parts["train"], test)
    click.echo(markdown(table))
    ece = calibration(rows)
    click.echo(f"expected calibration error: {ece}")
    same = None if adapter else agreement(model, checkpoint, test)
    if same is not None:
        click.echo(f"described in the same words by the stock class: {same:.0%}")
    written = {
        "checkpoint": model.name,
        "side": side,
        "split": {name: len(examples) for name, examples in parts.items()},
        "near_duplicates_left_out": len(refused),
        "figures": [asdict(one) for one in table],
        "ece": asdict(ece),
        "same_words_as_the_stock_class": same,
        "per_image": {name: value / len(rows) for name, value in spent.items()},
        "texts": [{"image": r.example.name, "text": r.seen.text} for r in rows[::40]],
    }
    out.write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
