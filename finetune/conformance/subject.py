"""What is checked: any tool that collates rows, trains on them and serves a PaliGemma.

A tool is four functions around a model, so that others' tools are checked as ours is. Their inner
working is no matter: the kit looks at the batches they make and listens to the decoder.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peft import PeftModel
from torch import Tensor, nn
from transformers import PaliGemmaProcessor

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


def is_prompt_learning(model: nn.Module) -> bool:
    """Whether PEFT puts virtual tokens or keys before the text: prompt, p- or prefix tuning."""
    return isinstance(model, PeftModel) and bool(model.active_peft_config.is_prompt_learning)
