"""The loss of a batch: cross-entropy of the answers' tokens, and of nothing else.

The vision tower runs once an image, whatever is asked of it; logits are made for the answers only.
Masks are the library's own for plain batches (`token_type_ids`) and the packed one for isolated
images, so what is trained is what `agent.prefixes` reads.
"""

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PaliGemmaForConditionalGeneration

from finetune.collate import Batch, packed_mask


class Answers(nn.Module):
    """A PaliGemma (with adapters in it or not) that turns batches into losses."""

    def __init__(self, model: PaliGemmaForConditionalGeneration, *, bf16: bool = False) -> None:
        """`model`: the PaliGemma itself, not PEFT's wrapper around it."""
        super().__init__()
        self.model: Any = model
        self._bf16 = bf16

    def forward(self, batch: Batch) -> Tensor:
        """The sum of the losses of the tokens that are learned, float32."""
        device = batch.ids.device.type
        with torch.autocast(device, torch.bfloat16, self._bf16) if self._bf16 else nullcontext():
            logits = self._logits(self.hidden(batch)[batch.asked])
        return functional.cross_entropy(logits.float(), batch.targets, reduction="sum")

    def hidden(self, batch: Batch) -> Tensor:
        """The decoder's output, (sequences, length, width)."""
        image = batch.ids == self.model.config.image_token_id
        words = self.model.get_input_embeddings()(batch.ids.masked_fill(image, 0))
        if batch.pixels is not None:
            seen = self._see(batch.pixels)[batch.shown]
            words = words.masked_scatter(image[..., None], seen.to(words.dtype))
        hidden: Tensor = (self._isolated if batch.isolated else self._plain)(batch, words)
        return hidden

    def _see(self, pixels: Tensor) -> Tensor:
        """Projected image tokens, (images, tokens, width)."""
        tower = self.model.model.vision_tower
        trained = any(p.requires_grad for p in tower.parameters())
        with torch.set_grad_enabled(trained and torch.is_grad_enabled()):
            output = tower(pixels.to(self.model.dtype)).last_hidden_state
        projected: Tensor = self.model.model.multi_modal_projector(output)
        return projected

    def _plain(self, batch: Batch, words: Tensor) -> Tensor:
        hidden: Tensor = self.model.model(
            inputs_embeds=words,
            attention_mask=batch.real,
            token_type_ids=batch.token_types,
            use_cache=False,
        ).last_hidden_state
        return hidden

    def _isolated(self, batch: Batch, words: Tensor) -> Tensor:
        hidden: Tensor = self.model.model.language_model(
            inputs_embeds=words,
            attention_mask=self._mask(batch.segments, words.dtype),
            position_ids=batch.positions,
            use_cache=False,
        ).last_hidden_state
        return hidden

    def _mask(self, segments: Tensor, dtype: torch.dtype) -> Tensor:
        """True where a token may look; the eager attention adds its mask."""
        mask = packed_mask(segments)
        if self.model.config.get_text_config()._attn_implementation != "eager":
            return mask
        return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(
            ~mask, torch.finfo(dtype).min
        )

    def _logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self.model.lm_head(hidden)
        cap = getattr(self.model.config.get_text_config(), "final_logit_softcapping", None)
        return logits if cap is None else torch.tanh(logits / cap) * cap
