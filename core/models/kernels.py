"""Attention and dropout, each in the form that is fastest where it runs.

On a GPU torch's own kernels are the best there are. On a CPU two of them are not: in bfloat16 or
with dropout its fused attention takes three to five times as long as the formula written out, and
its dropout draws one number at a time from a slow generator.

Shapes as in `core.models.base`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_LEVELS = 2**16
"""Dropout's draws are numbers of 16 bits: four from each one that the generator gives."""


def attend(q: Tensor, k: Tensor, v: Tensor, dropout: float) -> Tensor:
    """softmax(Q K^T / sqrt(D)) V, blind to the future: three times (B, H, T, D) to (B, H, T, D).

    Weights are left out with probability `dropout`, the others grow by as much.
    """
    if v.device.type != "cpu" or (v.dtype == torch.float32 and not dropout):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
    T, D = q.shape[-2:]
    scores = (q / math.sqrt(D)) @ k.mT  # B, H, T, T
    future = torch.full((T, T), -math.inf, dtype=scores.dtype).triu(diagonal=1)
    return drop((scores + future).softmax(dim=-1), dropout) @ v


def drop(x: Tensor, p: float, training: bool = True) -> Tensor:
    """In training each number of x becomes 0 with probability p, and the others 1 / (1 - p) times.

    On a CPU p is rounded to 1/65,536. Source: Srivastava et al. 2014, "Dropout",
    https://jmlr.org/papers/v15/srivastava14a.html.
    """
    if not (p and training):
        return x
    if x.device.type != "cpu":
        return F.dropout(x, p)
    draws = torch.empty(math.ceil(x.numel() / 4), dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.int16)[: x.numel()].view(x.shape) >= round(p * _LEVELS) - _LEVELS // 2
    return x * (kept.to(x.dtype) / (1 - p))
