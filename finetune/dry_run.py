"""Try a recipe without training: its data, masks, one batch, parameters, memory and steps.

Nothing is downloaded. With the checkpoint's own weights here, the batch also runs once.
"""

import math
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from transformers import PaliGemmaProcessor

from agent.loading import has_isolated_images
from finetune.answers import Answers
from finetune.collate import IGNORED, Batch, collator_of
from finetune.estimate import estimate
from finetune.mask_table import mask_table
from finetune.methods import Trainable, prepare
from finetune.recipe import FinetuneRecipe
from finetune.sets import Sets, sets_of
from finetune.stand_in import at_hand
from finetune.stopping import items_a_step
from tools.errors import BadInputError

_SHOWN = 4  # sequences
Say = Callable[[str], None]


def dry_run(recipe: FinetuneRecipe, say: Say, tokenizer: Path | None = None) -> None:
    """Say what a run by the recipe would be.

    Raises:
        BadInputError, ModelUnavailableError: what the run itself would raise.
    """
    tried = at_hand(recipe, tokenizer)
    for line in tried.said:
        say(line)
    with tempfile.TemporaryDirectory() as folder:
        sets = sets_of(recipe, Path(folder), say)
        trainable = prepare(tried.model, tried.processor, recipe)
        isolated = has_isolated_images(tried.model.config)
        collator = collator_of(recipe, tried.processor, isolated, trainable.soft_ids)
        items = next(sets.sampler(recipe.seed).steps(recipe.batch_size))
        batch = collator(items)
    for line in _in_words(recipe, trainable, tried.processor, sets, batch):
        say(line)
    if tried.real:
        say(f"loss: {_loss(trainable, batch, recipe):.4f} a token of this batch, before training")
    say(f"memory: {estimate(trainable, batch, recipe).in_words()} (a forward; plus about a tenth)")


def _in_words(
    recipe: FinetuneRecipe, trainable: Trainable, processor: PaliGemmaProcessor, sets: Sets,
    batch: Batch,
) -> Iterator[str]:  # fmt: skip
    learned = sum(p.numel() for _, p in trainable.parameters())
    all_of_it = sum(p.numel() for p in trainable.model.parameters())
    yield f"method: {recipe.method}: {learned:,} of {all_of_it:,} parameters are trained" + (
        f" ({learned / all_of_it:.2%})"
    )
    form = "rows packed behind their image" if batch.isolated else "a row a sequence"
    yield (
        f"batch: {batch.rows} rows, {form}: {len(batch.ids)} sequences of {batch.ids.shape[1]}"
        f" tokens, {batch.answers} of them learned; rows cut: {batch.cut}"
    )
    for number in range(min(_SHOWN, len(batch.ids))):
        yield "  " + decoded(processor, batch, number)
    yield "mask of the first row:"
    yield mask_table(trainable.model.config, batch)
    yield steps_in_words(recipe, sets)


def decoded(processor: PaliGemmaProcessor, batch: Batch, number: int) -> str:
    """A sequence in words; what is learned stands in brackets, an image is counted."""
    words, image = processor.tokenizer, processor.image_token_id
    pieces, learning = list[str](), False
    ids = batch.ids[number][batch.real[number].bool()].tolist()
    labels = batch.labels[number].tolist()
    if (images := ids.count(image)) > 0:
        pieces.append(f"<image>×{images} ")
    for token, label in list(zip(ids, labels, strict=False))[images:]:
        if (label != IGNORED) != learning:
            learning = not learning
            pieces.append("[" if learning else "] ")
        pieces.append(words.decode([token]).replace("\n", "⏎"))
    return "".join(pieces) + "]" * learning


def steps_in_words(recipe: FinetuneRecipe, sets: Sets) -> str:
    """How long the run would be, on one device."""
    images = sets.sampler(recipe.seed).size
    each = items_a_step(recipe)
    bounds = [
        f"{recipe.max_steps:,} steps" if recipe.max_steps else "",
        f"{recipe.max_minutes:g} minutes" if recipe.max_minutes else "",
        f"{recipe.epochs:g} epochs = {math.ceil(recipe.epochs * images / each):,} steps"
        if recipe.epochs
        else "",
    ]
    told = ", ".join(bound for bound in bounds if bound)
    return (
        f"steps: {told}{' (the first that is reached)' * (told.count(',') > 0)}, {each} images each"
    )


def _loss(trainable: Trainable, batch: Batch, recipe: FinetuneRecipe) -> float:
    device = trainable.model.device
    with torch.inference_mode():
        total = Answers(trainable.model, bf16=recipe.bf16).eval()(batch.to(device))
    if not math.isfinite(total):
        raise BadInputError("the loss of the batch is not a number; try dtype: float32")
    return float(total) / batch.answers
