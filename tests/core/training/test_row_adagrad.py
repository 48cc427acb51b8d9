"""Adagrad by rows, against the same written out densely."""

from __future__ import annotations

import torch
from torch import nn

from core.training.row_adagrad import RowAdagrad


def test_rows_that_were_looked_up_move_as_the_formula_says_and_others_stay() -> None:
    table = nn.Embedding(6, 3, sparse=True)
    nn.init.zeros_(table.weight)
    optimizer = RowAdagrad(table.parameters(), lr=0.5)
    expected, squares = torch.zeros(6, 3), torch.zeros(6)
    generator = torch.Generator().manual_seed(1)
    for looked_up in ([0, 2, 2], [2, 5, 5], [0, 0, 0]):
        pull = torch.randn(3, 3, generator=generator)
        table.weight.grad = None
        (table(torch.tensor(looked_up)) * pull).sum().backward()
        optimizer.step()
        for row in set(looked_up):  # a row that was looked up twice has the sum of its gradients
            gradient = sum(pull[i] for i, r in enumerate(looked_up) if r == row)
            assert isinstance(gradient, torch.Tensor)
            squares[row] += gradient.square().mean()
            expected[row] -= 0.5 * gradient / (squares[row].sqrt() + 1e-8)
    assert torch.allclose(table.weight.detach(), expected, atol=1e-6)
    assert (table.weight[[1, 3, 4]] == 0).all()


def test_what_it_remembers_can_be_saved_and_loaded() -> None:
    def trained(n_steps: int) -> tuple[nn.Embedding, RowAdagrad]:
        table = nn.Embedding(4, 2, sparse=True)
        nn.init.zeros_(table.weight)
        optimizer = RowAdagrad(table.parameters(), lr=0.5)
        steps(table, optimizer, n_steps)
        return table, optimizer

    def steps(table: nn.Embedding, optimizer: RowAdagrad, n: int) -> None:
        for _ in range(n):
            table.weight.grad = None
            table(torch.tensor([1, 3])).square().sub(table(torch.tensor([1, 3]))).sum().backward()
            optimizer.step()

    whole, _ = trained(5)
    table, optimizer = trained(2)
    again, fresh = trained(0)
    again.load_state_dict(table.state_dict())
    fresh.load_state_dict(optimizer.state_dict())
    steps(again, fresh, 3)
    assert torch.equal(again.weight, whole.weight)
