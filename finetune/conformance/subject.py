"""What is checked: any tool that collates rows, trains on them and serves a PaliGemma.

A tool is four functions around a model, so that others' tools are checked as ours is. Their inner
working is no matter: the kit looks at the batches they make and listens to the decoder.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import LogitsProcessor, LogitsProcessorList, PaliGemmaProcessor

from agent.paligemma import prefix_text
from finetune.conformance.rows import picture
from finetune.data.row import Row

Batch = Mapping[str, Any]  # at least `input_ids` and `labels`, (sequences, length)
Collate = Callable[[Sequence[Row]], Batch]
Forward = Callable[[Batch], object]  # one forward of training; what it returns is not looked at
# Reads the rows' prompts as one batch and writes the given tokens (rows, length) behind them.
Serve = Callable[[Sequence[Row], Tensor], object]


@dataclass(frozen=True)
class Subject:
    """A tool with the model it works on.

    `forward` and `serve` must run the text decoder of `model` (a PaliGemma, in PEFT's wrapper or
    not); a collator may put several rows into one sequence.
    """

    name: str
    model: nn.Module
    processor: PaliGemmaProcessor
    collate: Collate
    forward: Forward
    serve: Serve


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


def is_prompt_learning(model: nn.Module) -> bool:
    """Whether PEFT puts virtual tokens or keys before the text: prompt, p- or prefix tuning."""
    return isinstance(model, PeftModel) and bool(model.active_peft_config.is_prompt_learning)
