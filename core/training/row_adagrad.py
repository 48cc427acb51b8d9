"""Adagrad for large tables of which a step touches few rows.

Each row has one rate of its own, which falls with the gradients that the row has seen: a row that
is looked up often settles early, a rare one stays quick. Only the rows that a batch looked up are
read or written, so the cost of a step does not depend on the size of the table.

Sources: Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html; one rate a row, as in
fbgemm's "rowwise Adagrad" for recommender systems, Mudigere et al. 2022,
https://arxiv.org/abs/2104.05158.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from core.training.uncompiled import Uncompiled

_EPSILON = 1e-8


class RowAdagrad(Uncompiled):
    """Adagrad with one accumulator a row, for parameters (R, D) with sparse gradients."""

    def __init__(self, params: Iterable[nn.Parameter], *, lr: float) -> None:
        super().__init__(params, dict(lr=lr))
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["squares"] = torch.zeros(len(p), 1, device=p.device)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of the rows that have a gradient."""
        assert closure is None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = p.grad.coalesce()
                rows, values = grad.indices()[0], grad.values()  # R', (R', D)
                squares = self.state[p]["squares"]
                seen = squares[rows] + values.square().mean(dim=1, keepdim=True)
                squares[rows] = seen
                p[rows] -= group["lr"] * values / (seen.sqrt() + _EPSILON)
