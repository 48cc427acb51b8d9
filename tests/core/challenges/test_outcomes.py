"""A prediction is held beside the first run that was begun after it."""

from __future__ import annotations

from typing import Any

import pytest

from core.challenges.kept import Prediction
from core.challenges.outcomes import outcomes_of
from core.challenges.scoring import Attempt
from core.records.records import RunRecord
from tests.helpers import run_of


def said(at_s: float, expected: float = 2.0) -> Prediction:
    return Prediction(challenge="small", fingerprint="f", expected=expected, said_at=at_s)


def begun(name: str, at_s: float, **about: Any) -> RunRecord:
    return run_of(name, created_at=at_s, **{"status": "finished"} | about)


def came_to(run: RunRecord, value: float) -> Attempt:
    return Attempt(run, value, is_met=False)


def test_the_first_run_after_it_settles_a_prediction() -> None:
    before, first, second = begun("before", 1), begun("first", 3), begun("second", 4)
    attempts = [came_to(run, 1.0 + i) for i, run in enumerate((second, first, before))]
    (outcome,) = outcomes_of([said(2)], [second, first, before], attempts)
    assert outcome.run == first and outcome.attempt and outcome.attempt.value == 2.0
    assert not outcome.is_open and outcome.off_by == 0.0


def test_a_run_belongs_to_the_last_prediction_before_it() -> None:
    one, two = begun("one", 3), begun("two", 6)
    outcomes = outcomes_of([said(2), said(5), said(8)], [two, one], [came_to(one, 2.5)])
    assert [outcome.run for outcome in outcomes] == [one, two, None]
    assert outcomes[0].off_by == 0.5
    assert outcomes[1].attempt is None and not outcomes[1].is_open  # it has nothing to show
    assert outcomes[2].is_open


@pytest.mark.parametrize("status", ["queued", "running"])
def test_while_a_run_trains_its_outcome_is_withheld(status: str) -> None:
    run = begun("now", 3, status=status)
    (outcome,) = outcomes_of([said(2)], [run], [came_to(run, 1.9)])
    assert outcome.is_open and outcome.attempt is None and outcome.off_by is None


def test_runs_of_ladders_and_sweeps_settle_none() -> None:
    (outcome,) = outcomes_of([said(2)], [begun("rung", 3, sweep="s")], [])
    assert outcome.run is None and outcome.is_open
