"""A race of the three models: equal terms for all. Pure arithmetic.

Knows settings; no service, no registry, no screen. Starting a race and finding it again is
`core.service.racing`'s, and who leads is read off the curves: `lab.figures.equal_terms`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from core.errors import ConfigError
from core.records.events import Fairness as Fairness
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig
from core.text.corpus import Corpus
from core.training.preflight import Calibration

FAIRNESS: tuple[Fairness, ...] = get_args(Fairness)
BUDGETS: dict[Fairness, int] = {"seconds": 30, "steps": 1000}
"""What each model gets when nobody says."""
MOST: dict[Fairness, int] = {"seconds": 3600, "steps": 200_000}
"""The longest race that can be asked for."""

_PRESET = "quick"
_FEWEST_STEPS = 20
"""In fewer steps than this nothing can be seen, however slow the machine."""


def check_budget(by: Fairness, budget: int) -> None:
    """Raise ConfigError unless a race may give each model so much."""
    if isinstance(budget, bool) or not 1 <= budget <= MOST[by]:
        raise ConfigError(
            f"A race takes from 1 to {MOST[by]:,} {by} for each model, not {budget:,}."
        )


def race_configs(
    configure: Callable[..., RunConfig],
    corpus: Corpus,
    by: Fairness,
    budget: int,
    calibration: Calibration | None,
    seed: int,
) -> dict[ModelKind, RunConfig]:
    """The settings of the three runs: the same block size, batch size and seed.

    By steps, each takes `budget` of them; by seconds, as many as this machine takes in that time
    by the calibration, which only then must be there. Schedules and estimates are made for that
    length.

    Args:
        configure: `Lab.configure`, or what works alike.

    Raises ConfigError for a budget that cannot be, and when the text is too short.
    """
    check_budget(by, budget)
    widest = configure("transformer", corpus, _PRESET)
    terms: dict[str, Any] = dict(
        block_size=widest.model.block_size, batch_size=widest.train.batch_size, seed=seed
    )
    configs: dict[ModelKind, RunConfig] = {}
    for kind in MODEL_KINDS:
        n_steps = budget
        if by == "seconds":
            assert calibration is not None, "seconds need a calibration"
            n_steps = steps_in(
                budget, calibration.step_s(configure(kind, corpus, _PRESET, **terms))
            )
        configs[kind] = configure(kind, corpus, _PRESET, **terms, max_iters=n_steps)
    return configs


def steps_in(seconds: float, step_s: float) -> int:
    """How many steps of `step_s` a race by seconds lets a model take."""
    return round(min(max(seconds / max(step_s, 1e-9), _FEWEST_STEPS), MOST["steps"]))
