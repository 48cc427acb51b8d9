"""A run that was stopped, by whatever, becomes the run that was never stopped, bit for bit."""

from __future__ import annotations

import json
import signal
import time

import pytest

import core.runs.active_run
import core.settings.config
from core.errors import CheckpointError
from core.records.event_words import detail_of
from core.records.records import StepRecord
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.settings.config import ModelKind
from core.storage.checkpoint import CheckpointFolder
from core.storage.locks import is_held
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests.helpers import (
    PATIENCE_S,
    Child,
    CommandLine,
    assert_same_run,
    checkpoint_steps,
    files_under,
    filled,
    small_flags,
    small_run,
    tiny_run,
    train,
    trained,
    wait_until,
    what_it_measured,
)


def crash(lab: Lab, run_id: str, *, saved_at: int, died_at: int) -> None:
    """Train on to a saved step, go further with rows committed, and end without a word."""
    run = ActiveRun.open(lab.home, lab.store, run_id)
    if saved_at:
        run.advance(60.0, until=saved_at)
        run.pause()
    run.advance(60.0, until=died_at)
    run.set_status("running")
    run.close()


def damage(lab: Lab, run_id: str, step: int) -> None:
    path = CheckpointFolder(lab.home.run_folder(run_id)).path(step)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


# --- stopped in order -----------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [(17,), (20,), (3, 10, 39), (0,), (40,)])
def test_an_interrupted_run_becomes_the_whole_run(
    lab: Lab, corpus: Corpus, kind: ModelKind, stops: tuple[int, ...]
) -> None:
    whole, parts = filled(lab, tiny_run, kind), small_run(lab, corpus, kind)
    for stop in stops:
        train(lab, parts, until=stop)
        assert lab.run(parts).status == "interrupted"
    assert_same_run(lab, train(lab, parts), whole)


# --- stopped without a word -----------------------------------------------------------------------


def test_rows_that_ran_ahead_come_again_the_same(lab: Lab, corpus: Corpus, kind: ModelKind) -> None:
    whole, crashed = filled(lab, tiny_run, kind), small_run(lab, corpus, kind)
    crash(lab, crashed, saved_at=15, died_at=32)
    record = lab.run(crashed)
    assert (record.status, record.step, record.checkpoint_step) == ("interrupted", 32, 15)
    run = ActiveRun.open(lab.home, lab.store, crashed)
    assert (run.resumed_from, run.notes) == (15, [])
    assert lab.store.steps(crashed)[-1].step == 15
    assert [e.step for e in lab.store.estimates(crashed)] == [0, 8, 10]
    run.close()
    assert_same_run(lab, train(lab, crashed), whole)


def test_without_a_checkpoint_a_run_starts_again_and_says_so(lab: Lab, corpus: Corpus) -> None:
    whole, crashed = trained(lab, corpus, "attention"), small_run(lab, corpus, "attention")
    crash(lab, crashed, saved_at=0, died_at=12)
    run = ActiveRun.open(lab.home, lab.store, crashed)
    assert run.resumed_from == 0
    assert run.notes == ["There was no checkpoint yet, so it starts again from step 0."]
    assert lab.run(crashed).message == run.notes[0]
    assert lab.store.steps(crashed) == [] and lab.store.estimates(crashed) == []
    run.close()
    assert_same_run(lab, train(lab, crashed), whole)


def test_a_damaged_checkpoint_is_passed_over_and_said(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "core.runs.active_run.MIN_CHECKPOINT_INTERVAL_S", 3600.0
    )  # on however slow a machine
    whole = trained(lab, corpus, "transformer")
    crashed = small_run(lab, corpus, "transformer")
    crash(lab, crashed, saved_at=25, died_at=28)
    assert checkpoint_steps(lab, crashed) == [20, 25]  # the best and the last
    damage(lab, crashed, 25)
    run = ActiveRun.open(lab.home, lab.store, crashed)
    assert run.resumed_from == 20
    assert "checkpoint-000000025.pt cannot be read" in run.notes[0]
    assert lab.run(crashed).message == run.notes[0]
    assert any(run.notes[0] in detail_of(e.what) for e in lab.store.events(crashed))
    run.close()
    assert_same_run(lab, train(lab, crashed), whole)


def test_when_no_checkpoint_can_be_read_nothing_is_touched(lab: Lab, corpus: Corpus) -> None:
    crashed = small_run(lab, corpus)
    crash(lab, crashed, saved_at=25, died_at=28)
    for step in checkpoint_steps(lab, crashed):
        damage(lab, crashed, step)
    before = lab.run(crashed), what_it_measured(lab, crashed), files_under(lab.home.path)
    with pytest.raises(CheckpointError, match=r"No checkpoint of run .* can be read") as refusal:
        ActiveRun.open(lab.home, lab.store, crashed)
    assert str(lab.home.run_folder(crashed)) in str(refusal.value)
    assert (lab.run(crashed), what_it_measured(lab, crashed), files_under(lab.home.path)) == before
    assert not is_held(lab.home, crashed)


# --- killed ---------------------------------------------------------------------------------------


def slowly() -> None:
    """Save and commit often; and so slow that the signal finds it in the middle, if it is late."""
    core.runs.active_run.MIN_CHECKPOINT_INTERVAL_S = 0.2
    core.runs.active_run.CHECKPOINT_COST_FACTOR = 0.0
    core.runs.active_run.FLUSH_EVERY_S = 0.02
    core.settings.config.SAMPLE_LENGTH = 12
    step = Trainer.take_step

    def slow_step(trainer: Trainer) -> StepRecord:
        time.sleep(0.05)
        return step(trainer)

    Trainer.take_step = slow_step  # type: ignore[method-assign]


def test_a_killed_run_becomes_the_whole_run(
    lab: Lab, corpus: Corpus, kind: ModelKind, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = small_flags(kind, max_iters=300, eval_interval=50)
    settings = [f"--{name}={value}" for name, value in flags.items()]
    command = ["train", "--model", kind, "--corpus", "tiny", *settings, "--json"]

    child = Child(lab, *command, "--name", "killed", before=slowly)
    try:
        wait_until(lambda: "killed" in lab.store.names() or child.poll() is not None, "a run")

        def is_ahead_of_its_checkpoint() -> bool:
            record = lab.store.run("killed")
            return record.step > record.checkpoint_step > 0

        wait_until(is_ahead_of_its_checkpoint, "steps after a checkpoint")
        assert lab.run("killed").status == "running"
        child.kill()
    finally:
        child.kill()
        child.communicate(timeout=PATIENCE_S)
    assert child.returncode == -signal.SIGKILL

    killed = lab.run("killed")
    assert killed.status == "interrupted"
    assert 0 < killed.checkpoint_step < killed.step < 300
    cli = CommandLine(capsys)
    resumed = cli.ok("resume", "killed")
    assert 0 < resumed["resumed_from"] < 300
    whole = cli.ok(*command, "--name", "whole")
    assert (resumed["status"], resumed["iter"]) == ("finished", 300)
    for name in ("train_loss", "val_loss", "best_val_loss", "best_iter", "n_params"):
        assert json.dumps(resumed[name]) == json.dumps(whole[name])
    assert_same_run(lab, resumed["run"], whole["run"])
