"""Muon against torch's own, and against what it is meant to do."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from core.training.muon import Muon, orthogonalize

SHAPES = [(6, 6), (12, 4), (4, 12), (6, 6)]


def matrices(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in SHAPES]


@pytest.mark.parametrize("shape", [(5, 16, 16), (3, 24, 8), (2, 8, 24)])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, ...]) -> None:
    given = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    made = orthogonalize(given)
    u, _, v = torch.linalg.svd(given, full_matrices=False)
    values = torch.diagonal(u.mT @ made @ v.mT, dim1=1, dim2=2)
    assert ((values > 0.6) & (values < 1.3)).all()
    off = u.mT @ made @ v.mT - torch.diag_embed(values)
    assert off.abs().max() < 1e-3


@pytest.mark.parametrize(("n_steps", "from_"), [(5, 0.002), (3, 0.018)])
def test_fewer_steps_leave_more_of_the_small_directions_small(n_steps: int, from_: float) -> None:
    """The numbers that `core.training.optim.MUON_STEPS` gives."""
    small = torch.logspace(math.log10(from_), -0.01, 200)
    large = (1 - small.square()).sqrt()  # so that each matrix has norm 1
    made = orthogonalize(torch.stack([small, large], dim=1).diag_embed(), n_steps)
    values = made.diagonal(dim1=1, dim2=2)
    assert values.min() > 0.68 and values.max() < 1.21
    too_small = torch.tensor([[from_ / 2, 1.0]]).diag_embed()
    assert orthogonalize(too_small, n_steps)[0, 0, 0] < 0.6


@pytest.mark.parametrize("n_steps", [1, 3, 5])
@pytest.mark.parametrize("shape", [(2, 16, 16), (3, 24, 8), (2, 8, 24)])
def test_the_small_matrices_say_the_same_as_the_large_ones(
    shape: tuple[int, ...], n_steps: int
) -> None:
    given = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    x = given / given.flatten(1).norm(dim=1)[:, None, None]
    for _ in range(n_steps):  # as Jordan et al. write it
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    torch.testing.assert_close(orthogonalize(given, n_steps), x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_are_those_of_torch_up_to_its_bfloat16(weight_decay: float) -> None:
    ours = [nn.Parameter(m.clone()) for m in matrices(1)]
    theirs = [nn.Parameter(m.clone()) for m in matrices(1)]
    settings = dict(lr=0.1, momentum=0.9, weight_decay=weight_decay)
    muon = Muon(ours, n_steps=5, **settings)
    oracle = torch.optim.Muon(theirs, nesterov=True, ns_steps=5, **settings)
    for step in range(4):
        for p, q, gradient in zip(ours, theirs, matrices(10 + step)):
            p.grad, q.grad = gradient.clone(), gradient.clone()
        muon.step()
        oracle.step()
    for p, q, start in zip(ours, theirs, matrices(1)):
        moved = (q - start).norm()
        assert (p - q).norm() < 0.03 * moved  # bfloat16 has eight bits


def test_a_parameter_without_a_gradient_stays() -> None:
    first, second = (nn.Parameter(m) for m in matrices(1)[:2])
    before = second.detach().clone()
    first.grad = torch.ones_like(first)
    Muon([first, second], lr=0.1).step()
    assert torch.equal(second, before)


def test_only_matrices_are_taken() -> None:
    with pytest.raises(AssertionError, match="for matrices"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1)
