"""Initial weights for a small vision tower that has few images to learn from.

"Mimetic initialisation" (Trockman and Kolter 2023, arXiv:2305.09828): attention begins as it ends
in trained transformers, looking at like tokens (query-key products near a multiple of the
identity) and taking away what it finds (value-output products near a negative multiple), over
sinusoidal positions.
"""

import math
from typing import Any

import torch
from torch import nn

_QUERY_KEY = (0.7, 0.7)  # noise, identity: the paper's
_VALUE_OUTPUT = (0.4, -0.4)


def positions(side: int, width: int) -> torch.Tensor:
    """Sines and cosines of row and column, (side * side, width)."""
    quarter = width // 4
    speeds = torch.exp(-math.log(10_000) * torch.arange(quarter) / quarter)
    angles = torch.arange(side)[:, None] * speeds  # (side, quarter)
    one = torch.cat([angles.sin(), angles.cos()], 1)  # (side, width / 2)
    rows = one[:, None].expand(-1, side, -1)
    columns = one[None].expand(side, -1, -1)
    return torch.cat([rows, columns], 2).reshape(side * side, width)


def _product(
    width: int, noise: float, identity: float, rank: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two factors, (rank, width) each, whose product left.T @ right is near the wanted matrix."""
    wanted = noise * torch.randn(width, width) / math.sqrt(width) + identity * torch.eye(width)
    u, s, v = torch.linalg.svd(wanted)
    root = s[:rank].sqrt()
    return (u[:, :rank] * root).T, root[:, None] * v[:rank]


@torch.no_grad()
def initialise(tower: Any) -> None:
    """Set attention and position weights of every layer of a SiglipVisionModel, in place."""
    config = tower.config
    width, heads = config.hidden_size, config.num_attention_heads
    side = config.image_size // config.patch_size
    tower.embeddings.position_embedding.weight.copy_(0.5 * positions(side, width))
    for layer in tower.encoder.layers:
        attention = layer.self_attn
        pairs = [_product(width, *_QUERY_KEY, width // heads) for _ in range(heads)]
        attention.q_proj.weight.copy_(torch.cat([query for query, _ in pairs]))
        attention.k_proj.weight.copy_(torch.cat([key for _, key in pairs]))
        output, value = _product(width, *_VALUE_OUTPUT, width)
        attention.v_proj.weight.copy_(value)
        attention.out_proj.weight.copy_(output.T)
        for part in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
            nn.init.zeros_(part.bias)
