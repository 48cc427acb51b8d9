"""Steps of the modern block that torch would take in many passes over memory, in few.

On a CPU a step like "divide each vector by its length" costs what it moves through memory, not what
it computes. Written in torch's own operations it makes half a dozen arrays on its way, and their
gradients as many again. Here each is one operation of autograd with its backward pass worked out by
hand. `rms_norm`, `token_shift` and `rotate` of `core.models.modern` say what is computed; these
compute the same, but for rounding (`tests/core/models/test_fused.py`).

Norms are taken in float32 whatever comes in. For y = x / rms(x), with r = 1 / rms(x) and n numbers
in a vector, the gradient of x follows from that of y:

    dx = r dy - x r^3 (dy . x) / n
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

EPSILON = torch.finfo(torch.float32).eps
"""Is added to the mean square, as in `torch.nn.functional.rms_norm`."""

Rotation = tuple[Tensor, Tensor]
"""Cosines and sines of the angles of each position: (T, D / 2) each."""


class _ShiftedNorm(torch.autograd.Function):
    """token_shift(rms_norm(x)): (B, T, C) to (B, T, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        scale = _inverse_rms(x)  # B, T, 1
        half = x.shape[-1] // 2
        y = torch.empty_like(x, memory_format=torch.contiguous_format)
        torch.mul(x[..., :half], scale, out=y[..., :half])
        torch.mul(x[:, :-1, half:], scale[:, :-1], out=y[:, 1:, half:])
        y[:, 0, half:] = 0.0
        ctx.save_for_backward(x, scale)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        x, scale = ctx.saved_tensors
        half = x.shape[-1] // 2
        before_shift = torch.empty_like(x, memory_format=torch.contiguous_format)
        before_shift[..., :half] = grad[..., :half]
        before_shift[:, :-1, half:] = grad[:, 1:, half:]
        before_shift[:, -1, half:] = 0.0  # the last character has nobody after it
        return _through_norm(before_shift, x, scale)


class _RotatedNorm(torch.autograd.Function):
    """rotate(rms_norm(x)): (…, T, D) to (…, T, D)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        scale = _inverse_rms(x)  # …, T, 1
        y = _rotated(x, cos, sin).mul_(scale)
        ctx.save_for_backward(x, scale, cos, sin)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        x, scale, cos, sin = ctx.saved_tensors
        return _through_norm(_rotated(grad, cos, -sin), x, scale), None, None


class _ReluSquared(torch.autograd.Function):
    """max(x, 0)², number by number."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        positive = x.clamp_min(0)
        ctx.save_for_backward(positive)
        return positive * positive

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (positive,) = ctx.saved_tensors
        gradient: Tensor = (grad * positive).mul_(2)
        return gradient


def shifted_norm(x: Tensor) -> Tensor:
    """Each vector at length sqrt(C), its second half from the character before: (B, T, C)."""
    y: Tensor = _ShiftedNorm.apply(x)  # type: ignore[no-untyped-call]
    return y


def rotated_norm(x: Tensor, by: Rotation) -> Tensor:
    """Each vector of (…, T, D) at length sqrt(D), and turned by the angles of its position."""
    y: Tensor = _RotatedNorm.apply(x, *by)  # type: ignore[no-untyped-call]
    return y


def relu_squared(x: Tensor) -> Tensor:
    """max(x, 0)², number by number."""
    y: Tensor = _ReluSquared.apply(x)  # type: ignore[no-untyped-call]
    return y


def _inverse_rms(x: Tensor) -> Tensor:
    """1 / rms of the vectors of the last dimension, which stays, with one number in it."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=dtype)
    mean_square: Tensor = norm.square_() / x.shape[-1]
    return mean_square.add_(EPSILON).rsqrt_().to(x.dtype)


def _through_norm(grad: Tensor, x: Tensor, scale: Tensor) -> Tensor:
    """From the gradient of y = x * scale to that of x; overwrites `grad`."""
    along = (grad * x).sum(dim=-1, keepdim=True)
    through: Tensor = grad.mul_(scale).addcmul_(x, along.mul_(scale**3), value=-1 / x.shape[-1])
    return through


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair of numbers of x (…, T, D) by its angle."""
    first, second = x.chunk(2, dim=-1)
    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    y_first, y_second = y.chunk(2, dim=-1)
    torch.mul(first, cos, out=y_first).addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=y_second).addcmul_(first, sin)
    return y
