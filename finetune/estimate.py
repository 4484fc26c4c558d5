"""The memory that a step takes, found without taking it.

The batch runs through the model on the meta device, where tensors have shapes and no values, and
what the graph keeps for the backward pass is added up. Attention and buffers of the backward pass
differ by device, so a tenth more should be free.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_layers import GradientCheckpointingLayer

from finetune.answers import Answers
from finetune.collate import Batch
from finetune.methods import Trainable
from finetune.recipe import FinetuneRecipe

QUANTISED = {"nf4": 0.516, "fp4": 0.516, "int8": 1.0}  # bytes a weight, with its scales
_MOMENTS = 2  # of AdamW


@dataclass(frozen=True)
class Memory:
    """Bytes."""

    weights: int
    gradients: int
    optimiser: int
    activations: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimiser + self.activations

    def in_words(self) -> str:
        parts = [f"{name} {_size(n)}" for name, n in vars(self).items()]
        return f"{' + '.join(parts)} = {_size(self.total)}"


def estimate(trainable: Trainable, batch: Batch, recipe: FinetuneRecipe) -> Memory:
    """What a step on this batch takes; the model is moved to the meta device for it."""
    weights = sum(_bytes(name, p, recipe) for name, p in trainable.model.named_parameters())
    learned = sum(p.numel() * p.element_size() for _, p in trainable.parameters())
    kept = _kept(trainable, batch, recipe)
    return Memory(round(weights), learned, _MOMENTS * learned, kept)


def _bytes(name: str, parameter: nn.Parameter, recipe: FinetuneRecipe) -> float:
    frozen_matrix = not parameter.requires_grad and "proj" in name and parameter.ndim == 2
    if recipe.method == "qlora" and frozen_matrix:
        return parameter.numel() * QUANTISED[recipe.quantisation]
    return parameter.numel() * parameter.element_size()


def _kept(trainable: Trainable, batch: Batch, recipe: FinetuneRecipe) -> int:
    """What the graph keeps; with checkpointing each layer's input and the largest layer's own."""
    whole: Any = trainable.model
    whole.activation_checkpointing_disable()
    model = Answers(whole).to("meta")
    with graph_of(model) as graph:
        model.train()(batch.to(torch.device("meta")))
    if recipe.gradient_checkpointing:
        return graph.total - sum(graph.layers) + max(graph.layers, default=0) + sum(graph.inputs)
    return graph.total


class Graph:
    """Adds up storages that are kept, those of parameters apart, and what each layer adds."""

    def __init__(self, model: nn.Module) -> None:
        self.total, self.layers, self.inputs = 0, list[int](), list[int]()
        self._seen = {id_of(p) for p in model.parameters()}
        self._alive: list[Tensor] = []  # so that no id is given twice
        self._before = 0

    def keep(self, tensor: Tensor) -> Tensor:
        if (key := id_of(tensor)) not in self._seen:
            self._seen.add(key)
            self._alive.append(tensor)
            self.total += tensor.untyped_storage().nbytes()
        return tensor

    def enter(self, layer: nn.Module, given: tuple[Any, ...]) -> None:
        self._before = self.total

    def leave(self, layer: nn.Module, given: tuple[Any, ...], made: Any) -> None:
        if self.total > self._before:  # a layer without gradients keeps nothing
            self.layers.append(self.total - self._before)
            self.inputs.append(given[0].numel() * given[0].element_size())


@contextmanager
def graph_of(model: nn.Module) -> Iterator[Graph]:
    graph, hooks = Graph(model), list[Any]()
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            hooks.append(module.register_forward_pre_hook(graph.enter))
            hooks.append(module.register_forward_hook(graph.leave))
    try:
        with torch.autograd.graph.saved_tensors_hooks(graph.keep, lambda tensor: tensor):
            yield graph
    finally:
        for hook in hooks:
            hook.remove()


def id_of(tensor: Tensor) -> int:
    """Which memory a tensor is a view of."""
    return int(tensor.untyped_storage()._cdata)


def _size(bytes_: int) -> str:
    return f"{bytes_ / 1e9:.2f} GB" if bytes_ >= 1e8 else f"{bytes_ / 1e6:.1f} MB"
