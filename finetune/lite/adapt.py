"""lite-FT: lite-mix fine-tuned on blood cells by a small adapter (LoRA, Hu et al. 2021).

Low-rank updates of every linear layer of the tower and the decoder, saved as PEFT saves them, so
that serving puts them on the shipped checkpoint (`CYTOSCRIBE_ADAPTER`).
"""

from collections.abc import Sequence
from pathlib import Path

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PaliGemmaForConditionalGeneration

from agent.loading import Checkpoint
from finetune.data.example import Example
from finetune.saving import base_of, pin

SHIPPED = "agent/checkpoints/lite"  # where the checkpoint goes that it is trained on
RANK = 8
_LAYERS = (
    r".*vision_tower.*\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)|"
    r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
)
BLOOD = ("cell", "smear", "red_cell")


def with_adapter(model: PaliGemmaForConditionalGeneration) -> PeftModel:
    """The model with untrained low-rank updates put into its layers, everything else frozen."""
    config = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=_LAYERS)
    return get_peft_model(model, config)


def blood_cells(examples: Sequence[Example]) -> list[Example]:
    """The images that the adapter is trained on."""
    return [example for example in examples if example.kind in BLOOD]


def save_adapter(model: PeftModel, base: Path, folder: Path) -> None:
    """The adapter alone, with the digest of the checkpoint folder that it belongs to."""
    model.peft_config["default"].base_model_name_or_path = SHIPPED
    model.save_pretrained(str(folder))
    pin(base_of(SHIPPED, Checkpoint(base, SHIPPED)), folder)
