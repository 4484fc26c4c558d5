"""A checkpoint in half the bytes: matrices as int8 with a scale a row, the rest as it is.

For the lines that are kept beside the shipped one. Symmetric rounding by row (Dettmers et al. 2022,
arXiv:2208.07339, without its outliers); serving does not read it, `unpack` makes a folder again.
"""

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tools.errors import BadInputError

PACKED, WHOLE, SCALE = "model.int8.safetensors", "model.safetensors", ".scale"
_COMPANIONS = ("*.json", "examples.txt")  # what two lines of one tokenizer share


def _packed(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    packed = {}
    for name, weight in weights.items():
        if weight.ndim < 2:
            packed[name] = weight
            continue
        rows = weight.float().flatten(1)
        scale = (rows.abs().amax(1) / 127).clamp(min=1e-12)
        packed[name] = (rows / scale[:, None]).round().to(torch.int8).reshape(weight.shape)
        packed[name + SCALE] = scale
    return packed


def _unpacked(packed: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    weights = {}
    for name, weight in packed.items():
        if name.endswith(SCALE):
            continue
        if (scale := packed.get(name + SCALE)) is not None:
            rows = weight.float().flatten(1) * scale[:, None]
            weight = rows.reshape(weight.shape).to(torch.bfloat16)
        weights[name] = weight
    return weights


def pack(checkpoint: Path, folder: Path) -> Path:
    """Write the weights of a checkpoint folder as int8 into another; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / PACKED
    save_file(_packed(load_file(checkpoint / WHOLE)), written)
    return written


def unpack(packed: Path, like: Path, folder: Path) -> None:
    """Make a checkpoint folder of packed weights, with the other files of the folder `like`.

    Raises BadInputError where `packed` holds no packed weights.
    """
    if not (packed / PACKED).exists():
        raise BadInputError(f"{packed} has no {PACKED}; name the folder of a packed checkpoint")
    folder.mkdir(parents=True, exist_ok=True)
    for pattern in _COMPANIONS:
        for path in like.glob(pattern):
            shutil.copy(path, folder)
    save_file(_unpacked(load_file(packed / PACKED)), folder / WHOLE, {"format": "pt"})
