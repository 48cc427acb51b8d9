"""How far one table of what follows what is from another, row by row and pair by pair, in nats.

All measures are parts of one number, the Kullback-Leibler divergence of the learned table from the
counted one, each row weighted by how often its character comes: what a guess by the learned table
costs more than by the counted one, on average, where the counts are right.

Pure arithmetic: knows no models. Shapes: K rows, V characters that may follow. A row
of NaN is one that is not known; it has no divergence and no entropy.

Source: Cover and Thomas, "Elements of Information Theory", chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.text.reference import add_one

_TINY = torch.finfo(torch.float64).tiny


def row_entropies(probabilities: Tensor) -> Tensor:
    """How uncertain each row (K, V) leaves what comes next: (K,), float64, in nats.

    0 where one character is certain, ln V where all are equally likely.
    """
    p = probabilities.double()
    return -(p * p.clamp_min(_TINY).log()).sum(dim=1)


def row_divergences(counted: Tensor, learned: Tensor) -> Tensor:
    """What one guess after each character costs too much, both (K, V): (K,), float64, in nats."""
    p = counted.double()
    return (p * _log_ratio(counted, learned)).sum(dim=1)


def pair_costs(counted: Tensor, learned: Tensor) -> Tensor:
    """What each pair costs more, whenever it comes, than by the counts: (K, V), float64, in nats.

    ln(counted / learned): above 0 where the model expects the pair too seldom, below 0 where it
    expects it too often. Averaged over the pairs as they come, this is the divergence.
    """
    return _log_ratio(counted, learned)


def divergence_parts(counted: Tensor, learned: Tensor, often: Tensor) -> Tensor:
    """What each row adds to the divergence: (K,), float64, in nats per guess; their sum is it.

    `often` (K,) is how often each character comes. Rows that are not known (NaN) add nothing, and
    the others share their weight.
    """
    rows, weight = row_divergences(counted, learned), often.double()
    known = ~rows.isnan()
    weight = torch.where(known, weight, 0.0)
    return torch.where(known, rows, 0.0) * weight / weight.sum().clamp_min(1.0)


def mean_divergence(counted: Tensor, learned: Tensor, tokens: Tensor) -> float:
    """How far a learned matrix is from the counted one, both (V, V), in nats per character.

    Each row weighs as much as its character is frequent in a text (N,).
    """
    often = torch.bincount(tokens, minlength=len(counted))
    return float(divergence_parts(counted, learned, often).sum())


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """What is left between a learned table and the counts, and what it is made of, in nats."""

    total_nats: float
    """Per guess, on average."""
    rare_nats: float
    """The part of it from the rows of rare characters."""
    n_rare: int
    """How many rows these are."""
    rare_share: float
    """Which share of all guesses is made from them."""
    unseen_nats: float
    """The part of it that is probability for pairs that the text never has."""


def divergence_of(learned: Tensor, counts: Tensor, often: Tensor, rare_below: int) -> Divergence:
    """What is left between a learned table (K, V) and counts (K, V), one added to each.

    `often` (K,) is how often each character comes; rare is one that comes fewer than `rare_below`
    times. What a pair adds is p ln(p / q) - p + q, counted p and learned q: never below 0, and over
    a row the last two cancel out.
    """
    p, q = add_one(counts), learned.double()
    known = ~q.isnan().any(dim=1)
    weight = torch.where(known, often, 0).double() / torch.where(known, often, 0).sum().clamp_min(1)
    parts, rare = divergence_parts(p, q, often), often < rare_below
    of_pairs = (p * _log_ratio(p, q) - p + q).nan_to_num() * weight[:, None]
    return Divergence(
        total_nats=float(parts.sum()),
        rare_nats=float(parts[rare].sum()),
        n_rare=int((rare & known).sum()),
        rare_share=float(weight[rare].sum()),
        unseen_nats=float(of_pairs[counts == 0].sum()),
    )


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two characters in a row, and what a learned table makes of them beside the counts."""

    first: int
    """Which row it is."""
    then: int
    """Which column."""
    times: int
    """How often the second follows the first in the training split."""
    learned: float
    counted: float
    cost_nats: float
    """As `pair_costs` says."""


def pairs_by_error(learned: Tensor, counts: Tensor, at_least: int) -> list[Pair]:
    """The pairs that come `at_least` so many times, those first that the table knows best.

    `learned` is (K, V), as are `counts`, to each of which one is added. The better known, the
    nearer the cost of the pair is to 0, on either side; rare pairs would only show what chance did.
    Pairs of rows that are not known are left out.
    """
    counted = add_one(counts)
    costs = pair_costs(counted, learned)
    firsts, thens = ((counts >= at_least) & ~costs.isnan()).nonzero(as_tuple=True)
    order = costs[firsts, thens].abs().argsort(stable=True)
    return [
        Pair(
            first=i, then=j, times=int(counts[i, j]), learned=float(learned[i, j]),
            counted=float(counted[i, j]), cost_nats=float(costs[i, j]),
        )
        for i, j in zip(firsts[order].tolist(), thens[order].tolist())
    ]  # fmt: skip


def _log_ratio(counted: Tensor, learned: Tensor) -> Tensor:
    return counted.double().clamp_min(_TINY).log() - learned.double().clamp_min(_TINY).log()
