"""What a run leaves to load: an adapter saved the PEFT way, or a whole checkpoint.

An adapter names its base and pins it: by the hub's commit, or, for a folder, by the SHA-256 of its
weights (`base.json`).
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PaliGemmaProcessor

from agent.adapters import BASE, COMMIT
from agent.loading import Checkpoint
from finetune.methods import Trainable
from finetune.soft_prompt import save_soft_prompt


@dataclass(frozen=True)
class Base:
    """The checkpoint that was trained from."""

    model: str  # hub id or folder, as the recipe names it
    revision: str | None  # commit on the hub
    sha256: dict[str, str]  # of each weight file, for a folder
    name: str  # with a digest, as `agent.loading` tells checkpoints apart


def base_of(model: str, checkpoint: Checkpoint) -> Base:
    """Pins a checkpoint that was found."""
    if COMMIT.fullmatch(checkpoint.folder.name):  # a snapshot's folder is named by its commit
        return Base(model, checkpoint.folder.name, {}, checkpoint.name)
    digests = {f.name: _sha256(f) for f in sorted(checkpoint.folder.glob("*.safetensors"))}
    return Base(model, None, digests, checkpoint.name)


def save_adapter(trained: Trainable, base: Base, folder: Path) -> None:
    """The adapter alone; a soft prompt with its tokens beside it."""
    adapter: Any = trained.adapter
    for config in adapter.peft_config.values():
        config.base_model_name_or_path, config.revision = base.model, base.revision
    adapter.save_pretrained(str(folder))
    pin(base, folder)
    if trained.soft_prompt:
        save_soft_prompt(folder, trained.soft_prompt)


def pin(base: Base, folder: Path) -> None:
    """Note beside an adapter which weights it belongs to; serving refuses it on others."""
    noted = json.dumps({k: v for k, v in asdict(base).items() if k != "name"}, indent=2)
    (folder / BASE).write_text(f"{noted}\n", "utf-8")


def save_checkpoint(trained: Trainable, processor: PaliGemmaProcessor, folder: Path) -> None:
    """The whole model, as any other checkpoint."""
    trained.model.save_pretrained(folder)
    processor.save_pretrained(folder)


def weights_of(trained: Trainable) -> dict[str, torch.Tensor]:
    """A copy of what is trained, by name."""
    return {name: p.detach().cpu().clone() for name, p in trained.parameters()}


def put_weights(trained: Trainable, weights: dict[str, torch.Tensor]) -> None:
    """Put back what `weights_of` gave; KeyError where a name is missing."""
    with torch.no_grad():
        for name, parameter in trained.parameters():
            parameter.copy_(weights[name])


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
