"""What computes a run is written down, and a run that goes on elsewhere says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from core.records.event_words import detail_of
from core.records.events import Event, Machine, Resumed
from core.runs.active_run import ActiveRun
from core.runs.branch import branch_run
from core.runs.lab import Lab
from core.runs.machine import elsewhere, machine_here, machines_since
from core.service.service import TrainingService
from core.text.corpus import Corpus
from tests.helpers import (
    CommandLine,
    killed_run,
    small_config,
    small_run,
    start_run,
    train,
    wait_for,
    wait_for_steps,
)

CPU = small_config("bigram", 9)
ONE, TWO = Machine("cpu", "float32", 1), Machine("cpu", "float32", 2)
PAIR, CUDA = replace(ONE, n_processes=2), Machine("cuda", "bfloat16", None)


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small models take all threads; what a test sets is taken back."""
    monkeypatch.setattr("core.training.threads.ONE_THREAD_FLOPS", 0)
    yield
    torch.set_num_threads(1)


def noted(lab: Lab, run_id: str) -> list[tuple[int, Machine]]:
    return [(e.step, e.what) for e in lab.store.events(run_id) if isinstance(e.what, Machine)]


def resumed(lab: Lab, run_id: str) -> str:
    """What the last resume said."""
    return [detail_of(e.what) for e in lab.store.events(run_id) if e.kind == "resumed"][-1]


# --- in words -------------------------------------------------------------------------------------


def test_a_machine_is_what_numbers_depend_on() -> None:
    assert machine_here(CPU, 1) == ONE
    torch.set_num_threads(2)
    assert machine_here(CPU, 1) == TWO
    assert machine_here(CPU, 4) == replace(TWO, n_processes=4)
    half = small_config("bigram", 9, dtype="bfloat16")
    assert machine_here(half, 1) == replace(TWO, dtype="bfloat16")


def test_on_a_gpu_no_threads_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **_: True)
    for n_threads in (1, 2):
        torch.set_num_threads(n_threads)
        assert machine_here(small_config("bigram", 9, device="auto"), 1) == CUDA


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (ONE, [], ""),
        (ONE, [ONE], ""),
        (ONE, [TWO], "with 1 thread instead of 2 threads, so"),
        (ONE, [TWO, ONE], "with 1 thread instead of 2 threads, so"),
        (CUDA, [ONE], "cuda, bfloat16 instead of cpu, float32, 1 thread, so"),
        (PAIR, [ONE], "with 2 processes instead of cpu, float32, 1 thread, so"),
        (ONE, [PAIR], "with cpu, float32, 1 thread instead of 2 processes, so"),
    ],
)
def test_what_is_another_is_named(now: Machine, before: list[Machine], said: str) -> None:
    moved = elsewhere(now, before)
    assert bool(said) == bool(moved)
    assert said in detail_of(Resumed(0, moved))


@pytest.mark.parametrize(
    ("step", "machines"),
    [(0, [ONE, TWO, CUDA]), (9, [ONE, TWO, CUDA]), (10, [TWO, CUDA]), (14, [TWO, CUDA]),
     (15, [CUDA])],
)  # fmt: skip
def test_what_computed_after_a_step(step: int, machines: list[Machine]) -> None:
    events = [Event(0, ONE, 1.0), Event(5, Resumed(0), 2.0)]
    events += [Event(10, TWO, 3.0), Event(15, CUDA, 4.0)]
    assert machines_since(events, step) == machines
    assert machines_since([], step) == []


def test_steps_that_were_taken_again_count_as_they_were_taken_last() -> None:
    events = [Event(0, ONE, 1.0), Event(16, TWO, 2.0)]
    assert machines_since(events, 15) == [ONE, TWO]  # what is lost was computed by both
    assert machines_since([*events, Event(15, CUDA, 3.0)], 15) == [CUDA]


# --- in a run -------------------------------------------------------------------------------------


def test_a_run_notes_what_computes_it_once(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus)
    ActiveRun.open(lab.home, lab.store, run_id).close()
    assert noted(lab, run_id) == []  # nothing has been computed yet
    for until in (10, 20, None):
        train(lab, run_id, until)
    assert noted(lab, run_id) == [(0, ONE)]
    assert "instead of" not in resumed(lab, run_id)


def test_a_resume_on_other_threads_says_so(lab: Lab, corpus: Corpus) -> None:
    torch.set_num_threads(2)
    run_id = train(lab, small_run(lab, corpus), until=15)
    torch.set_num_threads(1)
    train(lab, run_id)
    said = "It goes on with 1 thread instead of 2 threads, so its numbers may not be the same"
    assert said in resumed(lab, run_id)
    assert noted(lab, run_id) == [(0, TWO), (15, ONE)]
    assert lab.run(run_id).message == ""  # worth a word, and no warning


def test_steps_that_another_number_of_threads_takes_again_are_not_called_the_same(
    lab: Lab, corpus: Corpus
) -> None:
    run_id = killed_run(lab, corpus)
    torch.set_num_threads(2)
    ActiveRun.open(lab.home, lab.store, run_id).close()
    said = resumed(lab, run_id)
    assert said.startswith("3 steps after it are taken again: weights")
    assert "2 threads instead of 1 thread" in said


def test_another_number_of_threads_in_mid_run_is_noted(
    service: TrainingService, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    run_id = start_run(service, corpus, max_iters=1_000_000, eval_interval=1_000_000)
    wait_for_steps(service, run_id, 5)
    service.set_threads(2)
    wait_for_steps(service, run_id, 5)
    service.pause(run_id)
    wait_for(service, run_id, "paused")
    (begun, first), (changed, second) = noted(service.lab, run_id)
    assert (begun, first, second) == (0, ONE, TWO)
    assert 0 < changed < service.lab.run(run_id).step


def test_a_branch_takes_along_what_computed_its_past(lab: Lab, corpus: Corpus) -> None:
    torch.set_num_threads(2)
    parent = train(lab, small_run(lab, corpus), until=20)
    torch.set_num_threads(1)
    train(lab, parent)
    child = branch_run(lab, lab.run(parent), 20, {})
    assert noted(lab, child.id) == [(0, TWO)]
    train(lab, child.id)
    assert noted(lab, child.id) == [(0, TWO), (20, ONE)]
    assert "1 thread instead of 2 threads" in resumed(lab, child.id)


def test_the_command_line_shows_it(
    lab: Lab, corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = train(lab, small_run(lab, corpus))
    shown = CommandLine(capsys).ok("runs", "show", run_id)["events"]
    said = {"detail": "cpu, float32, 1 thread", "text": "trains on cpu, float32, 1 thread"}
    assert {"iter": 0, "kind": "machine"} | said in shown
