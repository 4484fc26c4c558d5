"""What of a model is trained: all of it, low-rank updates, or a soft prompt.

Full training leaves the vision tower frozen if asked; LoRA sits on the language model's linear
layers unless the recipe names others. QLoRA quantises the frozen base, on a CUDA GPU only.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import BitsAndBytesConfig, PaliGemmaForConditionalGeneration, PaliGemmaProcessor

from agent.loading import Checkpoint, load_model
from finetune.recipe import FinetuneRecipe, Lora
from finetune.soft_prompt import token_ids, with_soft_prompt
from tools.errors import BadInputError

LANGUAGE = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
VISION = r".*vision_tower.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)"
_QLORA = "method: 'qlora': it needs {}; use method: lora, with dtype: bfloat16 to save memory"


@dataclass(frozen=True, eq=False)
class Trainable:
    """A model made ready for a method."""

    model: PaliGemmaForConditionalGeneration  # the PaliGemma itself, adapters in its layers
    adapter: PeftModel | None  # PEFT's wrapper around it; None: trained in full
    soft_prompt: tuple[str, ...] = ()
    soft_ids: tuple[int, ...] = ()

    def parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Those that are trained, by name."""
        return ((n, p) for n, p in self.model.named_parameters() if p.requires_grad)


def load_base(checkpoint: Checkpoint, recipe: FinetuneRecipe) -> PaliGemmaForConditionalGeneration:
    """The base weights in the recipe's dtype; for QLoRA quantised.

    Raises:
        BadInputError: QLoRA without a CUDA GPU or without bitsandbytes.
        ModelUnavailableError: as `agent.loading.load_model`.
    """
    if recipe.method != "qlora":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return load_model(checkpoint, adapter=None, device=device, dtype=recipe.dtype)
    if not torch.cuda.is_available():
        raise BadInputError(_QLORA.format("a CUDA GPU, and there is none here"))
    if find_spec("bitsandbytes") is None:
        raise BadInputError(_QLORA.format("the package bitsandbytes (pip install bitsandbytes)"))
    paligemma: Any = PaliGemmaForConditionalGeneration
    model: PaliGemmaForConditionalGeneration = paligemma.from_pretrained(
        checkpoint.folder, quantization_config=_quantised(recipe), use_safetensors=True,
        dtype=torch.bfloat16, local_files_only=True, device_map={"": torch.cuda.current_device()},
    )  # fmt: skip
    return model


def prepare(
    model: PaliGemmaForConditionalGeneration,
    processor: PaliGemmaProcessor,
    recipe: FinetuneRecipe,
) -> Trainable:
    """Freeze and wrap the model in place, and set up gradient checkpointing."""
    if recipe.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # PEFT's about transformers
        return _prepare(model, processor, recipe)


def _prepare(
    model: PaliGemmaForConditionalGeneration,
    processor: PaliGemmaProcessor,
    recipe: FinetuneRecipe,
) -> Trainable:
    if recipe.method == "full":
        model.requires_grad_(True)
        model.model.vision_tower.requires_grad_(not recipe.freeze_vision)
        return Trainable(model, None)
    if recipe.method == "soft_prompt":
        words = processor.tokenizer
        adapted, tokens = with_soft_prompt(model, words, recipe.soft_prompt, recipe.seed)
        return Trainable(model, adapted, tokens, token_ids(words, tokens))
    try:
        config = lora_config(recipe, processor.tokenizer)
        return Trainable(model, get_peft_model(model, config))
    except ValueError as error:
        raise BadInputError(f"lora.targets: {_targets(recipe)!r}: {error}") from error


def lora_config(recipe: FinetuneRecipe, tokenizer: Any) -> LoraConfig:
    """PEFT's form of the recipe's adapter."""
    lora: Lora = recipe.lora
    ids = {i for word in lora.words for i in tokenizer(word, add_special_tokens=False).input_ids}
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a float does as well
        lora_dropout=lora.dropout,
        target_modules=_targets(recipe),
        trainable_token_indices=sorted(ids) or None,
    )


def _targets(recipe: FinetuneRecipe) -> str:
    default = LANGUAGE if recipe.freeze_vision else f"{LANGUAGE}|{VISION}"
    return recipe.lora.targets or default


def _quantised(recipe: FinetuneRecipe) -> Any:
    config: Any = BitsAndBytesConfig
    if recipe.quantisation == "int8":
        return config(load_in_8bit=True)
    return config(
        load_in_4bit=True,
        bnb_4bit_quant_type=recipe.quantisation,
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_use_double_quant=True,
    )
