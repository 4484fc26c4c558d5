"""Who sees whom in a batch, as a table: the mask that the model would be given, summed up."""

from typing import Any

import torch
from torch import Tensor
from transformers.masking_utils import create_causal_mask

from finetune.collate import IGNORED, Batch, packed_mask

PARTS = ("image", "prompt", "answer")


def mask_of(config: Any, batch: Batch) -> Tensor:
    """(sequences, length, length), True where a token (row) sees another (column)."""
    if batch.isolated:
        return packed_mask(batch.segments)[:, 0]
    text = config.get_text_config()
    mask: Any = create_causal_mask(
        config=text, inputs_embeds=torch.empty(*batch.ids.shape, 1), attention_mask=batch.real,
        past_key_values=None, position_ids=batch.positions,
        block_sequence_ids=torch.where(batch.token_types == 0, 0, -1),
    )  # fmt: skip
    if mask is None:  # causal, no padding
        return torch.ones(batch.ids.shape[1], batch.ids.shape[1]).tril().bool()[None]
    seen: Tensor = mask[:, 0] if mask.dtype == torch.bool else mask[:, 0] == 0
    return seen


def mask_table(config: Any, batch: Batch) -> str:
    """What the image, the prompt and the answer of the first sequence see of each other."""
    mask, image = mask_of(config, batch)[0], batch.segments[0] == 0
    answer = batch.labels[0] != IGNORED
    prompt = batch.real[0].bool() & ~image & ~answer
    first = batch.segments[0] == 1  # of packed rows one is shown
    parts = {
        "image": image,
        "prompt": prompt & (first | ~image) & (batch.segments[0] <= 1),
        "answer": answer & (batch.segments[0] <= 1),
    }
    lines = [f"{'':8}" + "".join(f"{f'sees {name}':14}" for name in PARTS)]
    for name in PARTS:
        cells = (_in_words(mask, parts[name], parts[other], name == other) for other in PARTS)
        lines.append(f"{name:8}" + "".join(f"{cell:14}" for cell in cells))
    return "\n".join(line.rstrip() for line in lines)


def _in_words(mask: Tensor, of: Tensor, what: Tensor, itself: bool) -> str:
    if not (of.any() and what.any()):
        return "-"
    seen = mask[of][:, what]
    if seen.all():
        return "all"
    if not seen.any():
        return "nothing"
    return "its past" if itself and torch.equal(seen, torch.ones_like(seen).tril()) else "some"
