"""What is said of a race, and where its axis ends: by its terms, whatever has been reached."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.experiments.race import Race
from core.records.records import RunRecord
from core.runs.lab import Lab
from core.settings.config import MODEL_KINDS, RunConfig
from core.text.reference import ReferenceLine
from core.training.preflight import flops_per_token
from lab.figures.losses import LossCurve
from lab.train_page.race.words import (
    against_the_counts,
    missing_text,
    race_end,
    time_left_s,
    why_near_the_bigram,
)
from tests.helpers import small_config, small_run
from tests.lab.figures.test_curve_marks import curve
from tests.pages import MACHINE

BY_STEPS, BY_SECONDS = Race("a", "steps", 500), Race("a", "seconds", 30)
CONFIGS = [small_config(kind, 10, max_iters=n) for kind, n in zip(MODEL_KINDS, (900, 500, 40))]


@pytest.mark.parametrize("curves", [[], [curve()]], ids=["begun", "under way"])
def test_an_axis_ends_where_the_longest_run_will_and_does_not_move(
    curves: list[LossCurve],
) -> None:
    def end(race: Race, axis: str) -> float | None:
        return race_end(race, CONFIGS, curves, axis, MACHINE)  # type: ignore[arg-type]

    assert end(BY_SECONDS, "steps") == 900
    assert end(BY_SECONDS, "seconds") == 30
    assert end(BY_STEPS, "characters") == 900 * 4 * 8
    flops = [flops_per_token(c.model) * c.train.max_iters * 32 for c in CONFIGS]
    assert end(BY_STEPS, "FLOPs") == max(flops) > 0


def test_seconds_are_those_of_the_calibration_and_go_on_to_a_round_number() -> None:
    expected = max(MACHINE.train_s(config) for config in CONFIGS)
    begun = race_end(BY_STEPS, CONFIGS, [], "seconds", MACHINE)
    assert begun is not None and expected <= begun <= 1.5 * expected
    late = curve()  # has trained for 6 s
    assert race_end(BY_STEPS, CONFIGS, [late], "seconds", MACHINE) == max(6.0, begun)
    assert race_end(BY_STEPS, CONFIGS, [], "seconds", None) is None


def test_before_any_race_the_axis_is_as_long_as_the_next_one() -> None:
    assert race_end(None, CONFIGS, [], "steps", None) == 900


def record(lab: Lab, config: RunConfig, **values: object) -> RunRecord:
    run = lab.run(small_run(lab, lab.library.load()))
    return replace(run, config=config, **values)  # type: ignore[arg-type]


def test_the_time_left_is_that_of_the_last_to_come(lab: Lab) -> None:
    slow = record(lab, CONFIGS[0], status="running", iter=100, steps_per_s=10.0)
    fast = record(lab, CONFIGS[1], status="running", iter=400, steps_per_s=10.0)
    over = record(lab, CONFIGS[2], status="finished", iter=40, steps_per_s=0.0)
    assert time_left_s([slow, fast, over]) == 80.0
    assert time_left_s([fast, over]) == 10.0
    assert time_left_s([over]) is None
    assert time_left_s([slow, replace(fast, steps_per_s=0.0)]) is None


def test_what_is_missing_is_named(lab: Lab) -> None:
    runs = {kind: record(lab, config) for kind, config in zip(MODEL_KINDS, CONFIGS)}
    assert missing_text(runs) == ""
    del runs["attention"]
    assert missing_text(runs) == "The self-attention run of this race: deleted."
    del runs["bigram"]
    assert "bigram table and self-attention runs" in missing_text(runs)


def test_the_best_model_is_held_against_the_best_counts() -> None:
    lines = [ReferenceLine("bigram", 2.482), ReferenceLine("5-gram", 1.669)]
    above = against_the_counts([curve("bigram"), curve("transformer")], lines)
    assert "No model has reached the counted 5-gram (1.669)" in above and "0.331 nats" in above
    below = against_the_counts([curve()], [ReferenceLine("5-gram", 2.5)])
    assert below == "The transformer is below the best counts (5-gram, 2.500)."
    assert against_the_counts([], lines) == against_the_counts([curve()], []) == ""


def test_the_window_is_that_of_the_race() -> None:
    assert "each of the 32 characters in view" in why_near_the_bigram(32)
