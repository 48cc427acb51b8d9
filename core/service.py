"""The one background thread: takes turns among the active runs, and does what the screen asks.

Knows nothing of screens. A page asks (start, resume, pause, step, stop); the asked thing happens at
the next step boundary. Pages read how a run stands from the registry, as any other process would.

The service lives as long as the process, whatever becomes of a browser tab. When the process ends
in order, every active run is saved as `interrupted`.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from core.branch import enter_branch
from core.config import RunConfig
from core.corpus import Corpus
from core.course import Course, with_learning_rate
from core.devices import check_threads, set_threads
from core.errors import LabError, RunError
from core.lab import Lab
from core.race import Fairness
from core.run import ActiveRun
from core.sweep import fail_cell, next_cell
from core.turns import Action, Request, SweepQueue, Turn

log = logging.getLogger(__name__)

SLICE_S = 0.1
"""How long one run trains before the next has its turn, and before a request is heard."""
STEPS_AT_ONCE = 10
"""How many steps a run takes in its turn at most, where steps are shared."""
REQUEST_PATIENCE_S = 2.0
"""How long a page waits to see what it asked for happen; it happens later all the same."""


class TrainingService:
    """Trains any number of runs of one lab in one thread."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.fairness: Fairness = "seconds"
        self._turns: dict[str, Turn] = {}
        self._requests: deque[Request] = deque()
        self._sweeps = SweepQueue()
        self._wake = threading.Condition()
        self._closing = False
        self._n_threads: int | None = None
        self._thread = threading.Thread(target=self._work, name="trainer", daemon=True)
        self._thread.start()

    # --- what a page may ask ----------------------------------------------------------------------

    def start(
        self, config: RunConfig, corpus: Corpus, name: str | None = None, *, paused: bool = False
    ) -> str:
        """Create a run and start it (or hold it before its first step). Returns its id.

        Raises LabError when it cannot be, and then leaves nothing behind.
        """
        run_id = self.lab.create_run(config, corpus, name)
        try:
            self._take_up(run_id, paused=paused)
        except LabError:
            self.lab.delete_run(run_id)
            raise
        return run_id

    def start_together(
        self, configs: Sequence[RunConfig], corpus: Corpus, event: tuple[str, str], by: Fairness
    ) -> list[str]:
        """Create several runs and start them at the same moment. Returns their ids.

        Args:
            event: kind and detail of what is noted with each of them.
            by: what they share from now on.

        Raises LabError when one of them cannot be, and then leaves nothing behind.
        """
        ids: list[str] = []
        runs: list[ActiveRun] = []
        try:
            for config in configs:
                ids.append(self.lab.create_run(config, corpus))
                self.lab.store.add_event(ids[-1], 0, *event)
            for run_id in ids:
                runs.append(self._opened(run_id))
        except LabError:
            for run in runs:
                run.close()
            for run_id in ids:
                self.lab.delete_run(run_id)
            raise
        with self._wake:
            self.share_by(by)
            least = self._least_share()
            self._turns |= {run.id: Turn(run, share=least) for run in runs}
            self._wake.notify()
        return ids

    def share_by(self, fairness: Fairness) -> None:
        """Let all runs in hand have equally many seconds, or steps, from now on.

        Once no run is in hand any more, it is seconds again.
        """
        with self._wake:
            if fairness != self.fairness:
                self.fairness = fairness
                for turn in self._turns.values():
                    turn.share = 0.0  # what they have had was counted in the other

    def resume(self, run_id: str, *, max_iters: int | None = None) -> None:
        """Let a run go on: at once if it is paused here, else from its last checkpoint.

        Raises LabError when it cannot be resumed; the run is then as it was.
        """
        if self.holds(run_id) and max_iters is None:
            self._ask(run_id, "resume")
        else:
            self._take_up(run_id, paused=False, max_iters=max_iters)

    def pause(self, run_id: str) -> None:
        """Save a run and hold it."""
        self._ask(run_id, "pause")

    def step(self, run_id: str) -> None:
        """Let a paused run take one step; a run that is not in hand is taken up first."""
        if not self.holds(run_id):
            self._take_up(run_id, paused=True)
        self._ask(run_id, "step")

    def stop(self, run_id: str) -> None:
        """End a run before its last step: measured, saved, finished."""
        if not self.holds(run_id):
            self._take_up(run_id, paused=True)
        self._ask(run_id, "stop")

    def set_learning_rate(self, run_id: str, learning_rate: float) -> None:
        """Let a run go on at another rate from its next step on.

        A run that is not in hand is taken up first, and waits. Raises ConfigError for a rate that
        cannot be.
        """
        config = self.lab.run(run_id).config
        settings = with_learning_rate(config, learning_rate)
        Course(config).change(0, settings)  # what is wrong is said to whoever asks
        if not self.holds(run_id):
            self._take_up(run_id, paused=True)
        self._ask(run_id, "change", settings)

    def branch(self, parent_id: str, at: int, changes: Mapping[str, Any]) -> str:
        """Start a run that shares its past with another, up to step `at`. Returns its id.

        Raises LabError when it cannot be, and then leaves nothing behind.
        """
        run_id = enter_branch(self.lab, self.lab.run(parent_id), at, changes)
        try:
            self._take_up(run_id, paused=False)
        except LabError:
            self.lab.delete_run(run_id)
            raise
        return run_id

    def start_sweep(self, sweep_id: str) -> None:
        """Train what is left of a sweep, one cell after the other, in turn with other runs.

        A cell that cannot be taken up, or that diverges, is `failed`, and the next goes on. A cell
        that somebody paused holds its sweep up, and goes on when this is asked again.

        Raises RunError when there is no such sweep.
        """
        sweep_id = self.lab.store.sweep(sweep_id).id
        with self._wake:
            self._check_open()
            turn = self._turns.get(self._sweeps.in_hand(sweep_id) or "")
            if turn is None or turn.paused:
                self._sweeps.start(sweep_id)
                self._wake.notify()

    def stop_sweep(self, sweep_id: str) -> None:
        """Save the cell that is in hand, as paused, and take no more up."""
        with self._wake:
            run_id = self._sweeps.stop(sweep_id)
        if run_id:
            with suppress(RunError):  # it has just ended
                self._ask(run_id, "release")

    def is_sweeping(self, sweep_id: str) -> bool:
        """Whether this service is training the cells of a sweep."""
        with self._wake:
            return sweep_id in self._sweeps

    def set_threads(self, n_threads: int) -> None:
        """Let all training of this process take so many CPU threads from now on.

        Raises ConfigError for more than there are cores.
        """
        check_threads(str(n_threads))
        with self._wake:
            self._n_threads = n_threads
            self._wake.notify()

    def holds(self, run_id: str) -> bool:
        """Whether this service has the run in hand, running or paused."""
        with self._wake:
            return run_id in self._turns

    def close(self) -> None:
        """Save every active run as interrupted and end the thread. Idempotent."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout=30.0)

    def _take_up(self, run_id: str, *, paused: bool, max_iters: int | None = None) -> None:
        """Open a run in the caller's thread, so that what is wrong with it is said there."""
        run = self._opened(run_id, max_iters)
        if paused:
            run.set_status("paused")
        with self._wake:
            self._turns[run_id] = Turn(run, paused=paused, share=self._least_share())
            self._wake.notify()

    def _opened(self, run_id: str, max_iters: int | None = None) -> ActiveRun:
        self._check_open()
        return ActiveRun(self.lab.home, self.lab.store, run_id, max_iters=max_iters)

    def _check_open(self) -> None:
        if self._closing:
            raise RunError("The lab is shutting down; start it again to train.")

    def _ask(self, run_id: str, action: Action, settings: Mapping[str, Any] | None = None) -> None:
        request = Request(run_id, action, settings or {})
        with self._wake:
            if run_id not in self._turns:
                raise RunError("This run is not being trained by this lab, so it cannot be paused.")
            self._requests.append(request)
            self._wake.notify()
        request.done.wait(REQUEST_PATIENCE_S)

    # --- the thread -------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (
                    self._closing or self._requests or self._sweeps.waiting() or self._next()
                ):
                    self._wake.wait()
                closing, sweeps = self._closing, self._sweeps.waiting()
                requests = list(self._requests)
                self._requests.clear()
            if closing:
                break
            if self._n_threads:  # torch keeps the number for each thread that computes
                set_threads(self._n_threads)
                self._n_threads = None
            for request in requests:
                if turn := self._turns.get(request.run_id):
                    self._guarded(request.run_id, partial(self._do, turn, request))
                request.done.set()
            for sweep_id in sweeps:
                self._go_on_with(sweep_id)
            if turn := self._next():
                self._guarded(turn.run.id, partial(self._advance, turn))
        for run_id, turn in list(self._turns.items()):
            self._guarded(run_id, partial(self._do, turn, Request(run_id, "interrupt")))

    def _go_on_with(self, sweep_id: str) -> None:
        """Take the next cell of a sweep up; with none left, the sweep is over."""
        if run_id := next_cell(self.lab, sweep_id, self.holds):
            self._guarded(run_id, partial(self._take_cell_up, sweep_id, run_id))
        else:
            with self._wake:
                self._sweeps.stop(sweep_id)

    def _take_cell_up(self, sweep_id: str, run_id: str) -> None:
        turn = self._turns.get(run_id)
        if turn:  # somebody has taken it up, and perhaps paused it, by itself
            self._do(turn, Request(run_id, "resume"))
        else:
            turn = Turn(ActiveRun(self.lab.home, self.lab.store, run_id))
            turn.share = self._least_share()
        with self._wake:
            self._turns[run_id] = turn
            wanted = self._sweeps.take(sweep_id, run_id)
        if not wanted:  # the sweep was stopped while its cell was being opened
            self._do(turn, Request(run_id, "release"))

    def _least_share(self) -> float:
        """Where a run that joins the others starts, so that it does not first catch up."""
        return min((t.share for t in self._turns.values() if not t.paused), default=0.0)

    def _next(self) -> Turn | None:
        """The running run that has had the least."""
        running = [turn for turn in list(self._turns.values()) if not turn.paused]
        return min(running, key=lambda turn: turn.share, default=None)

    def _guarded(self, run_id: str, deed: Callable[[], None]) -> None:
        """Do one thing with a run. What goes wrong ends that run and no other."""
        try:
            deed()
        except LabError as error:
            self._fail(run_id, str(error))
        except Exception as error:  # the worker must live on: recorded here and in the run
            log.exception("run %s failed", run_id)
            message = f"An error in the lab itself ended this run: {error!r}. See lab.log."
            self._fail(run_id, message)

    def _fail(self, run_id: str, message: str) -> None:
        if turn := self._turns.get(run_id):
            turn.run.fail(message)
            self._drop(turn)
        else:
            fail_cell(self.lab, run_id, message)

    def _do(self, turn: Turn, request: Request) -> None:
        match request.action:
            case "pause" if not turn.paused:
                turn.paused = True
                turn.run.pause()
            case "resume" if turn.paused:
                turn.share = self._least_share()
                turn.paused = False
                turn.run.set_status("running")
            case "step" if turn.paused:
                turn.run.single_step()
                if turn.run.done:
                    self._finish(turn)
            case "change":
                turn.run.change(request.settings)
            case "stop":
                self._finish(turn)
            case "release":
                turn.run.pause()
                self._drop(turn)
            case "interrupt":
                turn.run.interrupt()
                self._drop(turn)

    def _advance(self, turn: Turn) -> None:
        run, by_steps = turn.run, self.fairness == "steps"
        seconds, steps = run.trained_s, run.iter
        # A table would be through with all its steps in the time of one slice.
        run.advance(SLICE_S, until=steps + STEPS_AT_ONCE if by_steps else None)
        turn.share += run.iter - steps if by_steps else run.trained_s - seconds
        if turn.run.done:
            self._finish(turn)

    def _finish(self, turn: Turn) -> None:
        turn.run.finish()
        self._drop(turn)

    def _drop(self, turn: Turn) -> None:
        with self._wake:
            self._turns.pop(turn.run.id, None)
            self._sweeps.give_back(turn.run.id)
            if not self._turns:
                self.fairness = "seconds"
        turn.run.close()


_services: dict[str, TrainingService] = {}
_services_lock = threading.Lock()


def training_service(lab: Lab) -> TrainingService:
    """The process's one service for this lab home, started on first use."""
    key = str(lab.home.path)
    with _services_lock:
        if key not in _services:
            _services[key] = TrainingService(lab)
            atexit.register(_services[key].close)
        return _services[key]
