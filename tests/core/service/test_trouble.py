"""The background thread in trouble: a run that fails, a process that ends, requests refused."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from typing import Any

import pytest

from core.errors import ConfigError, CorpusError, LabError, RunError
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service import service as service_module
from core.service.service import TrainingService, close_services, training_service
from core.settings.config import MODEL_KINDS
from core.storage.checkpoint import CheckpointFolder
from core.storage.locks import is_held
from core.text.corpus import Corpus
from core.training.trainer import Trainer
from tests.helpers import (
    files_under,
    play,
    small_config,
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
DIVERGES: dict[str, Any] = dict(
    learning_rate=100.0, weight_decay=10.0, warmup_iters=0, schedule="constant"
)

# --- one run of several --------------------------------------------------------------------------


def test_a_run_that_diverges_fails_alone(service: TrainingService, corpus: Corpus) -> None:
    good = start_run(service, corpus, "transformer", max_iters=100)
    bad = start_run(service, corpus, **DIVERGES)
    wait_for(service, bad, "failed")
    assert "smaller learning_rate" in service.lab.run(bad).message
    wait_for(service, good, "finished")
    wait_until(lambda: not is_held(service.lab.home, bad), "the lock to be free")
    assert bad not in service.in_hand


def test_a_bug_lands_in_its_run_and_the_thread_lives(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    good = start_run(service, corpus, max_iters=LONG)
    bad = start_run(service, corpus, paused=True)
    advance = ActiveRun.advance

    def broken_advance(run: ActiveRun, budget_s: float, **kwargs: Any) -> None:
        if run.id == bad:
            raise ZeroDivisionError("a bug")
        advance(run, budget_s, **kwargs)

    monkeypatch.setattr(ActiveRun, "advance", broken_advance)
    service.resume(bad)
    wait_for(service, bad, "failed")
    said = "ended this run: ZeroDivisionError('a bug'), in test_trouble.py, line "
    assert said in service.lab.run(bad).message
    assert any(record.exc_info for record in caplog.records)
    wait_for_steps(service, good)
    late = start_run(service, corpus)
    wait_for(service, late, "finished")


# --- the end --------------------------------------------------------------------------------------


def test_a_run_that_cannot_even_be_marked_as_failed_is_let_go_and_the_thread_lives(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    good = start_run(service, corpus, max_iters=LONG)
    bad = start_run(service, corpus, paused=True)

    def full(run: ActiveRun, *args: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(ActiveRun, "single_step", full)
        broken.setattr(ActiveRun, "fail", full)
        service.step(bad)
    wait_until(lambda: bad not in service.in_hand, "it is let go")
    wait_until(lambda: not is_held(service.lab.home, bad), "the lock to be free")
    assert "could not be written down" in caplog.text
    wait_for_steps(service, good, 5)


def test_closing_saves_every_run_to_be_resumed_exactly(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    runs = {kind: start_run(service, corpus, kind, max_iters=3000) for kind in MODEL_KINDS}
    paused = start_run(service, corpus, paused=True)
    for run_id in runs.values():
        wait_for_steps(service, run_id)
    service.close()
    service.close()  # idempotent
    for run_id in (*runs.values(), paused):
        record = lab.run(run_id)
        assert (record.status, record.checkpoint_step) == ("interrupted", record.step)
        assert not is_held(lab.home, run_id)
    run_id, config = runs["transformer"], lab.run(runs["transformer"]).config
    reached = lab.run(run_id).step
    assert 0 < reached < 3000
    whole = lab.create_run(config, corpus)
    for each in (run_id, whole):
        train(lab, each, until=reached + 20)
    ours, theirs = (lab.store.steps(each) for each in (run_id, whole))
    assert [replace(s, elapsed_s=0.0, wall_s=None) for s in ours] == [
        replace(s, elapsed_s=0.0, wall_s=None) for s in theirs
    ]


def test_a_run_that_was_asked_to_end_is_finished_by_closing(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However soon after; and whatever becomes of measuring it, nothing of it is lost."""
    lab, busy, go_on = service.lab, threading.Event(), threading.Event()
    ended, other = (start_run(service, corpus, max_iters=LONG) for _ in range(2))
    for run_id in (ended, other):
        wait_for_steps(service, run_id)
    advance, evaluate = ActiveRun.advance, Trainer.evaluate
    saved: list[tuple[str, bool]] = []

    def slow_advance(run: ActiveRun, *args: Any, **named: Any) -> None:
        advance(run, *args, **named)
        busy.set()
        assert go_on.wait(60)  # so that the thread hears of both at once

    def observed_evaluate(trainer: Trainer) -> float:
        records = [lab.store.run(run_id) for run_id in (ended, other)]
        saved.extend((r.status, r.checkpoint_step == r.step > 0) for r in records)
        return evaluate(trainer)

    monkeypatch.setattr(ActiveRun, "advance", slow_advance)
    monkeypatch.setattr(Trainer, "evaluate", observed_evaluate)
    assert busy.wait(60)
    service.finish(ended)
    closing = threading.Thread(target=service.close)
    closing.start()
    wait_until(lambda: service._worker._closing, "the thread to be told")
    go_on.set()
    closing.join()
    assert lab.run(ended).status == "finished" and lab.run(ended).val_loss_nats is not None
    assert lab.run(other).status == "interrupted"
    assert not is_held(lab.home, ended) and not is_held(lab.home, other)
    assert saved[:2] == [("interrupted", True)] * 2


