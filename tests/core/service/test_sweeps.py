"""The background thread trains a sweep: one cell after the other, to be paused and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import pytest

from core.errors import RunError
from core.experiments.grid import Axis
from core.experiments.sweep import Sweep, enter_sweep, sweep_cells, sweep_progress
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service.service import TrainingService
from core.storage.locks import is_held
from core.text.corpus import Corpus
from tests.helpers import (
    assert_same_run,
    small_config,
    start_run,
    train,
    wait_for,
    wait_for_steps,
    wait_until,
)

LONG = 1_000_000
"""More steps than a test waits for."""


def entered(lab: Lab, corpus: Corpus, **changes: Any) -> Sweep:
    """Three batch sizes across, two block sizes up."""
    base = small_config("bigram", len(corpus.vocabulary), **changes)
    x, y = Axis.of("batch_size", [1, 2, 4]), Axis.of("block_size", [4, 8])
    return enter_sweep(lab, base, corpus, x, y, "owl")


def ids(lab: Lab, sweep: Sweep) -> list[str]:
    return [run.id for run in lab.runs_of(sweep.id)]


def statuses(lab: Lab, sweep: Sweep) -> list[str]:
    return [run.status for run in lab.runs_of(sweep.id)]


def wait_for_end(service: TrainingService, sweep: Sweep) -> None:
    wait_until(lambda: not service.is_sweeping(sweep.id), "the end of the sweep")


@pytest.fixture
def another(service: TrainingService) -> Iterator[TrainingService]:
    """A new service in the same home, as after a restart."""
    training = TrainingService(Lab(service.lab.home.path))
    yield training
    training.close()
    assert not training._worker._thread.is_alive()


# --- to the end -----------------------------------------------------------------------------------


def test_a_sweep_is_trained_to_its_end_and_each_cell_is_as_it_would_be_alone(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    sweep = entered(lab, corpus)
    assert not service.is_sweeping(sweep.id)
    service.start_sweep("owl")
    assert service.is_sweeping(sweep.id)
    wait_for_end(service, sweep)
    assert statuses(lab, sweep) == ["finished"] * 6
    for cell in sweep_cells(lab, sweep):
        assert cell.run is not None and not is_held(lab.home, cell.run.id)
        alone = train(lab, lab.create_run(cell.run.config, corpus))
        assert_same_run(lab, cell.run.id, alone)
    service.start_sweep(sweep.id)  # nothing is left to do
    wait_for_end(service, sweep)


def test_one_cell_is_in_hand_at_a_time_beside_other_runs(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    other = start_run(service, corpus, max_iters=LONG, eval_interval=LONG)
    sweep = entered(lab, corpus, max_iters=LONG, eval_interval=LONG)
    service.start_sweep(sweep.id)
    first = ids(lab, sweep)[0]
    wait_until(lambda: lab.run(first).step > 0, "the first cell learns")
    service.start_sweep(sweep.id)  # twice is no mistake
    wait_for_steps(service, other)
    wait_for_steps(service, first)
    assert statuses(lab, sweep) == ["running", *["queued"] * 5]
    service.finish(first)  # the reader has seen enough of it
    second = ids(lab, sweep)[1]
    wait_until(lambda: lab.run(second).step > 0, "the next cell learns")
    assert statuses(lab, sweep) == ["finished", "running", *["queued"] * 4]


def test_the_registry_is_not_asked_at_every_step(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    runs_of = service.lab.store.runs_of
    sweep = entered(service.lab, corpus)
    monkeypatch.setattr(service.lab.store, "runs_of", lambda i: asked.append(i) or runs_of(i))
    service.start_sweep(sweep.id)
    wait_for_end(service, sweep)
    assert len(asked) == 6 + 1


def test_there_must_be_such_a_sweep(service: TrainingService) -> None:
    with pytest.raises(RunError, match="no sweep 'owl'"):
        service.start_sweep("owl")
    service.pause_sweep("owl")  # nothing to pause


# --- paused, and on again -------------------------------------------------------------------------


def test_a_sweep_is_paused_at_once_and_resumed_exactly(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    sweep = entered(lab, corpus, max_iters=200, eval_interval=100)
    first, *others = ids(lab, sweep)
    service.start_sweep(sweep.id)
    wait_until(lambda: lab.run(first).step > 0, "the first cell learns")
    service.pause_sweep(sweep.id)
    paused = lab.run(first)
    assert paused.status == "paused" and 0 < paused.step == paused.checkpoint_step < 200
    assert not service.is_sweeping(sweep.id) and not is_held(lab.home, first)
    assert {lab.run(run_id).status for run_id in others} == {"queued"}
    service.start_sweep(sweep.id)
    wait_for_end(service, sweep)
    assert statuses(lab, sweep) == ["finished"] * 6
    assert_same_run(lab, first, train(lab, lab.create_run(paused.config, corpus)))


def test_a_new_service_in_the_same_home_resumes_a_sweep(
    service: TrainingService, another: TrainingService, corpus: Corpus
) -> None:
    lab = another.lab
    sweep = entered(lab, corpus, max_iters=200, eval_interval=100)
    service.start_sweep(sweep.id)
    first = ids(lab, sweep)[0]
    wait_until(lambda: lab.run(first).step > 0, "the first cell learns")
    service.close()
    assert statuses(lab, sweep) == ["interrupted", *["queued"] * 5]
    assert lab.run(first).step == lab.run(first).checkpoint_step
    assert not another.is_sweeping(sweep.id)
    another.start_sweep(sweep.id)
    wait_for_end(another, sweep)
    assert statuses(lab, sweep) == ["finished"] * 6
    with pytest.raises(RunError, match="shutting down"):
        service.start_sweep(sweep.id)


def test_a_cell_that_was_paused_by_itself_holds_its_sweep_up_until_it_is_asked_again(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    sweep = entered(lab, corpus, max_iters=LONG, eval_interval=LONG)
    first = ids(lab, sweep)[0]
    service.start_sweep(sweep.id)
    wait_until(lambda: lab.run(first).step > 0, "the first cell learns")
    service.pause(first)
    assert service.is_sweeping(sweep.id) and lab.run(first).status == "paused"
    for run_id in ids(lab, sweep)[1:]:
        lab.bin_run(run_id)
    service.start_sweep(sweep.id)
    wait_for(service, first, "running")
    service.pause_sweep(sweep.id)
    assert lab.run(first).status == "paused" and first not in service.in_hand


def test_a_cell_whose_sweep_is_paused_while_it_is_opened_is_not_trained(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = service.lab
    sweep = entered(lab, corpus, max_iters=LONG)

    class SlowRun(ActiveRun):
        @classmethod
        def open(cls, *args: Any, **kwargs: Any) -> Self:
            run = super().open(*args, **kwargs)
            service.pause_sweep(sweep.id)
            return run

    monkeypatch.setattr("core.experiments.sweep.ActiveRun", SlowRun)
    service.start_sweep(sweep.id)
    wait_for_end(service, sweep)
    first = ids(lab, sweep)[0]
    wait_until(lambda: not is_held(lab.home, first), "it is given back")
    assert (lab.run(first).status, lab.run(first).step) == ("paused", 0)


# --- trouble --------------------------------------------------------------------------------------


def test_cells_that_diverge_fail_and_the_others_go_on(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    base = small_config(
        "bigram", len(corpus.vocabulary), weight_decay=10.0, warmup_iters=0, schedule="constant"
    )
    rates, blocks = Axis.of("learning_rate", [0.01, 100.0]), Axis.of("block_size", [4, 8])
    sweep = enter_sweep(lab, base, corpus, rates, blocks)
    service.start_sweep(sweep.id)
    wait_for_end(service, sweep)
    assert statuses(lab, sweep) == ["finished", "failed", "finished", "failed"]
    assert "smaller learning_rate" in lab.runs_of(sweep.id)[1].message
    assert sweep_progress(sweep_cells(lab, sweep)).n_failed == 2


def test_a_cell_that_cannot_be_taken_up_fails_and_the_next_goes_on(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    sweep = entered(lab, corpus)
    damaged = train(lab, ids(lab, sweep)[2], until=5)
    for path in lab.home.run_folder(damaged).glob("*.pt"):
        path.write_bytes(b"")
    service.start_sweep(sweep.id)
    wait_for_end(service, sweep)
    assert sorted(statuses(lab, sweep)) == ["failed", *["finished"] * 5]
    assert "can be read" in lab.run(damaged).message
    assert lab.store.events(damaged)[-1].kind == "failed"


def test_a_bug_in_one_cell_is_recorded_and_the_next_goes_on(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    lab = service.lab
    sweep = entered(lab, corpus)
    bad = ids(lab, sweep)[0]

    class BrokenRun(ActiveRun):
        @classmethod
        def open(cls, home: Any, store: Any, run_id: str, **kwargs: Any) -> Self:
            if run_id == bad:
                raise ZeroDivisionError("a bug")
            return super().open(home, store, run_id, **kwargs)

    monkeypatch.setattr("core.experiments.sweep.ActiveRun", BrokenRun)
    service.start_sweep(sweep.id)
    wait_for_end(service, sweep)
    assert statuses(lab, sweep) == ["failed", *["finished"] * 5]
    assert "ZeroDivisionError('a bug')" in lab.run(bad).message
    assert any(record.exc_info for record in caplog.records)


def test_a_cell_that_another_process_trains_is_left_to_it(
    service: TrainingService, corpus: Corpus
) -> None:
    lab = service.lab
    sweep = entered(lab, corpus)
    theirs = ActiveRun.open(lab.home, lab.store, ids(lab, sweep)[0])
    service.start_sweep(sweep.id)
    wait_for_end(service, sweep)
    assert statuses(lab, sweep) == ["running", *["finished"] * 5]
    theirs.close()
    service.start_sweep(sweep.id)
    wait_for_end(service, sweep)
    assert statuses(lab, sweep) == ["finished"] * 6
