"""PaliGemma as transformers documents it: the processor, the model, and `generate`."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList, PaliGemmaProcessor

from agent.paligemma import prefix_text
from finetune.conformance.rows import picture
from finetune.conformance.subject import Batch, Collate, Forward, Subject
from finetune.data.row import Row


def stock_subject(
    name: str,
    model: Any,
    processor: PaliGemmaProcessor,
    collate: Collate,
    padding_side: str = "left",
) -> Subject:
    """A tool that leaves training to `model(**batch)` and serving to `model.generate`."""
    serve = StockServing(model, processor, padding_side)
    return Subject(name, model, processor, collate, stock_forward(model), serve)


def stock_forward(model: Any) -> Forward:
    """What transformers' Trainer runs: the model on all that the batch holds."""

    def forward(batch: Batch) -> object:
        return model(**{name: value.to(model.device) for name, value in batch.items()})

    return forward


class StockServing:
    """The processor and `generate` of transformers, as their documentation serves PaliGemma."""

    def __init__(self, model: Any, processor: PaliGemmaProcessor, padding_side: str) -> None:
        self._model, self._processor, self._side = model, processor, padding_side

    def __call__(self, rows: Sequence[Row], answers: Tensor) -> None:
        inputs = self._processor(
            images=[[picture(row)] for row in rows],
            text=[prefix_text(row.prefix) for row in rows],
            padding=True, padding_side=self._side, return_tensors="pt",
        ).to(self._model.device)  # fmt: skip
        del inputs["labels"]
        forced = LogitsProcessorList([Forced(answers)])
        steps = answers.shape[1]
        self._model.generate(
            **inputs, max_new_tokens=steps, do_sample=False, logits_processor=forced
        )


class Forced(LogitsProcessor):
    """Leaves one token to choose at each step, (rows, steps)."""

    def __init__(self, tokens: Tensor) -> None:
        self._tokens, self._step = tokens, 0

    def __call__(self, _: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        only = torch.full_like(scores, -torch.inf)
        only.scatter_(1, self._tokens[:, self._step, None].to(scores.device), 0.0)
        self._step += 1
        return only  # type: ignore[return-value]


def stock_collator(processor: PaliGemmaProcessor) -> Collate:
    """The processor's own form of rows, padded on the right as training pads."""

    def collate(rows: Sequence[Row]) -> Batch:
        batch: Mapping[str, Any] = processor(
            images=[[picture(row)] for row in rows],
            text=[prefix_text(row.prefix) for row in rows],
            suffix=[row.suffix for row in rows],
            padding=True, padding_side="right", return_tensors="pt",
        )  # fmt: skip
        return dict(batch)

    return collate
