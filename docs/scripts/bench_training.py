"""Measure training beside the plain transformers Trainer: docs/benchmarks/training.md.

python docs/scripts/bench_training.py DATA   (the folder that holds pbc_wbcatt)

The same model, rows, batch, LoRA and machine, in one process and in turns. Counted is CPU time of
the whole process, all threads, images decoded: on a busy machine wall time tells of the others.
"""

import copy
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import torch
from PIL import Image
from transformers import Trainer, TrainingArguments

from agent.loading import find_checkpoint, load_model, load_processor
from finetune.cards import hardware
from finetune.collate import collator_of
from finetune.data.formats import read_rows
from finetune.data.row import Row
from finetune.learner import Learner
from finetune.methods import prepare
from finetune.recipe import FinetuneRecipe, recipe_of
from finetune.rows import Item, items
from finetune.sets import of_rows

LITE = "agent/checkpoints/lite"
QUESTIONS, IMAGES_A_STEP = 4, 8
OUT = Path("docs/benchmarks/training.md")


@dataclass(frozen=True)
class Way:
    """A way to train, and the recipe's values that make it."""

    name: str
    isolated: bool
    towers_mb: int = 0


WAYS = (
    Way("rows packed behind their image, images decoded once", True),
    Way("… and the frozen tower's output kept", True, 1024),
    Way("a row a sequence, the tower once an image, images decoded once", False),
    Way("… and the frozen tower's output kept", False, 1024),
)


def rows_of(data: Path, images: int) -> list[Item]:
    """The first images of WBCAtt with four rows each."""
    found = items(read_rows(data / "pbc_wbcatt", "wbcatt", Counter()))
    whole = (item[:QUESTIONS] for item in found if len(item) >= QUESTIONS)
    return list(islice(whole, images))


def recipe(towers_mb: int = 0) -> FinetuneRecipe:
    return recipe_of({
        "model": LITE, "max_steps": 1, "batch_size": IMAGES_A_STEP, "questions": QUESTIONS,
        "towers_mb": towers_mb, "workers": 0,
    })  # fmt: skip


def base(isolated: bool) -> Any:
    """The lite model; not `isolated`: read with the mask of Google's checkpoints."""
    model = load_model(find_checkpoint(LITE), adapter=None, device="cpu", dtype="float32")
    model.config = copy.deepcopy(model.config)
    model.config.image_prefix = "isolated" if isolated else None
    return model


def ours(way: Way, chosen: Sequence[Item], steps: int) -> float:
    """CPU seconds of the steps, the first epoch's decoding among them."""
    told, words = recipe(way.towers_mb), load_processor(find_checkpoint(LITE))
    trainable = prepare(base(way.isolated), words, told)
    sets = of_rows([row for item in chosen for row in item], [])
    learner = Learner(told, trainable, collator_of(told, words, way.isolated), sets)
    start = time.process_time()
    for step, batch in zip(range(steps), learner.batches(0), strict=False):
        learner.take_step(step, batch, 1e-4)
    return time.process_time() - start


def theirs(chosen: Sequence[Item], steps: int) -> float:
    """CPU seconds of the Trainer's steps, with the processor as its collator."""
    words, rows = load_processor(find_checkpoint(LITE)), [r for item in chosen for r in item]
    words.tokenizer.padding_side = "right"

    def collate(part: Sequence[Row]) -> Any:
        images = [Image.open(row.image).convert("RGB") for row in part]  # type: ignore[arg-type]
        return words(
            images=images, text=[f"<image>{row.prefix}" for row in part],
            suffix=[row.suffix for row in part], return_tensors="pt", padding=True,
            input_data_format="channels_last",
        )  # fmt: skip

    adapted = prepare(base(isolated=False), words, recipe()).adapter
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            folder, per_device_train_batch_size=IMAGES_A_STEP * QUESTIONS, max_steps=steps,
            use_cpu=True, report_to=[], save_strategy="no", logging_strategy="no",
            remove_unused_columns=False, optim="adamw_torch", disable_tqdm=True, max_grad_norm=1.0,
        )  # fmt: skip
        trainer = Trainer(adapted, settings, data_collator=collate, train_dataset=rows)
        start = time.process_time()
        trainer.train()
        return time.process_time() - start


def table(rates: dict[str, list[float]]) -> list[str]:
    """Rows a CPU second, median and range, and how often the Trainer's."""
    first = statistics.median(next(iter(rates.values())))
    lines = ["| way | rows a CPU second (range of rounds) | Trainer = 1 |", "|---|---|---|"]
    for name, found in rates.items():
        middle = statistics.median(found)
        lines.append(
            f"| {name} | {middle:.2f} ({min(found):.2f} to {max(found):.2f}) |"
            f" {middle / first:.2f} |"
        )
    return lines


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.option("--images", default=32, help="Of the set, four rows each.")
@click.option("--epochs", default=3, help="Over them, in each round.")
@click.option("--rounds", default=3, help="Of all ways, in turns.")
def main(data: Path, images: int, epochs: int, rounds: int) -> None:
    """Measure on images of DATA/pbc_wbcatt and write docs/benchmarks/training.md."""
    torch.set_num_threads(1)
    chosen, steps = rows_of(data, images), epochs * images // IMAGES_A_STEP
    ways: dict[str, Callable[[], float]] = {
        "plain transformers Trainer, a row a sequence": lambda: theirs(chosen, steps)
    }
    for number, way in enumerate(WAYS):
        kind = "isolated images (lite)" if way.isolated else "Google's mask"
        name = f"{kind}: {way.name.replace('…', WAYS[number - 1].name)}"
        ways[name] = lambda way=way: ours(way, chosen, steps)  # type: ignore[misc]
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, measure in ways.items():
            rates[name].append(steps * IMAGES_A_STEP * QUESTIONS / measure())
            click.echo(f"{name}: {rates[name][-1]:.2f} rows a CPU second", err=True)
    text = [
        "# Training: rows a second beside the plain Trainer", "",
        f"`make bench-training DATA=DIR` on {hardware()}, Python {platform.python_version()};"
        f" {images} images of PBC/WBCAtt with {QUESTIONS} rows each, {epochs} epochs, {rounds}"
        f" rounds in turns; the lite checkpoint, LoRA of rank 8 on its language model, float32,"
        f" {IMAGES_A_STEP * QUESTIONS} rows a step. CPU time of the process, decoding and the first"
        " epoch's work included: wall time on a busy machine tells of the others on it.", "",
        *table(rates), "",
        "The last two ways read every checkpoint, Google's among them: its image tokens see the"
        " prompt, so rows cannot share them, but the vision tower's output serves every row. All of"
        " ours make logits for the answers' tokens only. Without `freeze_vision` nothing is kept.",
    ]  # fmt: skip
    OUT.write_text("\n".join(text) + "\n", "utf-8")
    click.echo(OUT.read_text("utf-8"))


if __name__ == "__main__":
    main()
