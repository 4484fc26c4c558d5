"""A checkpoint, with an adapter on it or not, opened as the agent opens it, to be checked.

The adapter is not merged: training runs it beside the frozen weights, serving merges it.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peft import PeftModel

from agent.loading import find_checkpoint, load_model, load_processor
from finetune.conformance.ours import our_subject
from finetune.conformance.subject import Subject
from tools.errors import ModelUnavailableError


def open_subject(source: str, adapter: Path | None, *, device: str, dtype: str) -> Subject:
    """The subject that this project makes of a folder or hub id.

    Raises:
        ModelUnavailableError: not a PaliGemma, damaged, or an adapter that does not fit.
        BadInputError: an unknown device or dtype.
    """
    checkpoint = find_checkpoint(source)
    model: Any = load_model(checkpoint, adapter=None, device=device, dtype=dtype)
    if adapter:
        model = _adapted(model, adapter)
    return our_subject(model, load_processor(checkpoint), checkpoint.name)


def _adapted(model: Any, folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # PEFT's about transformers
        warnings.filterwarnings("ignore", message="Found missing adapter keys")  # a check says it
        try:
            return PeftModel.from_pretrained(model, str(folder)).eval()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            said: Sequence[str] = str(error).splitlines() or [type(error).__name__]
            raise ModelUnavailableError(
                f"{folder} is no adapter of this checkpoint: {said[0]}; give a folder with"
                " adapter_config.json that was trained on it"
            ) from error
