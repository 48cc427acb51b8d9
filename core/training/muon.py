"""Muon: momentum whose every update is turned into an (almost) orthogonal matrix.

A gradient matrix has a few strong directions and many weak ones. Muon keeps the directions and
makes them equally strong, with a few steps of a Newton-Schulz iteration instead of a singular value
decomposition, so that rare directions are learned as fast as common ones.

torch's own `torch.optim.Muon` iterates in bfloat16, one matrix at a time, which suits a GPU and
takes most of a second per step on a CPU. Here matrices of one shape are stacked and iterated
together, in the format that the machine multiplies fastest.

Sources: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/ (coefficients, Nesterov
momentum, scale); the quintic iteration: Bernstein and Newhouse 2024,
https://arxiv.org/abs/2409.20325.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from core.training.uncompiled import Uncompiled

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Coefficients that bring singular values of 0.05 and more near 1 in five steps."""


def orthogonalize(matrices: Tensor, n_steps: int = 5) -> Tensor:
    """Replace the singular values of each matrix (N, R, C) by values near 1, (N, R, C).

    A step of the iteration is X <- P X with P = a I + b G + c G G and G = X Xᵀ. All of it is
    symmetric and commutes, so that the next G is P G P, and the whole is the product of all P times
    the first X: between its first and its last product only the small G and P are multiplied. It is
    the same but for rounding, for a matrix of 512 by 128 in half the time.
    """
    x: Tensor = matrices / (matrices.flatten(1).norm(dim=1)[:, None, None] + 1e-7)
    tall = x.shape[1] > x.shape[2]
    if tall:  # the smaller Gram matrix costs less
        x = x.mT
    gram = x @ x.mT
    whole = _polynomial(gram)
    p = whole
    for _ in range(n_steps - 1):
        gram = p @ gram @ p
        p = _polynomial(gram)
        whole = p @ whole
    x = whole @ x
    return x.mT if tall else x


def _polynomial(gram: Tensor) -> Tensor:
    """a I + b G + c G G for each G (N, R, R)."""
    p = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
    p.diagonal(dim1=-2, dim2=-1).add_(_A)
    return p


class Muon(Uncompiled):
    """Muon for matrices. `momentum` may be changed between steps, like `lr`."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        *,
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        n_steps: int = 5,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """All parameters must be matrices. Newton-Schulz takes `n_steps`, in `dtype`."""
        params = list(params)
        self._dtype = dtype
        assert all(p.dim() == 2 for p in params), "Muon is for matrices"
        defaults = dict(lr=lr, momentum=momentum, weight_decay=weight_decay, n_steps=n_steps)
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update, with Nesterov momentum. Parameters without a gradient stay as they are."""
        assert closure is None
        for group in self.param_groups:
            for same_shape in _by_shape(group["params"]):
                self._step_together(same_shape, group)

    def _step_together(self, params: list[nn.Parameter], group: dict[str, Any]) -> None:
        grads = torch.stack([p.grad for p in params if p.grad is not None])  # N, R, C
        for p in params:
            if "momentum_buffer" not in self.state[p]:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        buffers = [self.state[p]["momentum_buffer"] for p in params]
        momentum = group["momentum"]
        torch._foreach_lerp_(buffers, list(grads), 1 - momentum)
        mixed = grads.lerp_(torch.stack(buffers), momentum)
        updates = orthogonalize(mixed.to(self._dtype), group["n_steps"]).to(mixed.dtype)
        rows, columns = params[0].shape
        rate = group["lr"] * max(1.0, rows / columns) ** 0.5
        weights: list[Tensor] = list(params)
        if group["weight_decay"]:
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(weights, list(updates), alpha=-rate)


def _by_shape(params: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Parameters that have a gradient, those of one shape together."""
    groups: dict[torch.Size, list[nn.Parameter]] = {}
    for p in params:
        if p.grad is not None:
            groups.setdefault(p.shape, []).append(p)
    return list(groups.values())
