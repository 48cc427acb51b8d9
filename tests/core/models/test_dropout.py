"""Dropout as a CPU draws it fastest: its share, its scale, and no luck but the generator's."""

from __future__ import annotations

import pytest
import torch

from core.models.dropout import Dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("p", [0.02, 0.2, 0.5, 0.9])
def test_dropout_leaves_out_its_share_and_scales_the_rest(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(7)
    x = torch.full((101, 1001), 3.0, dtype=dtype, requires_grad=True)
    y = Dropout(p)(x)
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
    gone = (Dropout(0.5)(torch.ones(400_000)) == 0).double().view(-1, 4)
    correlation = torch.corrcoef(gone.T) - torch.eye(4)
    assert correlation.abs().max() < 0.02


def test_dropout_is_seeded_and_draws_nothing_where_it_does_nothing() -> None:
    x = torch.randn(3, 5, 7)
    torch.manual_seed(13)
    before = torch.get_rng_state()
    assert Dropout(0.0)(x) is x and Dropout(0.5).eval()(x) is x
    assert torch.equal(torch.get_rng_state(), before)
    first = Dropout(0.5)(x)
    assert not torch.equal(Dropout(0.5)(x), first)
    torch.set_rng_state(before)
    assert torch.equal(Dropout(0.5)(x), first)
