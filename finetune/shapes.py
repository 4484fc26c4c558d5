"""The exact shapes of Google's PaliGemma checkpoints, to build one where its weights are not.

From the papers (Beyer et al. 2024, arXiv:2407.07726; Steiner et al. 2024, arXiv:2412.03555) and the
configurations published with the checkpoints. A tokenizer is not among them.
"""

import re
from collections.abc import Mapping
from typing import Any

from transformers import Gemma2Config, GemmaConfig, PaliGemmaConfig, SiglipVisionConfig

VOCABULARY, IMAGE_TOKEN = 257216, 257152
_NAME = re.compile(r"(?:google/)?paligemma(2?)-(3b|10b|28b)-[a-z0-9-]*?(224|448|896)")
# width, MLP, layers, heads, key-value heads, head width, scale of queries
_GEMMA: Mapping[tuple[str, str], tuple[int, ...]] = {
    ("", "3b"): (2048, 16384, 18, 8, 1, 256, 256),
    ("2", "3b"): (2304, 9216, 26, 8, 4, 256, 256),
    ("2", "10b"): (3584, 14336, 42, 16, 8, 256, 256),
    ("2", "28b"): (4608, 36864, 46, 32, 16, 128, 144),
}


def known_shape(model: str) -> PaliGemmaConfig | None:
    """The configuration of a checkpoint of Google's by its hub id, or None."""
    found = _NAME.match(model)
    if not found or (found[1], found[2]) not in _GEMMA:
        return None
    side, shape = int(found[3]), _GEMMA[found[1], found[2]]
    text, width = _text(found[1] == "2", shape), shape[0]
    siglip: Any = SiglipVisionConfig
    paligemma: Any = PaliGemmaConfig
    vision = siglip(
        hidden_size=1152, intermediate_size=4304, num_hidden_layers=27, num_attention_heads=16,
        image_size=side, patch_size=14, vision_use_head=False, projection_dim=width,
    )  # fmt: skip
    config: PaliGemmaConfig = paligemma(
        vision_config=vision, text_config=text, image_token_index=IMAGE_TOKEN,
        projection_dim=width, hidden_size=width, vocab_size=VOCABULARY, pad_token_id=0,
        bos_token_id=2, eos_token_id=1,
    )  # fmt: skip
    return config


def _text(second: bool, shape: tuple[int, ...]) -> GemmaConfig | Gemma2Config:
    width, mlp, layers, heads, pairs, head, scale = shape
    common: dict[str, Any] = {
        "vocab_size": VOCABULARY, "hidden_size": width, "intermediate_size": mlp,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": pairs,
        "head_dim": head, "max_position_embeddings": 8192,
        "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 1,
    }  # fmt: skip
    if not second:
        return GemmaConfig(**common)
    return Gemma2Config(**common, query_pre_attn_scalar=scale, sliding_window=4096)
