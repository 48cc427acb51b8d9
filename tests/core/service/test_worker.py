"""The worker by itself: where its runs come from, and what becomes of what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from core.errors import ConfigError, RunError
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service.worker import Worker
from core.text.corpus import Corpus
from tests.helpers import small_run, wait_until

LONG = 1_000_000
"""More steps than a test waits for."""


class Listed:
    """A source of runs that knows nothing of sweeps."""

    def __init__(self, lab: Lab, ids: list[str]) -> None:
        self.lab, self.left = lab, list(ids)
        self.failed: dict[str, str] = {}
        self.held_when_asked: list[list[str]] = []
        self._ids = list(ids)

    def next_run_id(self, is_in_hand: Callable[[str], bool]) -> str | None:
        self.held_when_asked.append([run_id for run_id in self._ids if is_in_hand(run_id)])
        return self.left.pop(0) if self.left else None

    def open_run(self, run_id: str) -> ActiveRun:
        return ActiveRun.open(self.lab.home, self.lab.store, run_id)

    def fail_run(self, run_id: str, message: str) -> None:
        self.failed[run_id] = message


@pytest.fixture
def worker() -> Iterator[Worker]:
    working = Worker()
    yield working
    working.close()


def test_runs_of_a_source_are_trained_one_after_the_other(
    lab: Lab, corpus: Corpus, worker: Worker
) -> None:
    ids = [small_run(lab, corpus) for _ in range(3)]
    source = Listed(lab, ids)
    worker.draw_from(source)
    assert worker.draws_from(source) and not worker.draws_from(Listed(lab, ids))
    wait_until(lambda: not worker.draws_from(source), "the end of the source")
    assert [lab.run(run_id).status for run_id in ids] == ["finished"] * 3
    assert source.held_when_asked == [[]] * 4 and source.failed == {}


def test_a_source_is_told_of_a_run_that_cannot_be_taken_up_and_asked_for_the_next(
    lab: Lab, corpus: Corpus, worker: Worker
) -> None:
    good = small_run(lab, corpus)
    source = Listed(lab, ["unknown", good])
    worker.draw_from(source)
    wait_until(lambda: not worker.draws_from(source), "the end of the source")
    assert lab.run(good).status == "finished"
    assert list(source.failed) == ["unknown"] and "no run" in source.failed["unknown"]


def test_a_source_that_is_no_longer_drawn_from_keeps_what_is_left(
    lab: Lab, corpus: Corpus, worker: Worker
) -> None:
    first, second = (small_run(lab, corpus, max_iters=LONG) for _ in range(2))
    source = Listed(lab, [first, second])
    worker.draw_from(source)
    wait_until(lambda: lab.store.run(first).step > 0, "the first run learns")
    worker.stop_drawing_from(source)
    wait_until(lambda: first not in worker.in_hand, "it is given back")
    assert lab.run(first).status == "paused" and source.left == [second]


def test_what_is_refused_is_raised_where_it_was_asked_for(
    lab: Lab, corpus: Corpus, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.worker.REQUEST_PATIENCE_S", 60.0)
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus))
    run.set_status("paused")
    worker.in_hand.take([run], paused=True)
    with pytest.raises(ConfigError):
        worker.ask(run.id, "set_rate", 0.0)
    worker.ask(run.id, "set_rate", 0.002)  # and is heard of no more
    assert lab.store.changes(run.id)[-1].settings["learning_rate"][1] == 0.002


def test_whoever_asks_does_not_wait_for_what_takes_long(
    lab: Lab, corpus: Corpus, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.worker.REQUEST_PATIENCE_S", 0.0)
    run = ActiveRun.open(lab.home, lab.store, small_run(lab, corpus))
    worker.in_hand.take([run], paused=True)
    worker.ask(run.id, "release")
    wait_until(lambda: run.id not in worker.in_hand, "it happens all the same")
    assert lab.run(run.id).status == "paused"


def test_a_closed_worker_takes_no_source(lab: Lab, worker: Worker) -> None:
    worker.close()
    with pytest.raises(RunError, match="shutting down"):
        worker.draw_from(Listed(lab, []))
