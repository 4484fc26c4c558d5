"""`python -m finetune.lite.evaluate`: what a checkpoint sees on images it never trained on.

Everything is asked through the serving model with PaliGemma's own mask; training heads play no
part. Each figure stands beside the training set's most common answer, a blank image, and the
answers given to other images of the same kind (for what all images of a kind share: to any other).
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from eval.descriptions import Estimate, Facts, Metric, Pair
from eval.seeing import Seen, blank, majority, see, shuffled, speakable
from finetune.data.collection import load
from finetune.data.example import Example
from finetune.lite.augment import restained
from finetune.lite.tasks import view_facts
from tools.findings import ATTRIBUTES, COUNTS, KINDS
from tools.protocols import Vectors

ROWS, DEPTH = 16, 5
SHARED_BY_KIND = ("subject", "modality", "stain")


@dataclass(frozen=True, eq=False)
class Row:
    """A test image: what is true, what the model said, what the controls said."""

    example: Example
    truth: Facts
    seen: Seen
    controls: Mapping[str, Seen]


def truth_of(example: Example) -> dict[str, str]:
    """The facts of the whole image."""
    return view_facts(example.facts, example.instances, example.counted)


def _batches(examples: Sequence[Example]) -> Iterable[list[Image.Image]]:
    for start in range(0, len(examples), ROWS):
        yield [Image.fromarray(example.pixels) for example in examples[start : start + ROWS]]


def embed(model: PaliGemma, examples: Sequence[Example]) -> Vectors:
    """(examples, width), L2-normalised."""
    return np.concatenate([model.embed_image(model.look(b)) for b in _batches(examples)])


def commonest(examples: Sequence[Example]) -> Seen:
    """The most common answer to each question among the examples."""
    return majority([truth_of(example) for example in examples])


def rows_of(model: PaliGemma, train: Sequence[Example], test: Sequence[Example]) -> list[Row]:
    """Ask about every test image, kind by kind, with the controls."""
    rows: list[Row] = []
    for kind in KINDS:
        of_kind = [example for example in test if example.kind == kind]
        if not of_kind:
            continue
        constant = commonest([example for example in train if example.kind == kind])
        empty = blank(model, kind)
        with click.progressbar(list(_batches(of_kind)), label=kind) as batches:
            seen = [one for batch in batches for one in see(batch, model, [kind])]
        for example, said, elsewhere in zip(of_kind, seen, shuffled(seen), strict=True):
            controls = {"majority": constant, "blank": empty, "shuffled": elsewhere}
            rows.append(Row(example, truth_of(example), said, controls))
    return _across(rows, commonest(train))


def _across(rows: Sequence[Row], constant: Seen) -> list[Row]:
    """Add the controls of what images of a kind share."""
    other = shuffled([row.seen for row in rows], seed=1)
    return [
        Row(
            row.example,
            row.truth,
            row.seen,
            {**row.controls, "shuffled across kinds": said, "majority of all": constant},
        )
        for row, said in zip(rows, other, strict=True)
    ]


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    model: Estimate
    majority: float
    blank: float
    shuffled: float


def figure(
    name: str,
    metric: Metric[Pair],
    rows: Sequence[Row],
    written: bool = False,
    across: bool = False,
) -> Figure:
    """A metric of the model and of the three controls, on the same images."""

    def pairs(said: Callable[[Row], Seen]) -> list[Pair]:
        if written:
            return [(speakable(row.truth), said(row).written) for row in rows]
        return [(row.truth, said(row).asked) for row in rows]

    shuffled = "shuffled across kinds" if across else "shuffled"
    common = "majority of all" if across else "majority"
    controls = [
        metric(pairs(lambda row, control=control: row.controls[control]))  # type: ignore[misc]
        for control in (common, "blank", shuffled)
    ]
    return Figure(name, metrics.estimate(metric, pairs(lambda row: row.seen)), *controls)


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


def retrieval(model: PaliGemma, train: Sequence[Example], test: Sequence[Example]) -> Figure:
    """mAP@5 for the cell type, the training cells as library; controls that cannot be are NaN."""
    library = [example for example in train if example.kind == "cell"]
    queries = [example for example in test if example.kind == "cell"]
    labels = [example.facts["cell_type"] for example in library]
    wanted = [example.facts["cell_type"] for example in queries]
    vectors, stored = embed(model, queries), embed(model, library)
    found = metrics.average_precision(vectors, stored, wanted, labels, DEPTH)
    other = random.Random(0).sample(wanted, len(wanted))
    shuffled = metrics.average_precision(vectors, stored, other, labels, DEPTH)
    return Figure(
        f"similar cases by cell type, mAP@{DEPTH}",
        metrics.estimate(metrics.mean_value(), found),
        float("nan"),
        float("nan"),
        float(np.mean(shuffled)),
    )


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
@click.option("--side", type=click.Choice(["dev", "test"]), default="test", help="Of the split.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSON to write.")
def main(data: Path, checkpoint: str, side: str, out: Path) -> None:
    """Measure a checkpoint on held-out images; print the table and write every figure."""
    parts, refused = load(data)
    test = parts["dev"] if side == "dev" else parts["test"]
    model = load_paligemma(checkpoint, dtype="float32")
    began, cpu = time.monotonic(), time.process_time()
    rows = rows_of(model, parts["train"], test)
    spent = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}
    table = [*figures(rows), retrieval(model, parts["train"], test)]
    table += other_stain(model, parts["train"], test)
    click.echo(markdown(table))
    ece, same = calibration(rows), agreement(model, checkpoint, test)
    click.echo(f"expected calibration error: {ece}")
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
