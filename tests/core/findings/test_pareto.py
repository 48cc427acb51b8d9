"""The front is what comparing each with each leaves over."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.findings.pareto import pareto_front


def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]


@pytest.mark.parametrize("seed", range(20))
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Whole numbers from few, so that many are alike in one measure or in both.
    pairs = [tuple(map(float, pair)) for pair in rng.integers(0, 8, size=(25, 2))]
    front = pareto_front([c for c, _ in pairs], [loss for _, loss in pairs])
    expected = {i for i, pair in enumerate(pairs) if not any(beats(other, pair) for other in pairs)}
    assert set(front) == expected and len(front) == len(expected)
    costs, losses = [pairs[i][0] for i in front], [pairs[i][1] for i in front]
    assert costs == sorted(costs) and losses == sorted(losses, reverse=True)


def test_what_is_no_number_is_on_no_front() -> None:
    assert pareto_front([1.0, 2.0, math.nan], [math.inf, 2.0, 0.0]) == [1]
    assert pareto_front([], []) == []


def test_each_cost_has_its_loss() -> None:
    with pytest.raises(ValueError):
        pareto_front([1.0], [])