def test_a_run_that_cannot_be_saved_does_not_keep_others_from_it(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (start_run(service, corpus, max_iters=LONG, paused=True) for _ in range(2))
    save = CheckpointFolder.save

    def broken_save(folder: CheckpointFolder, checkpoint: Any) -> None:
        if folder.path(0).parent.name == bad:
            raise OSError(28, "No space left on device")
        save(folder, checkpoint)

    monkeypatch.setattr(CheckpointFolder, "save", broken_save)
    service.close()
    assert "No space left" in service.lab.run(bad).message
    assert service.lab.run(good).status == "interrupted"
    assert not is_held(service.lab.home, bad) and not is_held(service.lab.home, good)


def test_a_process_has_one_service_for_a_lab_and_closes_it(
    lab: Lab, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "_services", {})
    one = training_service(lab)
    assert training_service(Lab(lab.home.path)) is one
    run_id = start_run(one, corpus, max_iters=LONG)
    wait_for_steps(one, run_id)
    close_services()
    run = lab.run(run_id)
    assert (run.status, run.checkpoint_step) == ("interrupted", run.step)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["name", "vocabulary", "unknown text", "short text", "device"])
def test_a_start_that_is_refused_leaves_nothing(
    service: TrainingService, corpus: Corpus, case: str
) -> None:
    lab = service.lab
    trained(lab, corpus, name="taken")
    text, name = corpus, "new"
    config = small_config("bigram", len(corpus.vocabulary))
    error: type[LabError] = ConfigError
    match case:
        case "name":
            name, error = "taken", RunError
        case "vocabulary":
            config = small_config("bigram", 99)
        case "unknown text":
            text, error = Corpus("unknown", corpus.text[::-1]), CorpusError
        case "short text":
            text = Corpus("short", play(50))
        case "device":
            config = small_config("bigram", len(corpus.vocabulary), device="mps")
    before = lab.runs(), files_under(lab.home.path)
    with pytest.raises(error):
        service.start(config, text, name)
    assert (lab.runs(), files_under(lab.home.path)) == before


def test_a_resume_that_is_refused_changes_nothing(service: TrainingService, corpus: Corpus) -> None:
    lab = service.lab
    run_id = train(lab, small_run(lab, corpus), until=7)
    lab.library.path("tiny").unlink()
    before = lab.run(run_id)
    for request in (service.resume, service.step, service.finish):
        with pytest.raises(CorpusError, match="gone"):
            request(run_id)
    assert lab.run(run_id) == before
    assert run_id not in service.in_hand


def test_a_finished_run_stays_finished(service: TrainingService, corpus: Corpus) -> None:
    lab = service.lab
    whole = trained(lab, corpus)
    finished = start_run(service, corpus, max_iters=LONG)
    wait_for_steps(service, finished)
    service.finish(finished)
    wait_until(lambda: finished not in service.in_hand, "the run to be given back")
    for run_id in (whole, finished):
        before = lab.run(run_id), lab.store.events(run_id), files_under(lab.home.path)
        service.finish(run_id)  # as it was asked for already, no mistake
        with pytest.raises(RunError, match=r"has finished, at step .* resume it or branch off"):
            service.step(run_id)
        with pytest.raises(RunError, match="has finished"):
            service.set_learning_rate(run_id, 0.5)
        assert run_id not in service.in_hand
        after = lab.run(run_id), lab.store.events(run_id), files_under(lab.home.path)
        assert after == before


def test_what_is_not_in_hand_is_refused_in_the_words_of_what_was_asked(
    service: TrainingService, corpus: Corpus
) -> None:
    run_id = trained(service.lab, corpus)
    with pytest.raises(RunError, match="not being trained by this lab, so it cannot be paused"):
        service.pause(run_id)
    with pytest.raises(RunError, match="cannot be given another learning rate"):
        service._worker.ask(run_id, "set_rate", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_run_in_hand_can_be_renamed_but_neither_deleted_nor_taken(
    service: TrainingService, corpus: Corpus
) -> None:
    run_id = start_run(service, corpus, max_iters=LONG)
    assert service.lab.rename_run(run_id, "owl").name == "owl"
    with pytest.raises(RunError, match="being trained by another"):
        service.lab.delete_run(run_id)
    with pytest.raises(RunError, match="being trained by another"):
        service.resume(run_id, max_iters=2 * LONG)
    wait_for_steps(service, run_id)
