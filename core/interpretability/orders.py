"""In which order the characters of a transition table stand, so that a pattern can be seen in it.

Each function returns a permutation (K,) of the places of K characters: the place that comes first,
then the next. Rows and columns are put in the same order. Nothing here is random, and nothing
depends on a model: given the counts, the order does not move while a table learns.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

Order = Literal["alphabet", "frequency", "similarity"]
ORDERS: tuple[Order, ...] = get_args(Order)


def by_frequency(often: Tensor) -> Tensor:
    """The most frequent character first; of equally frequent ones the earlier. `often` is (K,)."""
    return often.argsort(descending=True, stable=True)


def by_similarity(rows: Tensor) -> Tensor:
    """Characters that are followed by the same stand together: rows (K, V) of probabilities.

    Each character begins as a chain of its own. Again and again the two chains whose rows are most
    alike, on average over all their pairs, are joined into one, at those ends that are most alike;
    of equally good ones the first. How far two rows are apart is measured between the roots of
    their probabilities (Hellinger distance), so that rare successors count too and no pair of rows
    is infinitely far apart. The chain is read from the end that has the earlier character.

    Source: agglomerative clustering with average linkage (Sokal and Michener 1958), its leaves
    ordered as the chains are joined.
    """
    roots = rows.double().sqrt()
    apart = torch.cdist(roots, roots, compute_mode="donot_use_mm_for_euclid_dist")
    chains = [[place] for place in range(len(rows))]
    between = apart.clone().fill_diagonal_(torch.inf)  # mean distance of two chains
    while len(chains) > 1:
        one, other = divmod(int(between.argmin()), len(chains))  # one < other: the first smallest
        n_one, n_other = len(chains[one]), len(chains[other])
        mean = (n_one * between[one] + n_other * between[other]) / (n_one + n_other)
        between[one], between[:, one] = mean, mean
        between[one, one] = torch.inf
        rest = torch.arange(len(chains)) != other
        between = between[rest][:, rest]
        chains[one] = _joined(chains[one], chains.pop(other), apart)
    (order,) = chains or [[]]
    if order and order[0] > order[-1]:
        order.reverse()
    return torch.tensor(order, dtype=torch.int64)


def _joined(one: list[int], other: list[int], apart: Tensor) -> list[int]:
    """Two chains end to end, turned so that the ends that meet are most alike."""
    ways = [
        left + right
        for left in (one, one[::-1])
        for right in (other, other[::-1])
    ]  # fmt: skip
    return min(ways, key=lambda chain: float(apart[chain[len(one) - 1], chain[len(one)]]))
