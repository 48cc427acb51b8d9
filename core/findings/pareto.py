"""Which of several things nobody beats in two measures at once: the Pareto front. Pure arithmetic.

Of both measures less is better: what something costs, and how badly it does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def pareto_front(costs: Sequence[float], losses: Sequence[float]) -> list[int]:
    """The places of those that no other beats, the cheapest first, so with falling losses.

    One is beaten by another that costs no more and loses no more, and of one of both less. Those
    that are alike in both do not beat each other. What is no finite number is on no front.
    """
    known = [i for i, pair in enumerate(zip(costs, losses, strict=True))
             if all(map(math.isfinite, pair))]  # fmt: skip
    front: list[int] = []
    for i in sorted(known, key=lambda i: (costs[i], losses[i])):
        last = front[-1] if front else None
        is_better = last is None or losses[i] < losses[last]
        if is_better or (costs[i], losses[i]) == (costs[front[-1]], losses[front[-1]]):
            front.append(i)
    return front
