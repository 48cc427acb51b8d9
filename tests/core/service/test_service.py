"""The background thread: what a page asks for is done, and runs share the time."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from core.records.records import StepRecord
from core.runs.active_run import ActiveRun
from core.service.service import TrainingService
from core.settings.config import MODEL_KINDS, ModelKind
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests.helpers import (
    PATIENCE_S,
    assert_same_run,
    small_run,
    start_run,
    train,
    trained,
    wait_for,
    wait_for_steps,
    wait_until,
)

LONG = 1_000_000
"""More steps than a test waits for."""

STEP_S = {"bigram": 0.001, "attention": 0.01, "transformer": 0.01}
"""What a step of each model is taken to last."""


# --- one run --------------------------------------------------------------------------------------


def test_a_run_is_trained_as_it_would_be_by_hand(
    service: TrainingService, corpus: Corpus, kind: ModelKind
) -> None:
    run_id = start_run(service, corpus, kind)
    wait_for(service, run_id, "finished")
    wait_until(lambda: run_id not in service.in_hand, "the run to be given back")
    assert_same_run(service.lab, run_id, trained(service.lab, corpus, kind))


def test_a_run_is_paused_stepped_resumed_and_finished(
    service: TrainingService, corpus: Corpus
) -> None:
    run_id = start_run(service, corpus, max_iters=LONG, eval_interval=1000)
    wait_for_steps(service, run_id)
    service.pause(run_id)
    wait_for(service, run_id, "paused")
    paused = service.lab.run(run_id)
    assert paused.step == paused.checkpoint_step > 0

    for i in (1, 2):
        service.step(run_id)
        wait_until(lambda i=i: service.lab.run(run_id).step == paused.step + i, "one step")
    assert service.lab.run(run_id).status == "paused"
    service.pause(run_id)  # twice is no mistake

    service.resume(run_id)
    wait_for(service, run_id, "running")
    wait_for_steps(service, run_id, 3)

    service.finish(run_id)
    wait_for(service, run_id, "finished")
    finished = service.lab.run(run_id)
    assert paused.step + 2 < finished.step < LONG
    assert finished.val_loss_nats is not None and finished.best_val_loss_nats is not None
    assert finished.checkpoint_step == finished.step


def test_a_paused_run_stands_still(service: TrainingService, corpus: Corpus) -> None:
    held = start_run(service, corpus, max_iters=LONG, paused=True)
    other = start_run(service, corpus, max_iters=200)
    wait_for(service, other, "finished")
    record = service.lab.run(held)
    assert (record.status, record.step, service.lab.store.steps(held)) == ("paused", 0, [])
    assert held in service.in_hand


def test_stepping_through_a_run_finishes_it(service: TrainingService, corpus: Corpus) -> None:
    run_id = start_run(service, corpus, max_iters=3, paused=True)
    for _ in range(3):
        service.step(run_id)
    wait_for(service, run_id, "finished")
    wait_until(lambda: run_id not in service.in_hand, "the run to be given back")
    assert_same_run(service.lab, run_id, trained(service.lab, corpus, max_iters=3))


def test_a_run_that_is_not_in_hand_is_taken_up(service: TrainingService, corpus: Corpus) -> None:
    lab = service.lab
    resumed, stepped, finished = (train(lab, small_run(lab, corpus), until=7) for _ in range(3))
    service.resume(resumed)
    service.step(stepped)
    service.finish(finished)
    wait_for(service, resumed, "finished")
    wait_for(service, finished, "finished")
    wait_until(lambda: lab.run(stepped).step == 8, "one step")
    assert lab.run(resumed).step == 40
    assert lab.run(stepped).status == "paused"
    assert lab.run(finished).step == 7


def test_a_finished_run_goes_on_to_a_new_end(service: TrainingService, corpus: Corpus) -> None:
    run_id = trained(service.lab, corpus)
    service.resume(run_id, max_iters=50)
    wait_until(lambda: run_id not in service.in_hand, "the end")
    record = service.lab.run(run_id)
    assert (record.status, record.step, record.max_iters) == ("finished", 50, 50)


def test_a_finished_run_goes_on_at_another_rate_from_its_first_new_step(
    service: TrainingService, corpus: Corpus
) -> None:
    run_id = trained(service.lab, corpus)
    end = service.lab.run(run_id).step
    service.resume(run_id, max_iters=end + 5, learning_rate=3e-3)
    wait_until(lambda: run_id not in service.in_hand, "the end")
    rates = {row.step: row.learning_rate for row in service.lab.store.steps(run_id)}
    assert [rates[end + n] for n in range(1, 6)] == [3e-3] * 5 and rates[end] != 3e-3


# --- several runs ---------------------------------------------------------------------------------


def race(service: TrainingService, corpus: Corpus) -> dict[ModelKind, int]:
    """Let the three models train side by side for a while; the steps that each has taken."""
    runs = {
        kind: start_run(service, corpus, kind, max_iters=LONG, eval_interval=LONG, paused=True)
        for kind in MODEL_KINDS
    }
    for run_id in runs.values():
        service.resume(run_id)
    for run_id in runs.values():
        wait_for_steps(service, run_id, 60)
    assert {service.lab.run(run_id).status for run_id in runs.values()} == {"running"}
    for run_id in runs.values():
        service.pause(run_id)
        wait_for(service, run_id, "paused")
    return {kind: service.lab.run(run_id).step for kind, run_id in runs.items()}


def test_runs_share_the_seconds(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step of the table is many times cheaper; by how much is not left to the machine."""
    step = Trainer.take_step

    def timed_step(trainer: Trainer) -> StepRecord:
        before = trainer.elapsed_s
        record = step(trainer)
        trainer.elapsed_s = before + STEP_S[trainer.config.model.model]
        return record

    monkeypatch.setattr(Trainer, "take_step", timed_step)
    n_steps = race(service, corpus)
    assert n_steps["bigram"] > 2 * n_steps["transformer"]


