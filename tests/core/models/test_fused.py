"""What is computed in few passes is what torch's own operations compute, gradients too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.models.fused import relu_squared, rotated_norm, shifted_norm
from core.models.modern import rms_norm, rotate, rotation, token_shift

BY = rotation(5, 6, torch.device("cpu"))
PAIRS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "shifted norm": (shifted_norm, lambda x: token_shift(rms_norm(x))),
    "rotated norm": (lambda x: rotated_norm(x, BY), lambda x: rotate(rms_norm(x), BY)),
    "relu squared": (relu_squared, lambda x: F.relu(x).square()),
}


def random(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3)).to(dtype)


def with_gradient(f: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    y = f(x)
    y.backward(random(*y.shape, dtype=y.dtype))  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return y.detach(), x.grad


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_values_and_gradients_are_those_of_the_plain_operations(
    name: str, dtype: torch.dtype
) -> None:
    fused, plain = PAIRS[name]
    x = random(4, 5, 6, dtype=dtype)
    rtol, atol = (1e-5, 1e-6) if dtype == torch.float32 else (3e-2, 3e-2)
    for ours, theirs in zip(with_gradient(fused, x), with_gradient(plain, x)):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours, theirs.to(dtype), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", PAIRS)
def test_gradients_are_the_slopes(name: str) -> None:
    x = random(2, 5, 6, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(PAIRS[name][0], (x,), eps=1e-7, atol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_views_with_holes_are_read_right(name: str) -> None:
    """Queries and keys come as a view of what one product gave."""
    fused, plain = PAIRS[name]
    x = random(5, 4, 12).transpose(0, 1)[..., ::2]  # 4, 5, 6; not contiguous
    for ours, theirs in zip(with_gradient(fused, x), with_gradient(plain, x)):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_a_vector_of_zeros_stays_one(name: str) -> None:
    for numbers in with_gradient(PAIRS[name][0], torch.zeros(1, 5, 6)):
        assert torch.isfinite(numbers).all()
