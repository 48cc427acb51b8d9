"""Three answers about a curve: each number is that of the estimates, no word contradicts it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from core.findings.curve import Diverged, Overfitting, Trend, lines_beside, verdict
from core.findings.thresholds import NOISE_NATS, OVERFITTING_ESTIMATES
from core.findings.verdicts import Answers, answers_on, reached_by
from core.records.records import Estimate, RunRecord, RunStatus, StepRecord
from tests.curves import (
    LINES,
    LITTLE,
    NOT_QUITE_UP,
    UP,
    curve,
    ending,
    random_run,
    taken,
    turning,
)
from tests.helpers import run_of

N = 20
DIVERGED = [4.2, 2.721, 3.512, 3.402, 3.398, 3.405, 3.401]


def answers_of(
    estimates: Sequence[Estimate] = (),
    steps: Sequence[StepRecord] = (),
    max_iters: int = 1000,
    broke_at: int | None = None,
) -> Answers:
    return answers_on(verdict(estimates, steps, LINES, max_iters, broke_at), LINES)


# --- is it good -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("val", "said"),
    [
        (4.3, "about 4.30 nats (estimate), as unsure as among 74 characters: not yet better than "
              "the uniform line (4.174)"),
        (2.4711, "about 2.47 nats (estimate), as unsure as among 12 characters: better than the "
                 "bigram counts (2.482), not yet better than a counted 3-gram (2.049)"),
        (1.6691, "about 1.67 nats (estimate), as unsure as among 5.3 characters: better than a "
                 "counted 4-gram (1.777), not yet better than a counted 5-gram (1.669)"),
        (1.5, "about 1.50 nats (estimate), as unsure as among 4.5 characters: better than a "
              "counted 5-gram (1.669), the best of the lines"),
    ],
)  # fmt: skip
def test_how_good_it_is_is_said_by_the_lines_around_it(val: float, said: str) -> None:
    assert answers_of(curve([5.0, val, val + 0.02])).is_good == said


def test_of_a_run_that_is_away_from_its_best_both_are_said_and_now_is_judged() -> None:
    assert answers_of(curve(DIVERGED)).is_good == (
        "about 3.40 nats now, about 2.72 nats at best (estimates): better than the uniform line "
        "(4.174), no longer better than the unigram line (3.347)"
    )


def test_a_line_that_was_never_passed_is_not_yet_passed_though_it_was_nearer() -> None:
    said = answers_of(curve([4.2, 2.0, 2.3])).is_good
    assert said.endswith("better than the bigram counts (2.482), no longer better than a counted "
                         "3-gram (2.049)")  # fmt: skip
    said = answers_of(curve([4.2, 2.1, 2.3])).is_good
    assert said.endswith("not yet better than a counted 3-gram (2.049)")


def test_what_is_within_the_noise_of_the_best_is_at_its_best() -> None:
    near = answers_of(curve([4.2, 2.4, 2.4 + NOISE_NATS - LITTLE])).is_good
    assert near.startswith("about 2.40 nats (estimate), ")
    away = answers_of(curve([4.2, 2.4, 2.4 + NOISE_NATS + LITTLE])).is_good
    assert away.startswith("about 2.43 nats now, about 2.40 nats at best (estimates): ")


def test_lines_need_not_come_in_order_nor_at_all() -> None:
    found = verdict(curve([5.0, 2.4]), (), LINES, 100)
    assert answers_on(found, LINES[::-1]) == answers_on(found, LINES)
    assert answers_on(found, ()).is_good == (
        "about 2.40 nats (estimate), as unsure as among 11 characters"
    )


def test_what_is_said_as_the_same_number_is_not_better() -> None:
    uniform = LINES[0].loss_nats
    said = answers_of(curve([uniform - 1e-5])).is_good
    assert "not yet better than the uniform line" in said and ": better" not in said


def test_before_the_first_estimate_there_is_no_answer() -> None:
    assert answers_of() == Answers(*["no estimate yet"] * 3)


# --- once it has finished ---------------------------------------------------------------------


def finished(val_loss: float, best_val_loss: float, **about: Any) -> RunRecord:
    return run_of(
        status="finished", val_loss_nats=val_loss, best_val_loss_nats=best_val_loss, **about
    )


def test_a_finished_run_is_judged_by_the_whole_validation_split() -> None:
    """As the counted lines are; its estimate may lie on the other side of one."""
    found = verdict(curve([4.2, 2.1, 2.06]), (), LINES, 200)
    assert answers_on(found, LINES).is_good.endswith("not yet better than a counted 3-gram (2.049)")
    said = answers_on(found, LINES, run=finished(2.0299, 2.0299)).is_good
    assert said == (
        "2.030 nats over the whole validation split, as unsure as among 7.6 characters: better "
        "than a counted 3-gram (2.049), not yet better than a counted 4-gram (1.777)"
    )
    # The best may be an earlier state, which the last is no worse than but for noise.
    earlier = answers_on(found, LINES, run=finished(2.031, 2.0299, best_step=100)).is_good
    assert earlier.startswith("2.030 nats at best, at step 100, over the whole validation split, ")
    bits = answers_on(found, LINES, in_bits=True, run=finished(2.0299, 2.0299)).is_good
    assert bits.startswith("2.929 bits over the whole validation split")


def test_a_model_that_looks_ahead_is_good_by_no_line() -> None:
    found = verdict(curve([4.2, 0.5, 0.09]), (), LINES, 200)
    settings = dict(block="ladder", ideas="attention,scale,positions", n_layer=1)
    said = answers_on(found, LINES, run=finished(0.088, 0.088, settings=settings)).is_good
    assert said == (
        "0.088 nats over the whole validation split, as unsure as among 1.1 characters, but "
        "without a causal mask it sees what it is to guess: no measure of how well it guesses"
    )


def test_a_model_that_looks_ahead_stands_beside_the_uniform_line_alone() -> None:
    ahead = run_of(settings={"ideas": "attention", "block": "ladder"})
    assert ahead.looks_ahead and not run_of().looks_ahead
    assert [x.name for x in lines_beside(ahead, LINES)] == ["uniform"]
    assert lines_beside(run_of(), LINES) == list(LINES)


def test_a_finished_run_that_ended_away_from_its_best_says_both() -> None:
    found = verdict(curve(DIVERGED), (), LINES, 600)
    run = finished(3.42, 2.73, best_step=100)
    assert answers_on(found, LINES, run=run).is_good == (
        "3.420 nats now, 2.730 nats at best, over the whole validation split: better than the "
        "uniform line (4.174), no longer better than the unigram line (3.347)"
    )
    assert found.standing and reached_by(found.standing, run).best_step == 100


@pytest.mark.parametrize("status", ["running", "paused", "interrupted", "failed"])
def test_until_a_run_has_finished_its_estimates_count(status: RunStatus) -> None:
    found = verdict(curve([4.2, 2.1, 2.06]), (), LINES, 200)
    for run in (
        run_of(status=status, val_loss_nats=2.0, best_val_loss_nats=2.0),
        run_of(status="finished"),
    ):
        assert answers_on(found, LINES, run=run) == answers_on(found, LINES)


def test_that_a_run_has_finished_changes_nothing_of_whether_it_learned() -> None:
    learns, flat = (verdict(ending(2.0, 2.0, last), (), LINES, 1000) for last in (1.8, 2.0))
    run = finished(1.8, 1.8)
    yes = "yes: the best validation estimate fell by 0.200 nats after step 600"
    assert answers_on(learns, LINES).still_learning == yes
    for found in (learns, flat):
        answer = answers_on(found, LINES, run=run).still_learning
        assert answer == answers_on(found, LINES).still_learning


# --- still learning -------------------------------------------------------------------------------


def test_after_the_first_estimate_the_trend_is_still_unknown() -> None:
    first = answers_of(curve([4.2], [4.1]))
    assert first.is_good.startswith("about 4.20 nats")
    assert first.still_learning == "too early to say"
    assert first.overfitting == "too early to say"


def test_whether_it_learns_is_said_with_how_much() -> None:
    yes = answers_of(ending(1.9, 1.9, 1.8765)).still_learning
    assert yes == "yes: the best validation estimate fell by 0.123 nats after step 600"
    no = answers_of(ending(2.0, 2.0, 2.0)).still_learning
    assert no == "no: flat: the best validation estimate fell by only 0.000 nats after step 600"
    diverging = answers_of(ending(1.9, 1.9, 1.8), taken([2.0] * N + [3.0] * N)).still_learning
    assert diverging.startswith("no: diverging after step 20: the loss of the steps rose by 1.000")


def test_a_run_that_diverged_and_is_flat_up_there_is_not_just_flat() -> None:
    said = answers_of(curve(DIVERGED)).still_learning
    assert said == (
        "no: it diverged after step 100, from 2.721 nats up to 3.512, and is at 3.401 now"
    )


def test_a_run_that_comes_back_is_said_to() -> None:
    said = answers_of(curve([4.2, 2.721, 3.512, 3.4, 3.2, 3.0, 2.9])).still_learning
    assert said.startswith("coming back: it diverged after step 100")
    back = answers_of(curve([4.2, 2.721, 3.512, 3.4, 3.2, 2.9, 2.7])).still_learning
    assert back.startswith("yes: the best validation estimate fell by 0.021 nats")


def test_a_loss_that_is_no_number_is_said() -> None:
    answers = answers_of(steps=taken([4.0, math.nan]))
    assert answers.still_learning == "no: diverging: the loss at step 2 is not a finite number"
    assert answers.is_good == answers.overfitting == "no estimate yet"


def test_of_overfitting_nothing_is_said_before_it_could_show() -> None:
    untrained = curve([4.2])
    assert answers_of(untrained).overfitting == "too early to say"
    assert answers_of(untrained, broke_at=3).overfitting == (
        "cannot be said: no estimate after its first step"
    )


def test_a_run_that_failed_by_diverging_does_not_learn_any_more() -> None:
    fell = ending(1.9, 1.9, 1.8)
    assert answers_of(fell).still_learning.startswith("yes")
    assert answers_of(fell, broke_at=1068).still_learning == (
        "no: it diverged: at step 1,068 its loss or its gradient was no longer a finite number"
    )


# --- overfitting ----------------------------------------------------------------------------------


def test_overfitting_is_said_with_the_gap() -> None:
    enough = [UP] * OVERFITTING_ESTIMATES
    assert answers_of(turning([*enough, 0.2], [*enough, 0.3])).overfitting == (
        "yes: validation minus training is 0.600 nats, and validation has turned up since step 300"
    )


def test_a_gap_alone_is_not_overfitting() -> None:
    no = answers_of(curve([4.2, 2.2, 2.0], [4.2, 1.5, 1.0])).overfitting
    assert no == "no: validation minus training is 1.000 nats, and validation has not turned up"
    below = answers_of(curve([4.2, 2.0], [4.2, 2.0125])).overfitting
    assert below.startswith("no: validation minus training is −0.01")


def test_a_rise_that_is_not_overfitting_is_said_as_it_is() -> None:
    up = answers_of(turning([0.0, UP], [0.0, 0.1])).overfitting
    assert up.startswith("not clearly: validation minus training is 0.230 nats")
    assert up.endswith("and validation lies 0.030 nats above its best at step 300")
    not_quite = answers_of(turning([0.0, NOT_QUITE_UP], [0.0, 0.1])).overfitting
    assert not_quite.startswith("no: validation minus training")
    assert not_quite.endswith("and validation lies 0.030 nats above its best, which may be noise")


def test_losses_that_rise_together_are_not_overfitting() -> None:
    assert answers_of(curve(DIVERGED)).overfitting == (
        "no: training and validation loss both went up: it diverged"
    )


def test_a_run_that_broke_while_both_rose_is_not_overfitting() -> None:
    rising = curve([4.2, 2.7, 900.0])
    for answers in (answers_of(rising, broke_at=201), answers_of(rising, taken([2.0, math.inf]))):
        assert answers.overfitting == ("no: training and validation loss both went up: it diverged")
    fell = answers_of(curve([4.2, 2.7, 2.5]), broke_at=201).overfitting
    assert fell.endswith("and validation has not turned up")


# --- all together ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(100))
def test_every_answer_agrees_with_what_was_found(seed: int) -> None:
    estimates, steps = random_run(seed)
    found = verdict(estimates, steps, LINES, 1000)
    answers, state = answers_on(found, LINES), found.state
    lowest, last = min(e.val_loss_nats for e in estimates), estimates[-1]
    assert f"about {lowest:.2f} nats" in answers.is_good
    assert (f"{last.val_loss_nats:.2f} nats now" in answers.is_good) == (
        last.val_loss_nats - lowest >= NOISE_NATS
    )
    learns = isinstance(state, Trend) and state.is_learning
    assert answers.still_learning.startswith("yes") == learns
    assert answers.overfitting.startswith("yes") == isinstance(state, Overfitting)
    gap = f"{last.val_loss_nats - last.train_loss_nats:z.3f} nats"
    assert (gap in answers.overfitting) != isinstance(state, Diverged)


@pytest.mark.parametrize("seed", range(20))
def test_in_bits_no_answer_speaks_of_nats(seed: int) -> None:
    found = verdict(*random_run(seed), LINES, 1000)
    answers = answers_on(found, LINES, in_bits=True)
    assert "nats" not in answers.is_good + answers.still_learning + answers.overfitting
    assert found.standing
    best = found.standing.best.val_loss_nats
    assert f"about {best / math.log(2):.2f} bits" in answers.is_good
