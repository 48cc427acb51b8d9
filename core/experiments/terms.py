"""What the rungs of a ladder are equal in, and how many steps that gives to each; their rates.

Pure arithmetic. Whatever the rungs are equal in, the schedule of each has the same shape over its
own steps (`core.experiments.grid.small`), so that none is cut off in its middle.

FLOPs are those of `core.training.preflight.flops_per_token`, which the charts of Compare count too:
for each character that a step reads, 6 for every weight in a matrix product and 12 L C T for
attention, forward and backward; look-ups cost none. Source: Chowdhery et al. 2022 (PaLM),
https://arxiv.org/abs/2204.02311, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from core.errors import ConfigError
from core.experiments.grid import characters_per_step
from core.experiments.race import MOST as MOST_IN_A_RACE
from core.experiments.race import steps_in
from core.experiments.rungs import Step
from core.settings.config import RunConfig
from core.training.preflight import Calibration, flops_per_token

EqualIn = Literal["steps", "characters", "seconds", "flops"]
EQUAL_IN: tuple[EqualIn, ...] = get_args(EqualIn)
"""What every rung of a ladder gets as much of."""
LONGER_STEPS = 3000
"""A budget at which more blocks begin to pay."""
BUDGETS: dict[EqualIn, int] = {
    "steps": 500, "characters": 256_000, "seconds": 8, "flops": 100_000_000_000,
}  # fmt: skip
"""What each rung gets when nobody says."""
LONGER: dict[EqualIn, int] = {
    "steps": LONGER_STEPS, "characters": 1_536_000, "seconds": 40, "flops": 1_000_000_000_000,
}  # fmt: skip
"""What depth pays at, in all of them."""
MOST: dict[EqualIn, int] = {
    "steps": MOST_IN_A_RACE["steps"], "characters": 10**9, "seconds": MOST_IN_A_RACE["seconds"],
    "flops": 10**16,
}  # fmt: skip
"""The most that can be asked for."""

_RATES: dict[str, float] = {
    "bigram table": 1e-1, "embeddings": 1e-2, "one head": 1e-1, "heads": 1e-1, "positions": 1e-1,
    "MLP": 3e-2, "residual stream": 3e-2, "tied head": 3e-3, "no attention": 1e-2,
    "one head a layer": 1e-2, "no residual stream": 1e-2, "no LayerNorm": 1e-2,
    "average of the past": 1e-1, "no causal mask": 1e-2,
}  # fmt: skip
"""Learning rates that are good for a rung: of 3e-3, 5e-3, 1e-2, 3e-2 and 1e-1 the best in 500 steps
at the shapes of `_PRESET`, with one seed. Those that are not named take `_RATE`."""
_RATE = 5e-3
_LONG_ITERS, _LONG_RATE = 1500, 3e-3
"""With so many steps or more, stacks of blocks take a smaller rate: at 3e-3 and `LONGER_STEPS` one
block reached 1.913, two 1.901 and three 1.877."""


def step_flops(config: RunConfig) -> int:
    """The FLOPs of one training step, as Compare counts them; 0 for a bigram table."""
    return flops_per_token(config.model) * characters_per_step(config)


def check_budget(by: EqualIn, budget: int) -> None:
    """Raise ConfigError unless each rung may get so much."""
    if by not in EQUAL_IN or isinstance(budget, bool) or not 1 <= budget <= MOST.get(by, 0):
        most = f"from 1 to {MOST[by]:,} {by}" if by in EQUAL_IN else ", ".join(EQUAL_IN)
        raise ConfigError(f"A ladder takes {most} for each rung.")


def steps_for(
    configs: Sequence[RunConfig], by: EqualIn, budget: int, calibration: Calibration | None
) -> list[int]:
    """How many steps each rung takes for the same budget.

    By steps, so many; by characters, as many as read no more than that, which is the same number
    for all, since all read batches of one size; by seconds, as many as this machine takes in that
    time by the calibration, which only then must be there; by FLOPs, as many as the budget pays
    for. A bigram table has no matrix products, so its steps cost no FLOPs: it takes as many as the
    rung that takes most.

    Raises ConfigError for a budget that cannot be, or that pays for no step of some rung.
    """
    check_budget(by, budget)
    if by == "steps":
        return [budget] * len(configs)
    if by == "seconds":
        assert calibration is not None, "seconds need a calibration"
        return [steps_in(budget, calibration.step_s(config)) for config in configs]
    if by == "characters":
        costs = [characters_per_step(config) for config in configs]
    else:
        costs = [step_flops(config) for config in configs]
    if max(costs) > budget:
        raise ConfigError(
            f"{budget:,} {by} pay for no step of the dearest rung, which takes {max(costs):,}."
        )
    most = max(budget // cost for cost in costs if cost)
    if most > MOST["steps"]:
        raise ConfigError(
            f"{budget:,} {by} are {most:,} steps of the cheapest rung; {MOST['steps']:,} are the "
            "most that a rung takes."
        )
    return [budget // cost if cost else most for cost in costs]


def rate_of(step: Step, n_steps: int) -> float:
    """The learning rate of a rung that takes so many steps."""
    rate = _RATES.get(step.key, _RATE)
    is_stack = step.ideas is not None and {"residual", "norm"} <= step.ideas
    return min(rate, _LONG_RATE) if is_stack and n_steps >= _LONG_ITERS else rate
