"""Attention: the weights are shares of the past, and the mix is torch's, however it is computed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.models.attention import attend, causal_weights
from core.models.dropout import Dropout

KEEP = Dropout(0.0)
SHAPES = [(2, 3, 7, 4), (1, 1, 1, 2), (3, 2, 64, 16)]


def heads(shape: tuple[int, ...], seed: int = 1) -> list[Tensor]:
    """Queries, keys and values in float32, of numbers that bfloat16 has."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).bfloat16().float() for _ in range(3)]


def torchs(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_attention_in_bfloat16_is_torchs_up_to_its_eight_bits(shape: tuple[int, ...]) -> None:
    exact, halved = heads(shape), [x.bfloat16() for x in heads(shape)]
    for x in (*exact, *halved):
        x.requires_grad_()
    wanted, found = torchs(*exact), attend(*halved, KEEP)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), wanted, atol=2e-2, rtol=2e-2)
    wanted.square().sum().backward()
    found.float().square().sum().backward()
    for one, other in zip(halved, exact, strict=True):
        assert one.grad is not None and other.grad is not None
        distance = (one.grad.float() - other.grad).norm()
        assert distance <= 0.03 * other.grad.norm() + 1e-6


def test_attention_with_dropout_is_torchs_on_average() -> None:
    q, k, v = heads((2, 2, 6, 4))
    torch.manual_seed(3)
    mean = torch.stack([attend(q, k, v, Dropout(0.25)) for _ in range(4000)]).mean(dim=0)
    torch.testing.assert_close(mean, torchs(q, k, v), atol=0.06, rtol=0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("p", [0.0, 0.3])
def test_no_character_sees_the_future(dtype: torch.dtype, p: float) -> None:
    found = []
    for last in (1.0, -5.0):
        q, k, v = (x.to(dtype) for x in heads((2, 2, 9, 4)))
        for x in (q, k, v):
            x[:, :, 6:] *= last
        torch.manual_seed(5)
        found.append(attend(q, k, v, Dropout(p)))
    assert torch.equal(found[0][:, :, :6], found[1][:, :, :6])
    assert not torch.equal(found[0][:, :, 6:], found[1][:, :, 6:])


def test_weights_are_shares_of_the_past() -> None:
    q, k, v = heads((2, 3, 7, 4))
    weights = causal_weights(q, k)
    assert weights.shape == (2, 3, 7, 7) and not weights.triu(diagonal=1).any()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3, 7))
    torch.testing.assert_close(weights @ v, torchs(q, k, v))