def test_runs_share_the_steps_if_asked_to(service: TrainingService, corpus: Corpus) -> None:
    service.in_hand.share_by("steps")
    n_steps = race(service, corpus)
    assert n_steps["bigram"] < 2 * n_steps["transformer"]


def test_what_a_run_had_in_the_old_measure_does_not_count_in_the_new_one(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten steps must not become ten seconds, for which all others would go first."""
    advance = ActiveRun.advance
    advanced: list[str] = []

    def interrupted_advance(run: ActiveRun, budget_s: float, **kwargs: Any) -> None:
        advance(run, budget_s, **kwargs)
        advanced.append(run.id)
        if set(advanced) == set(ids):
            service.in_hand.share_by("seconds")

    service.in_hand.share_by("steps")
    ids = [
        start_run(service, corpus, max_iters=LONG, eval_interval=LONG, paused=True)
        for _ in range(2)
    ]
    monkeypatch.setattr(ActiveRun, "advance", interrupted_advance)
    for run_id in ids:
        service.resume(run_id)
    wait_until(lambda: service.in_hand.fairness == "seconds", "another measure")
    n_before = len(advanced)
    for run_id in ids:
        wait_until(lambda run_id=run_id: run_id in advanced[n_before:], "its turn")


def test_that_a_run_is_finishing_is_known_at_once(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes to measure the whole validation split."""
    may_end = threading.Event()
    evaluate = Trainer.evaluate
    monkeypatch.setattr(Trainer, "evaluate", lambda t: may_end.wait(60) and evaluate(t))
    run_id = start_run(service, corpus, max_iters=LONG)
    wait_for_steps(service, run_id)
    assert not service.in_hand.is_finishing(run_id)
    service.finish(run_id)
    assert service.in_hand.is_finishing(run_id) and service.lab.run(run_id).status == "running"
    may_end.set()
    wait_for(service, run_id, "finished")
    wait_until(lambda: run_id not in service.in_hand, "the run to be given back")
    assert not service.in_hand.is_finishing(run_id)


def test_who_starts_a_run_can_wait_for_its_first_point(
    service: TrainingService, corpus: Corpus
) -> None:
    run_id = start_run(service, corpus)
    service.wait_for_first_point(run_id)
    assert service.lab.store.estimates(run_id)[0].step == 0
    started = time.monotonic()
    held = start_run(service, corpus, paused=True)
    service.wait_for_first_point(held)  # which does not come: nobody waits long for it
    assert time.monotonic() - started < PATIENCE_S
