"""The state of a run on disk, replaced as a whole: a kill leaves the old one or the new one."""

import os
from pathlib import Path
from typing import Any

import torch


def save_state(path: Path, state: Any) -> None:
    """Write tensors and plain values so that a crash at any moment leaves a whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_state(path: Path) -> Any:
    """What `save_state` wrote, on the CPU; no code in it is run."""
    return torch.load(path, map_location="cpu", weights_only=True)
