"""What is said of a race, and where its axis ends: by its terms, whatever has been reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.records.events import Race
from core.records.records import RunRecord
from core.runs.lab import Lab
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig
from core.text.reference import ReferenceLine
from core.training.preflight import flops_per_token
from lab.figures.base import compact
from lab.figures.losses import LossCurve
from lab.train_page.race.track import NewestRace, how_it_ended, terms_in_words
from lab.train_page.race.words import (
    Near,
    against_the_counts,
    missing_text,
    near_the_bigram,
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
    waited = race_end(BY_STEPS, CONFIGS, [], "waited", MACHINE)  # for all of them in turns
    assert waited is not None and waited >= sum(MACHINE.train_s(config) for config in CONFIGS)
    assert race_end(BY_STEPS, CONFIGS, [], "seconds", None) is None


def as_far_as(n_steps: int, step_s: float) -> LossCurve:
    """A run of 1,000 steps as long as each other, which has taken so many of them."""
    steps = compact(range(1, n_steps + 1))
    return replace(curve(), steps=steps, step_s=steps * step_s)


def test_an_axis_of_seconds_ends_where_the_race_did_and_stays_where_it_is_until_then() -> None:
    """On a machine that was busy while it was timed, and then was not."""
    configs = [small_config("transformer", 10, max_iters=1000)] * 2
    busy = replace(MACHINE, s_per_layer=0.02)
    assert busy.train_s(configs[0]) > 60

    def end(n_steps: int, *, is_over: bool = False) -> float | None:
        curves = [as_far_as(n_steps, 0.003), as_far_as(n_steps, 0.0128)]
        return race_end(BY_STEPS, configs, curves, "seconds", busy, is_over=is_over)

    assert (end(49) or 0) > 60  # nothing better is known yet
    assert {end(n) for n in range(50, 1001, 50)} == {15.0}
    assert end(1000, is_over=True) == pytest.approx(12.8)
    slower = [as_far_as(50, 0.0128), as_far_as(990, 0.02)]
    assert race_end(BY_STEPS, configs, slower, "seconds", busy) == 20.0


def test_a_race_by_seconds_that_took_longer_or_less_ends_there_too() -> None:
    curves = [as_far_as(1000, 0.0128)]
    assert race_end(BY_SECONDS, CONFIGS, curves, "seconds", MACHINE) == 30
    over = race_end(BY_SECONDS, CONFIGS, curves, "seconds", MACHINE, is_over=True)
    assert over == pytest.approx(12.8)
    assert race_end(BY_SECONDS, CONFIGS, curves, "steps", MACHINE, is_over=True) == 900


def test_before_any_race_the_axis_is_as_long_as_the_next_one() -> None:
    assert race_end(None, CONFIGS, [], "steps", None) == 900


def record(lab: Lab, config: RunConfig, **values: object) -> RunRecord:
    run = lab.run(small_run(lab, lab.library.load()))
    return replace(run, config=config, **values)  # type: ignore[arg-type]


def test_the_time_left_is_that_of_the_last_to_come(lab: Lab) -> None:
    slow = record(lab, CONFIGS[0], status="running", step=100, steps_per_s=10.0)
    fast = record(lab, CONFIGS[1], status="running", step=400, steps_per_s=10.0)
    over = record(lab, CONFIGS[2], status="finished", step=40, steps_per_s=0.0)
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
    ended = replace(curve("transformer"), best_loss=1.95)  # by estimates 2.000
    assert "by 0.281 nats" in against_the_counts([ended], lines)
    assert against_the_counts([], lines) == against_the_counts([curve()], []) == ""


def learned(model: ModelKind, losses: Sequence[float], step_s: float) -> LossCurve:
    """Estimated each 50 steps, each step as long as the others."""
    at = compact([50 * i for i in range(len(losses))])
    flops = 0 if model == "bigram" else 7
    return replace(
        curve(model), chars_seen=((0, 0), (500, 5000)), flops_per_char=flops,
        steps=at[1:], step_s=at[1:] * step_s, step_wall_s=at[1:] * step_s,
        train_losses=compact(losses[1:]), estimate_steps=at, val_losses=compact(losses),
    )  # fmt: skip


BIGRAM = learned("bigram", [4.2, 3.9, 3.0, 2.7, 2.6, 2.55, 2.5], 0.01)
ATTENTION = learned("attention", [4.2, 3.2, 2.95, 2.69, 2.58, 2.50, 2.3], 0.05)


def test_where_attention_lies_on_the_bigram_follows_from_the_curves_as_drawn() -> None:
    near = near_the_bigram([BIGRAM, ATTENTION], "steps")
    assert near == Near("steps", 100, 250)
    said = why_near_the_bigram(32, near)
    assert said.startswith("From step 100 to 250 attention alone lies on the bigram, within 0.1 n")
    assert "each of the 32 characters in view" in said
    characters = near_the_bigram([ATTENTION, BIGRAM], "characters")
    assert characters and characters.in_words == "From 1,000 to 2,500 characters"


def test_it_is_not_said_where_they_lie_apart() -> None:
    assert near_the_bigram([BIGRAM, ATTENTION], "seconds") is None  # five times as slow
    assert near_the_bigram([BIGRAM, ATTENTION], "FLOPs") is None  # the bigram has no width there
    both_blind = learned("bigram", [4.2, 4.19], 0.01), learned("attention", [4.2, 4.18], 0.05)
    assert near_the_bigram(both_blind, "steps") is None
    assert near_the_bigram([ATTENTION], "steps") is None
    assert near_the_bigram([], "steps") is None


def test_a_race_by_seconds_promises_steps_and_says_what_they_took(lab: Lab) -> None:
    def found(*seconds: float) -> NewestRace:
        records = {
            kind: record(lab, config, status="finished", train_s=s, corpus="small")
            for kind, config, s in zip(MODEL_KINDS, CONFIGS, seconds)
        }
        return NewestRace(BY_SECONDS, records)

    said = terms_in_words(found(1.0, 2.0, 3.0))
    assert said == (
        "for each model the steps that this machine was timed to take in 30 s (900, 500, 40), "
        "on small"
    )
    assert how_it_ended(found(45.2, 44.0, 46.75)).endswith(
        "the steps that were timed to take 30 s took 45.2, 44.0 and 46.8 s."
    )
    assert "took 20.0, 30.0 and 30.0 s." in how_it_ended(found(20.0, 30.0, 30.0))
    assert how_it_ended(found(29.0, 30.0, 31.0)) == "The race is over."
