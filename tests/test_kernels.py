"""Attention and dropout as a CPU computes them fastest: the same as torch's, by other means."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from core.models.kernels import attend, drop

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
    wanted, found = torchs(*exact), attend(*halved, dropout=0.0)
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
    mean = torch.stack([attend(q, k, v, dropout=0.25) for _ in range(4000)]).mean(dim=0)
    torch.testing.assert_close(mean, torchs(q, k, v), atol=0.06, rtol=0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_no_character_sees_the_future(dtype: torch.dtype, dropout: float) -> None:
    found = []
    for last in (1.0, -5.0):
        q, k, v = (x.to(dtype) for x in heads((2, 2, 9, 4)))
        for x in (q, k, v):
            x[:, :, 6:] *= last
        torch.manual_seed(5)
        found.append(attend(q, k, v, dropout))
    assert torch.equal(found[0][:, :, :6], found[1][:, :, :6])
    assert not torch.equal(found[0][:, :, 6:], found[1][:, :, 6:])


# --- dropout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("p", [0.02, 0.2, 0.5, 0.9])
def test_dropout_leaves_out_its_share_and_scales_the_rest(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(7)
    x = torch.full((101, 1001), 3.0, dtype=dtype, requires_grad=True)
    y = drop(x, p)
    gone = y == 0
    assert y.dtype == dtype
    assert float(gone.double().mean()) == pytest.approx(p, abs=5 * (p * (1 - p) / x.numel()) ** 0.5)
    torch.testing.assert_close(y[~gone].float(), torch.full_like(y[~gone].float(), 3 / (1 - p)),
                               rtol=0.01, atol=0.0)  # fmt: skip
    y.sum().backward()
    assert x.grad is not None and torch.equal(x.grad == 0, gone)


def test_neighbours_are_left_out_independently() -> None:
    """Four draws come from one number of the generator."""
    torch.manual_seed(11)
    gone = (drop(torch.ones(400_000), 0.5) == 0).double().view(-1, 4)
    correlation = torch.corrcoef(gone.T) - torch.eye(4)
    assert correlation.abs().max() < 0.02


def test_dropout_is_seeded_and_draws_nothing_where_it_does_nothing() -> None:
    x = torch.randn(3, 5, 7)
    torch.manual_seed(13)
    before = torch.get_rng_state()
    assert drop(x, 0.0) is x and drop(x, 0.5, training=False) is x
    assert torch.equal(torch.get_rng_state(), before)
    first = drop(x, 0.5)
    assert not torch.equal(drop(x, 0.5), first)
    torch.set_rng_state(before)
    assert torch.equal(drop(x, 0.5), first)
