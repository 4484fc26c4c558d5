"""Other people's tools as subjects of the conformance kit, used as they document it."""

from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftType, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from peft.tuners.prefix_tuning import PrefixTuningConfig

from finetune.conformance.rows import picture
from finetune.conformance.stock import stock_collator, stock_subject
from finetune.conformance.subject import Batch, Subject
from finetune.data.row import Row

VIRTUAL_TOKENS = 4
PROMPT_LEARNING = {
    PeftType.PROMPT_TUNING: PromptTuningConfig,
    PeftType.P_TUNING: PromptEncoderConfig,
    PeftType.PREFIX_TUNING: PrefixTuningConfig,
}


def prompt_learning(model: Any, processor: Any, kind: PeftType) -> Subject:
    """PEFT's prompt tuning, p-tuning or prefix tuning, with the processor's own batches."""
    torch.manual_seed(0)
    config = PROMPT_LEARNING[kind](task_type="CAUSAL_LM", num_virtual_tokens=VIRTUAL_TOKENS)
    return stock_subject(
        kind.value, get_peft_model(model, config), processor, stock_collator(processor)
    )


def trl(model: Any, processor: Any, form: str) -> Subject:
    """TRL's collator for images and text; `form`: "text" or "prompt-completion"."""
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    collator = DataCollatorForVisionLanguageModeling(
        processor, completion_only_loss=form == "prompt-completion"
    )

    def collate(rows: Sequence[Row]) -> Batch:
        return dict(collator([_trl_example(row, form) for row in rows]))

    return stock_subject(f"TRL, {form}", model, processor, collate)


def _trl_example(row: Row, form: str) -> dict[str, Any]:
    prompt, image = f"<image>{row.prefix}", [picture(row)]
    if form == "text":
        return {"images": image, "text": f"{prompt}\n{row.suffix}"}
    return {"images": image, "prompt": prompt, "completion": row.suffix}
