"""Listening to a PaliGemma while somebody else's code runs it, and nudging what it sees.

Hooks on the stock modules hear the ids that are embedded and the decoder's last hidden states
(logits are one matrix further), whatever wraps the model and whoever calls it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PaliGemmaForConditionalGeneration


@dataclass
class Heard:
    """Calls of the decoder, in order; those of one cache follow each other."""

    ids: list[Tensor] = field(default_factory=list)
    states: list[Tensor] = field(default_factory=list)

    def all_ids(self) -> Tensor:
        """(rows, tokens)."""
        return torch.cat(self.ids, 1)

    def all_states(self) -> Tensor:
        """(rows, tokens, width), float32; virtual tokens, which have no ids, come first."""
        return torch.cat(self.states, 1).float()


def paligemma(model: nn.Module) -> PaliGemmaForConditionalGeneration:
    """The stock model in whatever wraps it."""
    for module in model.modules():
        if isinstance(module, PaliGemmaForConditionalGeneration):
            return module
    raise TypeError(f"{type(model).__name__} has no PaliGemma in it")


@contextmanager
def listen(model: nn.Module) -> Iterator[Heard]:
    """Hear what is embedded and decoded meanwhile."""
    stock: Any = paligemma(model)
    heard = Heard()

    def embedded(_: nn.Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        if inputs[0].dim() == 2:  # a single id is asked for to find the image's places
            heard.ids.append(inputs[0])

    def decoded(_: nn.Module, __: Any, output: Any) -> None:
        heard.states.append(output.last_hidden_state)

    hooks = [
        stock.get_input_embeddings().register_forward_hook(embedded),
        stock.model.language_model.register_forward_hook(decoded),
    ]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def last_image_token_changed(model: nn.Module) -> Iterator[None]:
    """The last image token of every image is turned around meanwhile."""
    stock: Any = paligemma(model)

    def turned(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        return torch.cat([output[:, :-1], -output[:, -1:]], 1)

    hook = stock.model.multi_modal_projector.register_forward_hook(turned)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def training(model: nn.Module) -> Iterator[None]:
    """In training mode but for dropout, without gradients; put back afterwards."""
    was = {module: module.training for module in model.modules()}
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in was.items():
            module.training = mode
