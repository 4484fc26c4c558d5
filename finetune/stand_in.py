"""What stands in for a checkpoint that is not on this machine, so that its recipe can be tried.

A model of its exact shape without weights, and a processor with a given Gemma tokenizer or, for
want of one, with the words of the lite checkpoint. What stands in is always said.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import AutoTokenizer, PaliGemmaForConditionalGeneration, PaliGemmaProcessor
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from agent.loading import DTYPES, Checkpoint, find_checkpoint, load_processor
from finetune.gemma_vocabulary import gemma_tokenizer
from finetune.methods import load_base
from finetune.recipe import FinetuneRecipe
from finetune.shapes import known_shape
from tools.errors import ModelUnavailableError

LITE = Path(__file__).parent.parent / "agent" / "checkpoints" / "lite"


@dataclass(frozen=True, eq=False)
class Tried:
    """A model and a processor to try a recipe with, and what they are in words."""

    model: PaliGemmaForConditionalGeneration
    processor: PaliGemmaProcessor
    said: tuple[str, ...]
    real: bool  # with its own weights


def at_hand(recipe: FinetuneRecipe, tokenizer: Path | None = None) -> Tried:
    """The recipe's checkpoint if it is on this machine, else what can stand in; no download.

    Raises:
        ModelUnavailableError: it is not here, and its shape is not known.
    """
    if (checkpoint := _here(recipe)) is not None:
        model = load_base(checkpoint, recipe)
        said = f"model: {recipe.model}, its own weights ({checkpoint.name})"
        return Tried(model, load_processor(checkpoint), (said,), real=True)
    config: Any = known_shape(recipe.model)
    if config is None:
        raise ModelUnavailableError(
            f"{recipe.model} is not on this machine and its shape is not known; give a folder, or"
            " download it first: hf download " + recipe.model
        )
    with torch.device("meta"):
        shape: Any = PaliGemmaForConditionalGeneration(config)
    model = shape.to(DTYPES.get(recipe.dtype, torch.bfloat16))
    said = (
        f"model: {recipe.model}: its weights are NOT on this machine. A model of its exact shape"
        " without weights stands in: counts and memory hold, no loss can be told."
    )
    processor, words = _processor(config.vision_config.image_size, tokenizer)
    return Tried(model, processor, (said, words), real=False)


def _here(recipe: FinetuneRecipe) -> Checkpoint | None:
    if Path(recipe.model).expanduser().is_dir():
        return find_checkpoint(recipe.model)
    try:
        folder = snapshot_download(recipe.model, revision=recipe.revision, local_files_only=True)
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError):
        return None
    return find_checkpoint(folder) if any(Path(folder).glob("*.safetensors")) else None


def _processor(side: int, tokenizer: Path | None) -> tuple[PaliGemmaProcessor, str]:
    images: Any = SiglipImageProcessorPil(
        size={"height": side, "width": side}, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )
    images.image_seq_length = (side // 14) ** 2
    lite, both = _any(AutoTokenizer), _any(PaliGemmaProcessor)
    if tokenizer is not None:
        said = f"tokenizer: Gemma's, from {tokenizer}"
        return both(image_processor=images, tokenizer=gemma_tokenizer(tokenizer)), said
    said = (
        "tokenizer: NOT Gemma's, which is not on this machine: the lite checkpoint's stands in, so"
        " text has other and mostly more tokens; give Gemma's by --tokenizer"
    )
    return both(image_processor=images, tokenizer=lite.from_pretrained(LITE)), said


def _any(untyped: Any) -> Any:
    """transformers leaves these without types."""
    return untyped
