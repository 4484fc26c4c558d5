"""Adapters: whether one belongs to a base, its merging into the weights, its soft prompt.

It knows of folders only; finding and naming checkpoints is `loading`'s.
"""

import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.damage import damage_named, quiet
from tools.errors import ModelUnavailableError

BASE, SOFT_PROMPT = "base.json", "soft_prompt.json"
READ_WHOLE = 256 * 2**20  # bytes of weights that are read through at a start
COMMIT = re.compile(r"[0-9a-f]{40}")  # names a snapshot's folder


def merge(model: Any, adapter: Path) -> Any:
    """The model with the adapter in its weights.

    Raises:
        ModelUnavailableError: damaged, incomplete, or of a kind that breaks PaliGemma's mask.
    """
    from peft import PeftConfig, PeftModel  # two seconds that only adapters need

    with quiet(), damage_named(adapter), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # PEFT's about transformers
        warnings.filterwarnings("error", message="Found missing adapter keys")
        config = PeftConfig.from_pretrained(str(adapter))
        if config.is_prompt_learning or config.is_adaption_prompt:
            raise ValueError(
                f"{config.peft_type} adapters lose PaliGemma's prefix mask; train LoRA, or soft"
                " prompts with trainable_token_indices"
            )
        return PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()


def refuse_another_base(base: Path, adapter: Path) -> None:
    """An adapter of ours pins what it was trained on; on other weights it would be noise.

    Raises:
        ModelUnavailableError: its base.json names other weights or another commit than `base` has.
    """
    file = adapter / BASE
    if not file.is_file():
        return  # of another tool
    with damage_named(adapter):
        pin = json.loads(file.read_text("utf-8"))
        digests, commit = dict(pin["sha256"]), pin["revision"]
    known = base.name if COMMIT.fullmatch(base.name) else None
    other = bool(known and commit and known != commit)
    if other or not all(_is_pinned(base / name, sha) for name, sha in digests.items()):
        raise ModelUnavailableError(
            f"the adapter {adapter} was trained on {pin['model']} and does not fit {base}: give the"
            f" base that its {BASE} names"
        )


def load_soft_prompt(adapter: Path) -> str:
    """The tokens that an adapter wants in front of every prompt, as text; mostly none."""
    if not (file := adapter / SOFT_PROMPT).is_file():
        return ""
    with damage_named(adapter):
        return "".join(json.loads(file.read_text("utf-8"))["tokens"])


def are_pinned(folder: Path, digests: Mapping[str, str]) -> bool:
    """Whether a folder has all of these files, by name and SHA-256; none at all pins nothing."""
    return bool(digests) and all(_is_pinned(folder / name, sha) for name, sha in digests.items())


def _is_pinned(file: Path, sha: str) -> bool:
    """Whether a file of weights has this SHA-256.

    Larger weights are taken by their name: reading them through would slow every start.
    """
    if not file.is_file() or file.stat().st_size > READ_WHOLE:
        return file.is_file()
    return hashlib.sha256(file.read_bytes()).hexdigest() == sha
