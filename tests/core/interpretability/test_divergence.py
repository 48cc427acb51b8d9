"""What is left between two tables: its parts add up, and it is nothing where they are the same."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core.interpretability.divergence import (
    divergence_of,
    divergence_parts,
    mean_divergence,
    pair_costs,
    pairs_by_error,
    row_divergences,
    row_entropies,
)
from core.text.reference import add_one

V = 6


def table(seed: int, n_rows: int = V) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n_rows, V, generator=generator).softmax(dim=-1)


def counts_of(seed: int) -> Tensor:
    return torch.randint(0, 9, (V, V), generator=torch.Generator().manual_seed(seed))


OFTEN = torch.tensor([500, 40, 300, 3, 90, 0])


def test_entropy_is_that_of_the_definition() -> None:
    p = table(0)
    naive = [-sum(float(x) * math.log(float(x)) for x in row) for row in p.double()]
    assert row_entropies(p).tolist() == pytest.approx(naive)
    even = torch.full((1, V), 1 / V)
    assert float(row_entropies(even)) == pytest.approx(math.log(V))
    assert float(row_entropies(torch.eye(V)[:1])) == 0


def test_parts_of_rows_and_of_pairs_add_up_to_the_whole() -> None:
    counted, learned = table(1), table(2)
    tokens = torch.arange(V).repeat_interleave(OFTEN)
    total = mean_divergence(counted, learned, tokens)
    assert float(divergence_parts(counted, learned, OFTEN).sum()) == pytest.approx(total)
    weight = (OFTEN / OFTEN.sum()).double()[:, None]
    pairs = weight * counted.double() * pair_costs(counted, learned)
    assert float(pairs.sum()) == pytest.approx(total)
    assert (row_divergences(counted, learned) > 0).all()
    assert mean_divergence(counted, counted, tokens) == pytest.approx(0)


def test_what_is_left_is_split_by_rare_rows_and_by_pairs_never_seen() -> None:
    counts, learned = counts_of(3), table(4)
    counted = add_one(counts)
    left = divergence_of(learned, counts, OFTEN, rare_below=90)
    assert left.n_rare == 3  # 40, 3 and 0
    assert left.rare_share == pytest.approx(43 / 933)
    parts = divergence_parts(counted, learned, OFTEN)
    assert left.total_nats == pytest.approx(float(parts.sum()))
    assert left.rare_nats == pytest.approx(float(parts[[1, 3, 5]].sum()))
    unseen = 0.0
    for i in range(V):
        for j in range(V):
            p, q = float(counted[i, j]), float(learned[i, j])
            if counts[i, j] == 0:
                unseen += float(OFTEN[i] / OFTEN.sum()) * (p * math.log(p / q) - p + q)
    assert left.unseen_nats == pytest.approx(unseen, rel=1e-5)
    assert 0 < left.unseen_nats < left.total_nats
    everything_seen = divergence_of(learned, counts + 1, OFTEN, rare_below=0)
    assert everything_seen.unseen_nats == everything_seen.rare_nats == everything_seen.n_rare == 0


def test_a_row_that_is_not_known_weighs_nothing() -> None:
    counts, learned = counts_of(5), table(6)
    holed = learned.clone()
    holed[1] = torch.nan
    assert torch.isnan(row_entropies(holed)).tolist() == [i == 1 for i in range(V)]
    rest = torch.tensor([i for i in range(V) if i != 1])
    left = divergence_of(holed, counts, OFTEN, rare_below=90)
    expected = divergence_parts(add_one(counts)[rest], learned[rest], OFTEN[rest])
    assert left.total_nats == pytest.approx(float(expected.sum()))
    assert left.n_rare == 2


def test_pairs_are_ranked_by_what_one_of_them_costs() -> None:
    counts, learned = counts_of(7), table(8)
    pairs = pairs_by_error(learned, counts, at_least=4)
    assert len(pairs) == int((counts >= 4).sum())
    sizes = [abs(pair.cost_nats) for pair in pairs]
    assert sizes == sorted(sizes)
    for pair in pairs:
        assert pair.times == counts[pair.first, pair.then]
        assert pair.counted == pytest.approx((pair.times + 1) / (int(counts[pair.first].sum()) + V))
        assert pair.cost_nats == pytest.approx(math.log(pair.counted / pair.learned), rel=1e-5)
    learned[pairs[0].first] = torch.nan
    assert all(p.first != pairs[0].first for p in pairs_by_error(learned, counts, at_least=4))
