"""How attention is computed fastest on a machine; what it is, `core.models.attention` says.

torch's fused kernel never holds the weights (B, H, T, T) as a whole: it goes over them in tiles and
forgets each. Its result is that of the formula, but for rounding.

Source: Dao et al. 2022 (FlashAttention), https://arxiv.org/abs/2205.14135.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def is_written_out(device: torch.device, dtype: torch.dtype, dropout: float) -> bool:
    """Whether attention is computed by the formula, so that it holds its weights as a whole.

    On a CPU the fused kernel takes 1.5 to 6 times as long as the formula where numbers are bfloat16
    or weights are dropped (`dropout`, from 0 to 1).
    """
    return device.type == "cpu" and (dtype != torch.float32 or dropout > 0)


def fused_attention(q: Tensor, k: Tensor, v: Tensor, dropout: float) -> Tensor:
    """Causal attention in one kernel: three times (B, H, T, D) to (B, H, T, D)."""
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
