"""This project's own subject: its batches, its forward, and serving as the agent does it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import PaliGemmaProcessor

from agent.decoding import Decoder
from agent.loading import has_isolated_images
from agent.paligemma import PaliGemma
from agent.prefixes import prefixes_for
from finetune.answers import Answers
from finetune.collate import IGNORED, Collator
from finetune.collate import Batch as Made
from finetune.conformance.listening import paligemma
from finetune.conformance.rows import picture
from finetune.conformance.stock import stock_collator, stock_subject
from finetune.conformance.subject import Batch, Subject, is_prompt_learning
from finetune.data.row import Row
from finetune.pictures import Pictures
from finetune.rows import items


def our_subject(model: nn.Module, processor: PaliGemmaProcessor, name: str) -> Subject:
    """A PaliGemma, with a PEFT adapter on it or not; prompt tuning only runs PEFT's own way."""
    if is_prompt_learning(model):
        return stock_subject(name, model, processor, stock_collator(processor))
    stock = paligemma(model)
    collator = Collator(
        processor, Pictures(processor, 0), isolated=has_isolated_images(stock.config)
    )
    answers = Answers(stock)

    def collate(rows: Sequence[Row]) -> Batch:
        made = collator(list(items(rows)))
        return {"input_ids": made.ids, "labels": _learned(made), "made": made}

    def forward(batch: Batch) -> object:
        return answers(replace(batch["made"], ids=batch["input_ids"]).to(stock.device))

    return Subject(name, model, processor, collate, forward, AgentServing(model, processor))


def _learned(made: Made) -> Tensor:
    """What the loss is of, as labels: each token in its own place."""
    labels = torch.full_like(made.ids, IGNORED)
    rows, before = made.asked
    labels[rows, before + 1] = made.targets
    return labels


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
