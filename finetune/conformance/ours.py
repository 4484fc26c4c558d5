"""This project's own subject: its batches, its forward, and serving as the agent does it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import PaliGemmaProcessor

from agent.decoding import Decoder
from agent.loading import has_isolated_images
from agent.paligemma import PaliGemma
from agent.prefixes import prefixes_for
from finetune.conformance.listening import paligemma
from finetune.conformance.rows import picture
from finetune.conformance.stock import stock_collator, stock_forward, stock_subject
from finetune.conformance.subject import Batch, Forward, Subject, is_prompt_learning
from finetune.data.row import Row
from finetune.lite.batch import packed_mask


def our_subject(model: nn.Module, processor: PaliGemmaProcessor, name: str) -> Subject:
    """A PaliGemma, with a PEFT adapter on it or not; prompt tuning only runs PEFT's own way."""
    collate = stock_collator(processor)
    if is_prompt_learning(model):
        return stock_subject(name, model, processor, collate)
    isolated = has_isolated_images(paligemma(model).config)
    forward = _isolated(model, processor) if isolated else stock_forward(model)
    return Subject(name, model, processor, collate, forward, AgentServing(model, processor))


def _isolated(model: nn.Module, processor: PaliGemmaProcessor) -> Forward:
    """Training of a checkpoint whose image tokens see only the image."""
    stock: Any = paligemma(model)

    def forward(batch: Batch) -> object:
        ids, pixels = batch["input_ids"], batch["pixel_values"].to(stock.device)
        segments = (ids != processor.image_token_id).long()
        segments[batch["attention_mask"] == 0] = -1
        allowed = packed_mask(segments)
        hidden = torch.zeros(allowed.shape, dtype=stock.dtype)  # added to the attention
        hidden = hidden.masked_fill(~allowed, torch.finfo(stock.dtype).min).to(stock.device)
        return model(input_ids=ids.to(stock.device), pixel_values=pixels, attention_mask=hidden)

    return forward


class AgentServing:
    """Reads prompts and writes tokens as the agent does: one, then several as if they were guessed.

    A LoRA is merged meanwhile, as the agent merges it for good.
    """

    def __init__(self, model: nn.Module, processor: PaliGemmaProcessor) -> None:
        self._model, self._processor = model, processor

    def __call__(self, rows: Sequence[Row], answers: Tensor) -> None:
        stock = paligemma(self._model)
        with _merged(self._model):
            served = PaliGemma(stock, self._processor, name="served")
            seen = served.look([picture(row) for row in rows])
            decoder = Decoder(stock)
            prefixes = prefixes_for(decoder, self._processor, "served")
            reading, _ = prefixes.read([row.prefix for row in rows], seen)
            for tokens in (
                answers[:, :-1].to(stock.device).tensor_split([1], 1)
            ):  # the last one is not read
                if tokens.shape[1]:
                    decoder.extend(reading, tokens, torch.ones_like(tokens))


@contextmanager
def _merged(model: nn.Module) -> Iterator[None]:
    if not isinstance(model, PeftModel):
        yield
        return
    model.merge_adapter()
    try:
        yield
    finally:
        model.unmerge_adapter()
