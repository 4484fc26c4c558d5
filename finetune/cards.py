"""The cards of a run: a model card beside the adapter, a dataset card beside the rows.

In the form of the Hugging Face hub (Mitchell et al. 2019, arXiv:1810.03993), filled from what the
run knows; nothing is looked up.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
import yaml
from huggingface_hub import DatasetCard, DatasetCardData, EvalResult, ModelCard, ModelCardData

from agent.machine import processor
from finetune.recipe import FinetuneRecipe
from finetune.saving import Base
from finetune.sets import Count

RESEARCH = (
    "**Research use only.** It is no medical device, and nothing it says is a diagnosis. It was"
    " not validated on patients, and images of other laboratories, stains and microscopes differ."
)
_HUB_LICENCES = {"cc by 4.0": "cc-by-4.0", "cc-by-4.0": "cc-by-4.0", "mit": "mit",
                 "cc0-1.0": "cc0-1.0", "apache-2.0": "apache-2.0"}  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """What a run measured, as its card tells it."""

    method: str
    trainable: int
    parameters: int
    steps: int
    images: int
    seconds: float
    loss: float
    held_out_before: float | None
    held_out: float | None
    peak_memory_mb: int
    devices: int


def hardware(devices: int = 1) -> str:
    """The machine in words."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else processor()
    return f"{devices} × {name}, {torch.get_num_threads()} thread(s), {platform.system()}"


def model_card(
    figures: Figures, recipe: FinetuneRecipe, base: Base, counts: Sequence[Count]
) -> ModelCard:
    """The card of what was trained."""
    name = f"{Path(recipe.model).name}, {figures.method.replace('_', ' ')}"
    data = ModelCardData(
        base_model=recipe.model if base.revision else None,
        language="en",
        library_name="transformers" if figures.method == "full" else "peft",
        license="gemma" if recipe.model.startswith("google/") else "other",
        license_name=None if recipe.model.startswith("google/") else "that-of-the-base-model",
        pipeline_tag="image-text-to-text",
        tags=["paligemma", "cytology", "research-use-only", figures.method],
        model_name=name,
        eval_results=_results(figures, counts),
    )
    return ModelCard(page(data.to_yaml(), _model_text(name, figures, recipe, base, counts)))


def dataset_card(counts: Sequence[Count]) -> DatasetCard:
    """The card of the rows that were trained on."""
    licences = sorted({licence for count in counts for licence in count.licences})
    known = sorted({_HUB_LICENCES.get(licence.lower(), "other") for licence in licences})
    data = DatasetCardData(
        language="en",
        license=known,
        pretty_name=", ".join(count.name for count in counts),
        task_categories=["visual-question-answering", "image-to-text"],
        size_categories=[size_category(sum(count.rows for count in counts))],
        tags=["research-use-only"],
    )
    return DatasetCard(page(data.to_yaml(), _dataset_text(counts)))


def page(head: str, text: str) -> str:
    return f"---\n{head}\n---\n\n{text}\n"


def _results(figures: Figures, counts: Sequence[Count]) -> list[EvalResult] | None:
    if figures.held_out is None:
        return None
    names = ", ".join(count.name for count in counts)
    return [
        EvalResult(
            task_type="image-text-to-text", dataset_type="custom", dataset_name=names,
            dataset_split="dev", metric_type="loss", metric_name="held-out loss a token",
            metric_value=round(figures.held_out, 4),
        )
    ]  # fmt: skip


def _model_text(
    name: str, figures: Figures, recipe: FinetuneRecipe, base: Base, counts: Sequence[Count]
) -> str:
    shown = recipe.model_dump(mode="json", exclude_defaults=True)
    before, after = _figure(figures.held_out_before), _figure(figures.held_out)
    share = figures.trainable / figures.parameters
    return "\n".join(
        [
            f"# {name}", "", RESEARCH, "",
            "## Base", f"`{recipe.model}`, {_pin(base)}.", "",
            "## Data", _table(counts), "",
            "## Training",
            f"{figures.method}: {figures.trainable:,} of {figures.parameters:,} parameters"
            f" ({share:.2%}), {figures.steps:,} steps, {figures.images:,} images seen,"
            f" {figures.seconds / 60:.1f} minutes on {hardware(figures.devices)};"
            f" {figures.peak_memory_mb:,} MB at most. torch {version('torch')},"
            f" transformers {version('transformers')}, peft {version('peft')}.", "",
            f"```yaml\n{yaml.safe_dump(shown, sort_keys=False)}```", "",
            "## Figures",
            f"Loss a token of the held-out rows: {before} before, {after} after;"
            f" of the last training steps {_figure(figures.loss)}.", "",
            "## Use", _use(recipe, figures.method), "",
            "## Limits",
            "A lower loss is no proof of a better answer: measure it with `cytoscribe compare` on"
            " rows that were held out.",
        ]
    )  # fmt: skip


def _use(recipe: FinetuneRecipe, method: str) -> str:
    adapter = "" if method == "full" else ", adapter=folder"
    model = "folder" if method == "full" else f'"{recipe.model}"'
    return (
        "```python\nfrom agent.paligemma import load_paligemma\n\nfolder = …  # of this card\n"
        f"model = load_paligemma({model}{adapter})\n```"
    )


def _pin(base: Base) -> str:
    if base.revision:
        return f"revision `{base.revision}`"
    return "; ".join(f"sha256 of `{name}`: `{digest}`" for name, digest in base.sha256.items())


def _dataset_text(counts: Sequence[Count]) -> str:
    return "\n".join(
        [
            "# Rows of a fine-tuning run", "",
            "Prompts and answers about images, as PaliGemma is trained on; read from the sets"
            " below. The images stay where they are and under their licences.", "", RESEARCH, "",
            "## Sets", _table(counts), "",
            "## Splits",
            "The side that a set says, else by a hash of the patient, slide or source: 75% to train"
            " on, 10% to develop, 15% to test. A group is on one side only, and an image that"
            " nearly repeats one of another side is left out.",
        ]
    )  # fmt: skip


def _table(counts: Sequence[Count]) -> str:
    lines = ["| set | format | licence | rows read | images trained on | held out | left out |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for c in counts:
        why = "; ".join(f"{reason}: {n:,}" for reason, n in c.dropped.items()) or "none"
        lines.append(
            f"| {c.name} | {c.format} | {', '.join(c.licences)} | {c.rows:,} | {c.images:,} |"
            f" {c.held_out:,} | {why} |"
        )
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"


def size_category(rows: int) -> str:
    limits = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
    return next((name for limit, name in limits.items() if rows < limit), "n>1M")
