"""Where an adapter sits, against where its configuration asks for it.

A name such as `q_proj` fits the decoder and the vision tower alike, so PEFT adapts both without a
word. Asked for is the decoder, and of the tower or the projector what is named with it.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import ModulesToSaveWrapper
from safetensors import safe_open
from torch import nn

from finetune.conformance.result import Case, Result, at_most, skipped
from finetune.conformance.subject import Subject, is_prompt_learning

PARTS = {"vision_tower": "vision", "multi_modal_projector": "projector"}  # and a word that names it
WEIGHTS = "adapter_model.safetensors"


def adapter(subject: Subject, folder: Path | None) -> Result:
    """Modules that were adapted without being asked for, or asked for and not adapted."""
    model, case = subject.model, Case()
    if not isinstance(model, PeftModel):
        return skipped("adapter", case, "the model has no adapter")
    if is_prompt_learning(model):
        return skipped("adapter", case, "prompt tuning adapts no module")
    found = adapted(model)
    wrong = unasked(found, model.active_peft_config)
    lost = sorted(found - saved(folder)) if folder else []
    detail = f"{len(found)} modules adapted"
    for what, names in (("not asked for", wrong), ("without weights in the file", lost)):
        detail += f"; {len(names)} {what}, such as {names[0]}" if names else ""
    missing = [] if found else ["all"]
    detail += "; target_modules found nothing" if missing else ""
    return at_most("adapter", case, len(wrong) + len(lost) + len(missing), 0, detail)


def adapted(model: nn.Module) -> set[str]:
    """Names, in the base model, of the modules that carry adapters or are trained whole."""
    kinds = (BaseTunerLayer, ModulesToSaveWrapper)
    return {
        _base_name(name)
        for name, module in model.named_modules()
        if isinstance(module, kinds) and not name.endswith("token_adapter")
    }


def unasked(found: Iterable[str], config: Any) -> list[str]:
    """Modules of tower and projector whose part the configuration does not name."""
    asked = " ".join(_targets(config))
    return sorted(
        name for name in found for part, word in PARTS.items() if part in name and word not in asked
    )


def saved(folder: Path) -> set[str]:
    """Names of the modules that the adapter's file has weights for."""
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        names = [_base_name(key) for key in file.keys()]  # noqa: SIM118  (it is no dict)
    return {
        re.sub(r"\.(lora_\w+|weight|bias|trainable_tokens|token_adapter).*$", "", n) for n in names
    }


def _targets(config: Any) -> Sequence[str]:
    chosen = [config.target_modules, getattr(config, "modules_to_save", None)]
    return [name for one in chosen if one for name in ([one] if isinstance(one, str) else one)]


def _base_name(name: str) -> str:
    return name.removeprefix("base_model.").removeprefix("model.")
