"""What pages and commands may ask of training: start, pause, step, resume, change, branch, finish.

Owns the worker of its lab (`core.service.worker`) and nothing else. A run is opened here, in the
thread of whoever asks, so that what is wrong with it is said there; then the worker has it. Knows
nothing of screens: how a run stands is read from the registry, as any other process would.

The service lives as long as the process, whatever becomes of a browser tab. When the process ends
in order, every active run is saved as `interrupted`.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from core.errors import LabError, RunError
from core.experiments.race import Fairness
from core.experiments.sweep import SweepCells
from core.records.events import Happening
from core.runs.active_run import ActiveRun
from core.runs.branch import enter_branch
from core.runs.lab import Lab
from core.service.worker import Worker
from core.settings.config import RunConfig
from core.text.corpus import Corpus
from core.training.threads import check_threads

FIRST_POINT_PATIENCE_S = 0.7


class TrainingService:
    """Trains any number of runs of one lab in the background."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._worker = Worker()
        self.in_hand = self._worker.in_hand
        """The runs that this service trains or holds, to be asked about themselves."""

    # --- new runs ---------------------------------------------------------------------------------

    def start(
        self, config: RunConfig, corpus: Corpus, name: str | None = None, *, paused: bool = False
    ) -> str:
        """Create a run and start it (or hold it before its first step). Returns its id.

        Raises LabError when it cannot be, and then leaves nothing behind.
        """
        run_id = self.lab.create_run(config, corpus, name)
        with self._all_or_none([run_id]):
            self._take_up(run_id, paused=paused)
        return run_id

    def start_together(
        self, configs: Sequence[RunConfig], corpus: Corpus, event: Happening, by: Fairness
    ) -> list[str]:
        """Create several runs and start them at the same moment. Returns their ids.

        Args:
            event: what is noted with each of them.
            by: what they share from now on.

        Raises LabError when one of them cannot be, and then leaves nothing behind.
        """
        ids: list[str] = []
        with self._all_or_none(ids), ExitStack() as opened:
            for config in configs:
                ids.append(self.lab.create_run(config, corpus))
                self.lab.store.add_event(ids[-1], 0, event)
            runs = [opened.enter_context(closing(self._opened(run_id))) for run_id in ids]
            opened.pop_all()  # all could be opened, and the worker will close them
        self.in_hand.take(runs, by=by)
        return ids

    def wait_for_first_point(self, run_id: str) -> None:
        """Wait a little until a run that was just started has a point of its curve.

        Whoever draws the run next then draws that too, and need not look again a second later.
        """
        deadline = time.monotonic() + FIRST_POINT_PATIENCE_S
        while run_id in self.in_hand and time.monotonic() < deadline:
            if self.lab.store.estimates(run_id):
                return
            time.sleep(0.02)

    def branch(self, parent_id: str, at: int, changes: Mapping[str, Any]) -> str:
        """Start a run that shares its past with another, up to step `at`. Returns its id.

        Raises LabError when it cannot be, and then leaves nothing behind.
        """
        run_id = enter_branch(self.lab, self.lab.run(parent_id), at, changes)
        with self._all_or_none([run_id]):
            self._take_up(run_id, paused=False)
        return run_id

    # --- runs that are there ----------------------------------------------------------------------

    def resume(
        self, run_id: str, *, max_iters: int | None = None, learning_rate: float | None = None
    ) -> None:
        """Let a run go on: at once if it is paused here, else from its last checkpoint.

        Args:
            max_iters: a new end, for a run that is not in hand; None keeps the old one.
            learning_rate: another peak from where it is taken up, for such a run too.

        Raises LabError when it cannot be resumed; the run is then as it was.
        """
        if run_id in self.in_hand and max_iters is None and learning_rate is None:
            self._worker.ask(run_id, "resume")
        else:
            run = self._opened(run_id, max_iters, learning_rate)
            self.in_hand.take([run])

    def pause(self, run_id: str) -> None:
        """Have a run saved at the end of its step and held; waits a little for it to happen.

        Raises RunError when this service does not train the run.
        """
        self._worker.ask(run_id, "pause")

    def step(self, run_id: str) -> None:
        """Let a paused run take one step; a run that is not in hand is taken up first.

        Raises RunError for a finished run.
        """
        self._have_in_hand(run_id)
        self._worker.ask(run_id, "step")

    def finish(self, run_id: str) -> None:
        """End a run before its last step: measured, saved, finished. A finished run stays so.

        Returns at once; while the run is being measured, it `in_hand.is_finishing`.
        """
        if self.lab.run(run_id).status != "finished":
            self._have_in_hand(run_id)
            self._worker.ask(run_id, "finish")

    def set_learning_rate(self, run_id: str, learning_rate: float) -> None:
        """Let a run go on at another rate from its next step on.

        A run that is not in hand is taken up first, and waits. Raises ConfigError for a rate that
        cannot be, RunError for a finished run.
        """
        self._have_in_hand(run_id)
        self._worker.ask(run_id, "set_rate", learning_rate)

    # --- sweeps -----------------------------------------------------------------------------------

    def start_sweep(self, sweep_id: str) -> None:
        """Train what is left of a sweep, one cell after the other, in turn with other runs.

        A cell that cannot be taken up, or that diverges, is `failed`, and the next goes on. A cell
        that somebody paused holds its sweep up, and goes on when this is asked again.

        Raises RunError when there is no such sweep.
        """
        self._worker.draw_from(self._cells(self.lab.store.sweep(sweep_id).id))

    def pause_sweep(self, sweep_id: str) -> None:
        """Save the cell that is in hand, as paused, and take no more up."""
        self._worker.stop_drawing_from(self._cells(sweep_id))

    def is_sweeping(self, sweep_id: str) -> bool:
        """Whether this service is training the cells of a sweep."""
        return self._worker.draws_from(self._cells(sweep_id))

    def _cells(self, sweep_id: str) -> SweepCells:
        return SweepCells(self.lab, sweep_id)

    # --- all of it --------------------------------------------------------------------------------

    def set_threads(self, n_threads: int) -> None:
        """Let all training of this process take so many CPU threads from now on.

        Raises ConfigError for more than there are cores.
        """
        check_threads(str(n_threads))
        self._worker.compute_on(n_threads)

    def close(self) -> None:
        """Save every active run as interrupted and end the thread. Idempotent.

        A run that was asked to end is finished, where measuring it does not take too long.
        """
        self._worker.close()

    # --- opening ----------------------------------------------------------------------------------

    def _have_in_hand(self, run_id: str) -> None:
        """Take a run up, paused, unless it is in hand. Raises RunError when it has finished."""
        if run_id in self.in_hand:
            return
        record = self.lab.run(run_id)
        if record.status == "finished":  # taking it up would undo that
            raise RunError(
                f"Run {record.name} has finished, at step {record.step:,}. To go on from there, "
                "resume it or branch off from it."
            )
        self._take_up(run_id, paused=True)

    def _take_up(self, run_id: str, *, paused: bool) -> None:
        run = self._opened(run_id)
        if paused:
            run.set_status("paused")
        self.in_hand.take([run], paused=paused)

    def _opened(
        self, run_id: str, max_iters: int | None = None, learning_rate: float | None = None
    ) -> ActiveRun:
        self._worker.check_open()
        return ActiveRun.open(
            self.lab.home, self.lab.store, run_id, max_iters=max_iters, learning_rate=learning_rate
        )

    @contextmanager
    def _all_or_none(self, ids: Sequence[str]) -> Iterator[None]:
        """Where taking new runs up is refused, none of them stays."""
        try:
            yield
        except LabError:
            for run_id in ids:
                self.lab.delete_run(run_id)
            raise


_services: dict[str, TrainingService] = {}
_services_lock = threading.Lock()


def training_service(lab: Lab) -> TrainingService:
    """The process's one service for this lab home, started on first use."""
    key = str(lab.home.path)
    with _services_lock:
        if key not in _services:
            _services[key] = TrainingService(lab)
        return _services[key]


@atexit.register
def close_services() -> None:
    """Close every service of the process, as its end does. Idempotent.

    For who knows of an end that Python does not: one by a signal runs no exit functions.
    """
    for service in list(_services.values()):
        service.close()
