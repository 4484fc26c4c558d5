"""The loss of a batch: cross-entropy of the answers' tokens, and of nothing else.

The vision tower runs once an image, whatever is asked of it; logits are made for the answers only.
Masks are the library's own for plain batches (`token_type_ids`) and the packed one for isolated
images, so what is trained is what `agent.prefixes` reads.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PaliGemmaForConditionalGeneration

from finetune.collate import Batch, packed_mask


class Answers(nn.Module):
    """A PaliGemma (with adapters in it or not) that turns batches into losses."""

    def __init__(
        self, model: PaliGemmaForConditionalGeneration, *, bf16: bool = False, towers: int = 0
    ) -> None:
        """`model`: the PaliGemma itself, not PEFT's wrapper; `towers`: bytes of kept output."""
        super().__init__()
        self.model: Any = model
        self._bf16, self._left = bf16, towers
        self._towers: dict[str, Tensor] = {}

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
            seen = self._see(batch, batch.pixels)[batch.shown]
            words = words.masked_scatter(image[..., None], seen.to(words.dtype))
        hidden: Tensor = (self._isolated if batch.isolated else self._plain)(batch, words)
        return hidden

    def _see(self, batch: Batch, pixels: Tensor) -> Tensor:
        """Projected image tokens, (images, tokens, width)."""
        tower = self.model.model.vision_tower
        if any(p.requires_grad for p in tower.parameters()):
            output = tower(pixels.to(self.model.dtype)).last_hidden_state
        else:
            output = self._frozen(batch.images, pixels.to(self.model.dtype))
        projected: Tensor = self.model.model.multi_modal_projector(output)
        return projected

    def _frozen(self, names: Sequence[str], pixels: Tensor) -> Tensor:
        """The tower's output, kept by image while there is room.

        Images go through one by one if they are kept: their batch would change the last digits,
        and a resumed run has other images left to see.
        """
        with torch.no_grad():
            if not (self._towers or self._left):
                whole: Tensor = self.model.model.vision_tower(pixels).last_hidden_state
                return whole
            return torch.stack([self._one(*both) for both in zip(names, pixels, strict=True)])

    def _one(self, name: str, pixels: Tensor) -> Tensor:
        if (kept := self._towers.get(name)) is not None:
            return kept.to(pixels.device)
        seen: Tensor = self.model.model.vision_tower(pixels[None]).last_hidden_state[0]
        if seen.nbytes <= self._left:
            self._towers[name] = seen.cpu()
            self._left -= seen.nbytes
        return seen

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
