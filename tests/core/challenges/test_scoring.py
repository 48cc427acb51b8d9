"""Each challenge against made-up telemetry: met, just not met, nobody there, failed, no number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.challenges.board import board_of
from core.challenges.kept import Kept
from core.challenges.scoring import (
    CHALLENGES,
    PREVIOUS_PCT,
    QUICK_S,
    SMALL_LOSS_NATS,
    SMALL_N_PARAMS,
    Attempt,
    Challenge,
    ChallengeKey,
    attempts_in,
    challenge_named,
    standing_of,
)
from core.challenges.telemetry import PreviousHead, Telemetry
from core.challenges.words import EXPECTATIONS, LESSONS, NAMES, TASKS, rule_text
from core.findings.thresholds import NEAR_A_LINE_NATS
from core.records.records import Estimate
from core.settings.config import ModelKind
from core.settings.presets import adapt, resolve
from core.text.corpus import Corpus
from tests.curves import LINES, LITTLE, NOT_QUITE_UP, UP, curve, taken, turning
from tests.helpers import run_of


def challenge(key: ChallengeKey) -> Challenge:
    found = challenge_named(key)
    assert found
    return found


def told(
    estimates: Sequence[Estimate] = (), *, steps: Sequence[Any] = (),
    head: PreviousHead | None = None, model: ModelKind = "transformer", **about: Any,
) -> Telemetry:  # fmt: skip
    values = {"status": "finished"} | about
    return Telemetry(run_of(model=model, **values), estimates, steps, None, head)


def over(loss_nats: float | None, n_params: int = 1000, **about: Any) -> Telemetry:
    return told(curve([4.2, 3.0]), n_params=n_params, best_val_loss_nats=loss_nats, **about)


def attempts(key: ChallengeKey, *runs: Telemetry) -> list[Attempt]:
    return attempts_in(challenge(key), runs, LINES)


def only(key: ChallengeKey, *runs: Telemetry) -> Attempt:
    (attempt,) = attempts(key, *runs)
    return attempt


# --- small and good -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "is_met"), [(SMALL_LOSS_NATS - LITTLE, True), (SMALL_LOSS_NATS, False)]
)
def test_a_small_model_needs_a_loss_below_the_bound(loss: float, is_met: bool) -> None:
    attempt = only("small", over(loss, SMALL_N_PARAMS - 1))
    assert (attempt.value, attempt.is_met, attempt.is_estimate) == (loss, is_met, False)


def test_a_model_with_as_many_parameters_as_the_bound_is_not_small() -> None:
    assert attempts("small", over(1.5, SMALL_N_PARAMS)) == []


def test_an_estimate_is_shown_and_meets_nothing() -> None:
    running = told(curve([4.2, 1.7, 1.9]), status="running", n_params=1000)
    attempt = only("small", running)
    assert (attempt.value, attempt.is_met, attempt.is_estimate) == (1.7, False, True)


def test_the_loss_of_the_last_step_stands_in_where_the_best_was_not_measured() -> None:
    assert only("small", over(None, val_loss_nats=1.8)).value == 1.8


# --- overfitting ----------------------------------------------------------------------------------


def test_a_run_that_diverged_is_not_on_the_way_to_overfitting() -> None:
    assert attempts("overfit", told(curve([4.2, 2.5, 3.4, 3.5]))) == []


def test_overfitting_is_met_by_the_lab_s_own_rule() -> None:
    attempt = only("overfit", told(turning([UP, UP, UP], [UP, UP, UP]), settings={}))
    assert attempt.is_met and attempt.value == pytest.approx(UP)


@pytest.mark.parametrize(
    ("rises", "falls"),
    [([UP, UP, NOT_QUITE_UP], [UP] * 3), ([UP] * 3, [UP, NOT_QUITE_UP, UP]), ([UP] * 2, [UP] * 2)],
)
def test_a_rise_that_the_rule_does_not_count_is_shown_and_does_not_meet_it(
    rises: list[float], falls: list[float]
) -> None:
    attempt = only("overfit", told(turning(rises, falls)))
    assert not attempt.is_met and attempt.value == pytest.approx(rises[-1])


# --- beat counting --------------------------------------------------------------------------------


def passing(at_s: float, *vals: float) -> Telemetry:
    """Estimates every 100 steps, each step of which takes so long that step 100 ends at `at_s`."""
    steps = [replace(s, elapsed_s=s.step * at_s / 100) for s in taken([3.0] * 400)]
    return told(curve([4.2, *vals]), steps=steps)


@pytest.mark.parametrize(("at_s", "is_met"), [(QUICK_S, True), (QUICK_S + 0.1, False)])
def test_the_counted_bigram_is_beaten_in_seconds_of_training(at_s: float, is_met: bool) -> None:
    attempt = only("quick", passing(at_s, 2.4, 2.3))
    assert (attempt.value, attempt.is_met) == (pytest.approx(at_s), is_met)
    assert not attempt.is_estimate


def test_an_estimate_that_the_next_one_undoes_has_not_beaten_it() -> None:
    assert attempts("quick", passing(1.0, 2.4, 2.6, 2.6)) == []
    assert only("quick", passing(1.0, 2.4, 2.6, 2.4, 2.3)).value == pytest.approx(3.0)
    assert only("quick", passing(1.0, 2.6, 2.4)).is_estimate  # nothing can undo it yet


def test_what_was_learned_elsewhere_has_no_time_here() -> None:
    estimates = [Estimate(500, 2.0, 2.0), Estimate(600, 1.9, 1.9)]
    assert attempts("quick", told(estimates, steps=taken([2.0] * 600))) == []


# --- a head that looks one back -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "is_named", "is_met"),
    [(PREVIOUS_PCT / 100, True, True), (PREVIOUS_PCT / 100 - LITTLE, True, False),
     (0.9, False, False)],
)  # fmt: skip
def test_a_head_needs_the_name_and_the_share(share: float, is_named: bool, is_met: bool) -> None:
    attempt = only("previous", told(head=PreviousHead(1, 2, share, is_named)))
    assert (attempt.value, attempt.is_met) == (pytest.approx(100 * share), is_met)


def test_a_run_without_measured_heads_has_not_tried() -> None:
    assert attempts("previous", told()) == []


# --- half the parameters --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_params", "above", "steps", "is_met"),
    [(500, NEAR_A_LINE_NATS, 20, True), (501, 0.0, 20, False), (500, 0.0, 21, None),
     (500, NEAR_A_LINE_NATS + LITTLE, 20, None), (1000, 0.0, 20, None)],
)  # fmt: skip
def test_half_the_parameters_come_as_far_in_no_more_steps(
    n_params: int, above: float, steps: int, is_met: bool | None
) -> None:
    large = over(1.9, 1000, name="large", step=20)
    small = over(1.9 + above - 1e-12, n_params, name="small", step=steps)
    found = attempts("half", small, large)
    assert [attempt.is_met for attempt in found] == ([] if is_met is None else [is_met])
    if found:
        assert (found[0].run.name, found[0].value) == ("small", n_params / 10)
        assert found[0].against and found[0].against.name == "large"


def test_a_model_that_has_learned_nothing_is_not_worth_matching() -> None:
    assert attempts("half", over(2.1, 10), over(2.1, 1000)) == []  # above the counted 3-gram


# --- all of them ----------------------------------------------------------------------------------


def met(key: ChallengeKey, **about: Any) -> list[Telemetry]:
    """Runs that meet a challenge, unless `about` says otherwise."""
    head = PreviousHead(1, 1, 0.9, True)
    values: dict[str, Any] = dict(best_val_loss_nats=1.5, n_params=100, head=head) | about
    falls_and_turns = turning([UP] * 3, [UP] * 3)
    one = told(falls_and_turns, steps=taken([3.0] * 600), **values)
    return [one, over(1.5, 1000)] if key == "half" else [one]


KEYS = [each.key for each in CHALLENGES]


@pytest.mark.parametrize("key", KEYS)
def test_nobody_nothing_and_no_number_are_no_attempts(key: ChallengeKey) -> None:
    assert any(a.is_met for a in attempts(key, *met(key)))
    assert attempts(key) == []
    assert standing_of(challenge(key), []).best is None
    broken = told(curve([math.nan, math.inf]), best_val_loss_nats=math.nan, n_params=10)
    assert attempts(key, broken) == []


@pytest.mark.parametrize("key", KEYS)
def test_a_run_that_failed_counts_nowhere(key: ChallengeKey) -> None:
    assert attempts(key, met(key, status="failed")[0]) == []


@pytest.mark.parametrize("key", KEYS)
def test_a_model_that_sees_the_answer_counts_nowhere(key: ChallengeKey) -> None:
    unmasked = {"block": "ladder", "ideas": "attention,scale,positions,mlp,residual,norm,tied"}
    assert attempts(key, met(key, settings=unmasked)[0]) == []


@pytest.mark.parametrize("key", KEYS)
def test_what_meets_it_comes_before_what_is_nearer_and_then_the_better(key: ChallengeKey) -> None:
    goal = challenge(key)
    better, worse = (-1.0, 1.0) if goal.less_is_better else (1.0, -1.0)

    def attempt(name: str, value: float, is_met: bool) -> Attempt:
        return Attempt(run_of(name), value, is_met)

    standing = standing_of(goal, [
        attempt("far", 50 + 9 * better, False), attempt("met", 50 + worse, True),
        attempt("best", 50 + better, True), attempt("as good", 50 + better, True),
    ])  # fmt: skip
    assert standing.best and standing.best.run.name == "best"
    assert (standing.n_tries, standing.n_met, standing.is_met) == (4, 3, True)


@pytest.mark.parametrize("key", KEYS)
def test_each_is_said_with_its_numbers_and_units(key: ChallengeKey) -> None:
    goal = challenge(key)
    rule = rule_text(key, LINES)
    assert f"{goal.target:g}" in rule.replace(".000", "") and rule.endswith(".")
    assert {"nats": "nats", "s": " s ", "%": "%"}[goal.unit] in rule
    assert NAMES[key] and TASKS[key].endswith(".") and LESSONS[key].endswith(".")
    assert EXPECTATIONS[key].endswith("?")
    assert key not in ("quick", "half") or ("2.482" in rule or "2.049" in rule)


def test_the_settings_to_begin_with_can_be(tiny_corpus: Corpus) -> None:
    for goal in CHALLENGES:
        base = resolve(goal.model, len(tiny_corpus.vocabulary), "quick", None, goal.recipe)
        config = adapt(base, goal.settings)
        assert config.model.model == goal.model and config.train.max_iters <= 1000


def test_the_board_has_each_challenge_and_the_newest_run_that_trains() -> None:
    live = told(curve([4.2, 2.2]), status="running", n_params=10, name="live")
    board = board_of([live, over(1.9, 10)], LINES, Kept(), "f")
    assert [place.key for place in board] == KEYS
    small = board[0]
    assert small.live and small.live.run.name == "live" and small.standing.is_met
    assert small.outcomes == []
