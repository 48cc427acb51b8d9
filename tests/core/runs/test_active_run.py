"""One run in hand: who holds it, what it measures and keeps, and what it refuses."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from core.errors import ConfigError, CorpusError, LabError, RunError
from core.models import model_from_weights
from core.records.events import EndMoved
from core.records.records import StepRecord
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.storage.checkpoint import CheckpointFolder
from core.storage.locks import is_held
from core.text.corpus import Corpus
from core.training.evaluation import split_loss
from core.training.optim import learning_rate_at
from core.training.trainer import DivergedError, Trainer
from tests.helpers import (
    PATIENCE_S,
    assert_same_run,
    checkpoint_state,
    checkpoint_steps,
    files_under,
    small_run,
    train,
    trained,
    what_it_measured,
)


@contextmanager
def in_hand(lab: Lab, run_id: str, max_iters: int | None = None) -> Iterator[ActiveRun]:
    run = ActiveRun.open(lab.home, lab.store, run_id, max_iters=max_iters)
    try:
        yield run
    finally:
        run.close()


# --- from the first step to the last --------------------------------------------------------------


def test_a_finished_run_has_measured_everything(lab: Lab, corpus: Corpus, kind: ModelKind) -> None:
    run_id = trained(lab, corpus, kind)
    record = lab.run(run_id)
    assert (record.status, record.step, record.checkpoint_step) == ("finished", 40, 40)
    assert [s.step for s in lab.store.steps(run_id)] == list(range(1, 41))
    estimates = lab.store.estimates(run_id)
    assert [e.step for e in estimates] == [0, 8, 10, 20, 30, 40]
    assert record.train_loss_nats == estimates[-1].train_loss_nats
    assert record.best_step == min(estimates, key=lambda e: e.val_loss_nats).step
    samples = lab.store.samples(run_id)
    assert [s.step for s in samples] == [0, 8, 20, 40]  # where the steps have doubled
    assert all(len(sample.text) == 12 for sample in samples)
    assert record.train_s > 0 and lab.store.tokens_per_s(record) is not None
    assert [e.kind for e in lab.store.events(run_id)] == ["machine", "finished"]


def test_the_validation_loss_is_that_of_the_last_checkpoint(
    lab: Lab, corpus: Corpus, kind: ModelKind
) -> None:
    run_id = trained(lab, corpus, kind)
    record = lab.run(run_id)
    model = model_from_weights(record.config.model, checkpoint_state(lab, run_id)["model"])
    assert split_loss(model, corpus.val) == record.val_loss_nats


def test_the_best_checkpoint_is_kept_and_measured(
    lab: Lab, corpus: Corpus, best_at_20: None
) -> None:
    run_id = trained(lab, corpus, learning_rate=0.1)
    record = lab.run(run_id)
    assert (record.best_step, checkpoint_steps(lab, run_id)) == (20, [20, 40])
    model = model_from_weights(record.config.model, checkpoint_state(lab, run_id, 20)["model"])
    assert record.best_val_loss_nats == split_loss(model, corpus.val) != record.val_loss_nats


def test_a_last_state_that_turns_out_to_be_no_worse_is_the_best(
    lab: Lab, corpus: Corpus, estimates_best_at_20: None
) -> None:
    """Estimates are of sample windows; what counts is the whole split."""
    run_id = trained(lab, corpus, learning_rate=0.1)
    record = lab.run(run_id)
    assert record.best_val_loss_nats == record.val_loss_nats
    assert (record.best_step, checkpoint_steps(lab, run_id)) == (40, [40])


def test_a_last_state_whose_loss_is_no_number_is_not_the_best(
    lab: Lab, corpus: Corpus, estimates_best_at_20: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainer, "evaluate", lambda trainer: math.nan)
    record = lab.run(trained(lab, corpus, learning_rate=0.1))
    assert record.best_step == 20 and record.best_val_loss_nats is not None


def test_the_best_checkpoint_survives_a_resume(lab: Lab, corpus: Corpus, best_at_20: None) -> None:
    whole = trained(lab, corpus, "transformer")
    parts = small_run(lab, corpus, "transformer")
    for until in (7, 25, 33, None):
        train(lab, parts, until)
    assert_same_run(lab, whole, parts)


def test_a_run_advances_to_a_step_or_for_a_while(lab: Lab, corpus: Corpus) -> None:
    with in_hand(lab, small_run(lab, corpus)) as run:
        run.advance(60.0, until=7)
        assert run.step == 7
        run.advance(0.0)
        assert run.step == 8  # at least one
        assert not run.done
        run.advance(60.0)
        assert (run.step, run.done) == (40, True)


def test_a_run_can_end_before_its_last_step(lab: Lab, corpus: Corpus) -> None:
    with in_hand(lab, small_run(lab, corpus)) as run:
        run.advance(60.0, until=7)
        run.finish()
        record = lab.run(run.id)
    assert (record.status, record.step, record.checkpoint_step) == ("finished", 7, 7)
    assert record.val_loss_nats is not None
    assert lab.store.estimates(record.id)[-1].step == 7


def test_a_paused_run_is_saved_and_takes_single_steps(lab: Lab, corpus: Corpus) -> None:
    with in_hand(lab, small_run(lab, corpus)) as run:
        run.advance(60.0, until=5)
        run.pause()
        record = lab.run(run.id)
        assert (record.status, record.checkpoint_step) == ("paused", 5)
        run.single_step()
        assert (lab.run(run.id).status, lab.run(run.id).step) == ("paused", 6)
        assert lab.store.steps(run.id)[-1].step == 6


def test_a_diverged_run_fails_with_its_last_good_checkpoint(lab: Lab, corpus: Corpus) -> None:
    settings = dict(learning_rate=100.0, weight_decay=10.0, warmup_iters=0, schedule="constant")
    with in_hand(lab, small_run(lab, corpus, **settings)) as run:
        run.advance(60.0, until=3)
        run.pause()
        with pytest.raises(DivergedError) as diverged:
            run.advance(60.0)
        run.fail(str(diverged.value))
        record = lab.run(run.id)
    assert (record.status, record.message) == ("failed", str(diverged.value))
    assert record.step < 40 and checkpoint_steps(lab, record.id) == [3]
    assert lab.store.events(record.id)[-1].kind == "failed"


def test_a_device_without_memory_left_is_said_and_nothing_is_lost(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Trainer) -> StepRecord:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    with in_hand(lab, small_run(lab, corpus)) as run:
        run.advance(60.0, until=3)
        run.pause()
        with (
            monkeypatch.context() as patched,
            pytest.raises(RunError, match=r"memory at step 4.*batch"),
        ):
            patched.setattr(Trainer, "take_step", fails)
            run.advance(60.0)
        run.advance(60.0)
        run.finish()
    assert lab.run(run.id).status == "finished"


def test_an_estimate_of_a_diverged_run_writes_no_broken_numbers(lab: Lab, corpus: Corpus) -> None:
    settings = dict(
        learning_rate=100.0, weight_decay=10.0, warmup_iters=0, schedule="constant", eval_interval=1
    )
    with in_hand(lab, small_run(lab, corpus, **settings)) as run:
        with pytest.raises(DivergedError, match="learning_rate"):
            run.advance(60.0)
        run.fail("diverged")
    losses = [e.val_loss_nats for e in lab.store.estimates(run.id)]
    assert max(losses) < float("inf")


def test_checkpoints_come_as_often_as_they_are_cheap(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.active_run.MIN_CHECKPOINT_INTERVAL_S", 0.0)
    monkeypatch.setattr("core.runs.active_run.CHECKPOINT_COST_FACTOR", 0.0)
    with in_hand(lab, small_run(lab, corpus)) as run:
        run.advance(60.0, until=3)
        assert lab.run(run.id).checkpoint_step == 3
        monkeypatch.setattr("core.runs.active_run.MIN_CHECKPOINT_INTERVAL_S", 60.0)
        run.advance(60.0, until=5)
        assert lab.run(run.id).checkpoint_step == 3
        assert run.checkpoint_interval_s == 60.0
        monkeypatch.setattr("core.runs.active_run.CHECKPOINT_COST_FACTOR", 1e9)
        assert run.checkpoint_interval_s > 60.0


# --- the lock -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
def test_a_run_is_held_by_one(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus)
    assert not is_held(lab.home, run_id)
    with in_hand(lab, run_id):
        assert is_held(lab.home, run_id)
        before = lab.run(run_id)
        with pytest.raises(RunError, match="is being trained by another process or page"):
            ActiveRun.open(lab.home, lab.store, run_id)
        assert lab.run(run_id) == before
    assert not is_held(lab.home, run_id)
    train(lab, run_id)


@pytest.mark.usefixtures("impatient")
def test_a_run_that_another_process_holds_is_left_alone(lab: Lab, corpus: Corpus) -> None:
    run_id = train(lab, small_run(lab, corpus), until=3)
    lock = lab.home.run_folder(run_id) / "lock"
    script = (
        f"import filelock; lock = filelock.FileLock({str(lock)!r}); lock.acquire();"
        "print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        assert is_held(lab.home, run_id)
        with pytest.raises(RunError, match="another process"):
            ActiveRun.open(lab.home, lab.store, run_id)
        with pytest.raises(RunError, match="another process"):
            lab.delete_run(run_id)
        child.communicate("\n", timeout=PATIENCE_S)
    train(lab, run_id)


def test_a_closed_run_may_be_closed_again(lab: Lab, corpus: Corpus) -> None:
    with in_hand(lab, small_run(lab, corpus)) as run:
        run.close()
    assert not is_held(lab.home, run.id)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [True, False])
def test_without_its_text_a_run_is_refused_and_unchanged(
    lab: Lab, corpus: Corpus, gone: bool
) -> None:
    run_id = train(lab, small_run(lab, corpus), until=3)
    path = lab.library.path("tiny")
    path.unlink() if gone else path.write_text("another text", "utf-8")
    before = lab.run(run_id), what_it_measured(lab, run_id), files_under(lab.home.path)
    with pytest.raises(CorpusError, match=r"gone\. Add" if gone else "another has its name"):
        ActiveRun.open(lab.home, lab.store, run_id)
    assert (lab.run(run_id), what_it_measured(lab, run_id), files_under(lab.home.path)) == before
    assert not is_held(lab.home, run_id)


@pytest.mark.parametrize("max_iters", [9, 0, -5])
def test_a_run_cannot_end_before_where_it_is(lab: Lab, corpus: Corpus, max_iters: int) -> None:
    run_id = train(lab, small_run(lab, corpus), until=10)
    before = lab.run(run_id)
    with pytest.raises((RunError, ConfigError), match="max_iters") as refusal:
        ActiveRun.open(lab.home, lab.store, run_id, max_iters=max_iters)
    assert isinstance(refusal.value, LabError)
    assert lab.run(run_id) == before
    assert not is_held(lab.home, run_id)


def test_a_longer_run_goes_on_at_min_lr(lab: Lab, corpus: Corpus, kind: ModelKind) -> None:
    run_id = trained(lab, corpus, kind)
    with in_hand(lab, run_id, max_iters=60) as run:
        assert run.resumed_from == 40
        run.advance(60.0)
        run.finish()
    record = lab.run(run_id)
    assert (record.step, record.max_iters, record.status) == (60, 60, "finished")
    assert record.config.train.lr_decay_iters == 40
    rates = [s.learning_rate for s in lab.store.steps(run_id)]
    assert rates[40:] == [record.config.train.min_lr] * 20
    assert rates[:40] == [learning_rate_at(step, record.config.train) for step in range(40)]
    assert EndMoved(40, 60) in [e.what for e in lab.store.events(run_id)]

    planned = trained(lab, corpus, kind, max_iters=60, warmup_iters=2, lr_decay_iters=40)
    assert_same_run(lab, run_id, planned)


def test_a_run_that_is_ended_early_writes_at_its_end(lab: Lab, corpus: Corpus) -> None:
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus, eval_interval=10))
    run.advance(60.0, until=13)  # where no estimate was planned
    run.finish()
    run.close()
    assert lab.store.estimates(run.id)[-1].step == 13
    assert lab.store.samples(run.id)[-1].step == 13


def test_a_finished_run_can_be_finished_again(lab: Lab, corpus: Corpus) -> None:
    run_id = trained(lab, corpus)
    before = what_it_measured(lab, run_id)
    train(lab, run_id)
    assert what_it_measured(lab, run_id) == before


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_without_its_best_checkpoint_a_run_ends_with_the_last_as_the_best(
    lab: Lab, corpus: Corpus, best_at_20: None, how: str
) -> None:
    run_id = train(lab, small_run(lab, corpus), until=30)
    path = CheckpointFolder(lab.home.run_folder(run_id)).path(20)
    path.write_bytes(path.read_bytes()[:100])
    if how == "gone":
        path.unlink()
    train(lab, run_id)
    record = lab.run(run_id)
    assert (record.status, record.best_step) == ("finished", 40)
    assert record.best_val_loss_nats == record.val_loss_nats
    assert lab.model(record, "best").origin == "best checkpoint, step 40"
    with in_hand(lab, run_id, max_iters=60) as run:  # what was lost is no longer in the way
        run.advance(60.0)
        run.finish()
    assert lab.run(run_id).best_step == 50


# --- the time waited ------------------------------------------------------------------------------


def test_the_time_waited_counts_all_but_pauses(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("core.runs.observer.time.monotonic", lambda: now_s)
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus))
    run.waited_since(998.0)  # a program had to start
    now_s += 3.0
    run.single_step()
    now_s += 100.0  # it is paused after a single step
    run.set_status("running")
    now_s += 4.0
    run.advance(10.0)
    run.finish()
    run.close()
    assert lab.run(run.id).wall_s == pytest.approx(2.0 + 3.0 + 4.0)
    steps = lab.store.steps(run.id)
    assert steps[0].wall_s == pytest.approx(5.0) and steps[-1].wall_s == pytest.approx(9.0)


def test_the_time_waited_goes_on_with_a_run(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus)
    train(lab, run_id, until=10)
    lab.store.update_run(run_id, wall_s=50.0)
    train(lab, run_id)
    assert 50.0 < (lab.run(run_id).wall_s or 0.0) < 50.0 + PATIENCE_S
