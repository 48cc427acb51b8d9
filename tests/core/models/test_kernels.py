"""The fused kernel gives what the formula gives, and is taken where it is faster."""

from __future__ import annotations

import pytest
import torch

from core.models.attention import causal_weights
from core.models.kernels import fused_attention, is_written_out


def test_the_fused_kernel_computes_the_formula() -> None:
    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(2, 3, 7, 4, generator=generator) for _ in range(3))
    torch.testing.assert_close(fused_attention(q, k, v, 0.0), causal_weights(q, k) @ v)


@pytest.mark.parametrize(
    ("device", "dtype", "dropout", "written_out"),
    [
        ("cpu", torch.float32, 0.0, False),
        ("cpu", torch.float32, 0.1, True),
        ("cpu", torch.bfloat16, 0.0, True),
        ("cuda", torch.bfloat16, 0.1, False),
    ],
)
def test_only_a_cpu_writes_it_out_and_not_in_plain_float32(
    device: str, dtype: torch.dtype, dropout: float, written_out: bool
) -> None:
    assert is_written_out(torch.device(device), dtype, dropout) is written_out
