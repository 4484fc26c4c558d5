"""Soft prompts: trained embeddings of reserved tokens, in front of every prompt.

The tokens stand in the prompt's text, so masks, cache, decoding and merging work as for any other
token; PEFT's own prompt tuning drops `token_type_ids` and loses PaliGemma's mask. Reserved are
Gemma's <unused…> tokens, and where a vocabulary has none the last <seg…> tokens, which the
checkpoint must not use.
"""

import json
import random
import re
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, TrainableTokensConfig, get_peft_model
from transformers import PaliGemmaForConditionalGeneration

from agent.adapters import SOFT_PROMPT
from finetune.recipe import SoftPrompt
from tools.errors import BadInputError

_RESERVED = ((re.compile(r"<unused(\d+)>"), 1), (re.compile(r"<seg(\d{3})>"), -1))  # and order


def reserved_tokens(tokenizer: Any, length: int) -> tuple[str, ...]:
    """The tokens of a soft prompt, in order.

    Raises:
        BadInputError: the vocabulary has fewer.
    """
    vocabulary = tokenizer.get_vocab()
    most = 0
    for pattern, order in _RESERVED:
        numbered = {
            order * int(m[1]): token for token in vocabulary if (m := pattern.fullmatch(token))
        }
        found = tuple(numbered[number] for number in sorted(numbered)[:length])
        if len(found) == length and _read_as_written(tokenizer, found):
            return found
        most = max(most, len(found))
    raise BadInputError(
        f"soft_prompt.length: {length}: the vocabulary has {most} reserved tokens; ask for fewer"
    )


def token_ids(tokenizer: Any, tokens: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(tokenizer.convert_tokens_to_ids(list(tokens)))


def with_soft_prompt(
    model: PaliGemmaForConditionalGeneration, tokenizer: Any, soft: SoftPrompt, seed: int
) -> tuple[PeftModel, tuple[str, ...]]:
    """The model with the tokens' embeddings trainable and all else frozen; and the tokens."""
    tokens = reserved_tokens(tokenizer, soft.length)
    first = _first_ids(tokenizer, soft, seed)
    embedding: Any = model.get_input_embeddings()
    begun = embedding.weight[list(first)].detach().clone().float()
    ids = token_ids(tokenizer, tokens)
    adapted = get_peft_model(model, TrainableTokensConfig(token_indices=list(ids)))
    embedding = model.get_input_embeddings()  # PEFT has wrapped it
    embedding.trainable_tokens_delta["default"].data = begun
    return adapted, tokens


def save_soft_prompt(folder: Path, tokens: tuple[str, ...]) -> None:
    """Beside the adapter, for serving to place them."""
    (folder / SOFT_PROMPT).write_text(json.dumps({"tokens": list(tokens)}) + "\n", "utf-8")


def _first_ids(tokenizer: Any, soft: SoftPrompt, seed: int) -> list[int]:
    """What the tokens begin as: the given words over and over, or words of the vocabulary."""
    if soft.start:
        ids = tokenizer(soft.start, add_special_tokens=False).input_ids
        return [ids[i % len(ids)] for i in range(soft.length)]
    words = sorted(i for token, i in tokenizer.get_vocab().items() if token[0].isalpha())
    return random.Random(seed).choices(words, k=soft.length)


def _read_as_written(tokenizer: Any, tokens: tuple[str, ...]) -> bool:
    read = tokenizer("".join(tokens), add_special_tokens=False).input_ids
    return tuple(read) == token_ids(tokenizer, tokens)


def trained_embedding(model: PaliGemmaForConditionalGeneration) -> torch.Tensor:
    """The soft prompt itself, (length, width)."""
    embedding: Any = model.get_input_embeddings()
    found: torch.Tensor = embedding.trainable_tokens_delta["default"]
    return found
