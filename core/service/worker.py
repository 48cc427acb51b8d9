"""The one background thread: takes turns among the runs in hand, and does what it is asked.

Owns the thread, the one lock, and all that is kept under it: the turns, the requests, the active
sweeps, what is shared, and whether all is to end. Runs are given to it open; from then on it alone
advances, saves and closes them. What is asked happens at the next step boundary.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from core.errors import ConfigError, LabError, RunError
from core.experiments.race import Fairness
from core.experiments.sweep import fail_cell, next_cell
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service.turns import IN_WORDS, Action, Request, SweepQueue, Turn
from core.training.devices import set_threads

log = logging.getLogger(__name__)

_NOT_WRITTEN = (sqlite3.Error, OSError)
"""What is raised when even a failure cannot be written down: the disk is full, or gone."""
SLICE_S = 0.1
"""How long one run trains before the next has its turn, and before a request is heard."""
STEPS_AT_ONCE = 10
"""How many steps a run takes in its turn at most, where steps are shared."""
REQUEST_PATIENCE_S = 2.0
"""How long `ask` waits to see what it asked for happen; it happens later all the same."""


class Worker:
    """Trains any number of runs of one lab in one thread, which lives until `close`."""

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

    # --- from any thread --------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raise RunError when the worker was closed."""
        if self._closing:
            raise RunError("The lab is shutting down; start it again to train.")

    def holds(self, run_id: str) -> bool:
        """Whether a run is in hand, running or paused."""
        with self._wake:
            return run_id in self._turns

    def is_finishing(self, run_id: str) -> bool:
        """Whether a run in hand takes no more steps, and is being measured and saved."""
        with self._wake:
            return run_id in self._turns and self._turns[run_id].finishing

    def take_on(
        self, runs: Iterable[ActiveRun], *, paused: bool = False, by: Fairness | None = None
    ) -> None:
        """Take open runs in hand at the same moment; `by` says what is shared from now on."""
        with self._wake:
            if by is not None:
                self.share_by(by)
            least = self._least_share()
            self._turns |= {run.id: Turn(run, paused=paused, share=least) for run in runs}
            self._wake.notify()

    def share_by(self, fairness: Fairness) -> None:
        """Let all runs in hand have equally many seconds, or steps, from now on.

        Once no run is in hand any more, it is seconds again.
        """
        with self._wake:
            if fairness != self.fairness:
                self.fairness = fairness
                for turn in self._turns.values():
                    turn.share = 0.0  # what they have had was counted in the other

    def ask(self, run_id: str, action: Action, learning_rate: float | None = None) -> None:
        """Have something done with a run in hand, and wait a little for it to happen.

        Not for the end of a run, which may take long to measure: `is_finishing` says so at once.

        Raises RunError when the run is not in hand, ConfigError for a rate that cannot be.
        """
        request = Request(run_id, action, learning_rate)
        with self._wake:
            if run_id not in self._turns:
                raise RunError(
                    "This run is not being trained by this lab, so it cannot be "
                    f"{IN_WORDS[action]}."
                )
            self._requests.append(request)
            self._turns[run_id].finishing |= action == "stop"
            self._wake.notify()
        if action == "stop":
            return
        request.done.wait(REQUEST_PATIENCE_S)
        if request.refused:
            raise request.refused[0]

    def start_sweep(self, sweep_id: str) -> None:
        """Take up the cells of a sweep, or go on with the one that somebody paused."""
        with self._wake:
            self.check_open()
            turn = self._turns.get(self._sweeps.in_hand(sweep_id) or "")
            if turn is None:
                self._sweeps.start(sweep_id)
            elif turn.paused:
                self._requests.append(Request(turn.run.id, "resume"))
            self._wake.notify()

    def stop_sweep(self, sweep_id: str) -> None:
        """Save the cell that is in hand, as paused, and take no more up."""
        with self._wake:
            run_id = self._sweeps.stop(sweep_id)
        if run_id:
            with suppress(RunError):  # it has just ended
                self.ask(run_id, "release")

    def is_sweeping(self, sweep_id: str) -> bool:
        """Whether cells of a sweep are being trained, or are still to be taken up."""
        with self._wake:
            return sweep_id in self._sweeps

    def compute_on(self, n_threads: int) -> None:
        """Train on so many CPU threads from now on."""
        with self._wake:
            self._n_threads = n_threads
            self._wake.notify()

    def close(self) -> None:
        """Save every active run as interrupted and end the thread. Idempotent.

        A run that was asked to end is saved too, and then measured and finished, if that does not
        take too long.
        """
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout=30.0)

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
                n_threads, self._n_threads = self._n_threads, None
            if closing:
                for request in requests:
                    request.done.set()
                break
            if n_threads:  # torch keeps the number for each thread that computes
                set_threads(n_threads)
            for request in requests:
                if turn := self._turns.get(request.run_id):
                    self._guarded(request.run_id, partial(self._do, turn, request))
                request.done.set()
            for sweep_id in sweeps:
                self._go_on_with(sweep_id)
            if turn := self._next():
                self._guarded(turn.run.id, partial(self._advance, turn))
        self._let_all_go()

    def _let_all_go(self) -> None:
        """Save every run in hand; then finish those that were asked to end, which may take long."""
        turns = list(self._turns.items())
        for run_id, turn in turns:
            deed = turn.run.interrupt if turn.finishing else partial(self._interrupt, turn)
            self._guarded(run_id, deed)
        for run_id, turn in turns:
            if turn.finishing and self.holds(run_id):  # it could be saved
                self._guarded(run_id, partial(self._finish, turn))

    def _next(self) -> Turn | None:
        """The running run that has had the least."""
        running = [turn for turn in list(self._turns.values()) if not turn.paused]
        return min(running, key=lambda turn: turn.share, default=None)

    def _least_share(self) -> float:
        """Where a run that joins the others starts, so that it does not first catch up."""
        return min((t.share for t in list(self._turns.values()) if not t.paused), default=0.0)

    def _advance(self, turn: Turn) -> None:
        run, by_steps = turn.run, self.fairness == "steps"
        seconds, steps = run.trained_s, run.iter
        # A table would be through with all its steps in the time of one slice.
        run.advance(SLICE_S, until=steps + STEPS_AT_ONCE if by_steps else None)
        with self._wake:
            if by_steps == (self.fairness == "steps"):  # else what it has had counts no more
                turn.share += run.iter - steps if by_steps else run.trained_s - seconds
        if turn.run.done:
            self._finish(turn)

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
            case "set_rate" if request.learning_rate is not None:
                try:
                    turn.run.set_learning_rate(request.learning_rate)
                except ConfigError as error:  # for whoever asked; the run goes on as it was
                    request.refused.append(error)
            case "stop":
                self._finish(turn)
            case "release":
                turn.run.pause()
                self._drop(turn)

    def _go_on_with(self, sweep_id: str) -> None:
        """Take the next cell of a sweep up; with none left, the sweep is over."""
        try:
            run_id = next_cell(self.lab, sweep_id, self.holds)
        except _NOT_WRITTEN:
            log.exception("sweep %s cannot go on", sweep_id)
            run_id = None
        if run_id:
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

    def _interrupt(self, turn: Turn) -> None:
        turn.run.interrupt()
        self._drop(turn)

    def _finish(self, turn: Turn) -> None:
        turn.finishing = True
        turn.run.finish()
        self._drop(turn)

    def _drop(self, turn: Turn) -> None:
        with self._wake:
            self._turns.pop(turn.run.id, None)
            self._sweeps.give_back(turn.run.id)
            if not self._turns:
                self.fairness = "seconds"
        turn.run.close()

    def _guarded(self, run_id: str, deed: Callable[[], None]) -> None:
        """Do one thing with a run. What goes wrong ends that run and no other."""
        try:
            deed()
        except LabError as error:
            self._fail(run_id, str(error))
        except Exception as error:  # the worker must live on: recorded here and in the run
            log.exception("run %s failed", run_id)
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._fail(
                run_id,
                f"An error in the lab itself ended this run: {error!r}, in "
                f"{Path(where.filename).name}, line {where.lineno}.",
            )

    def _fail(self, run_id: str, message: str) -> None:
        turn = self._turns.get(run_id)
        try:
            turn.run.fail(message) if turn else fail_cell(self.lab, run_id, message)
        except _NOT_WRITTEN:  # a full disk, say: then it is let go, and reads as interrupted
            log.exception("that run %s failed could not be written down", run_id)
            with self._wake:
                self._sweeps.stop_all()  # or the same cell would come up again and again
        if turn:
            self._drop(turn)
