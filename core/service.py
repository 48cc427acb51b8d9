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
from dataclasses import dataclass
from typing import Literal

from core.config import RunConfig
from core.corpus import Corpus
from core.errors import LabError, RunError
from core.lab import Lab
from core.run import ActiveRun

log = logging.getLogger(__name__)

SLICE_S = 0.1
"""How long one run trains before the next has its turn, and before a request is heard."""
Action = Literal["pause", "resume", "step", "stop", "interrupt"]
Fairness = Literal["seconds", "steps"]


REQUEST_PATIENCE_S = 2.0
"""How long a page waits to see what it asked for happen; it happens later all the same."""


@dataclass(frozen=True)
class _Request:
    run_id: str
    action: Action
    done: threading.Event


@dataclass
class _Turn:
    """An active run and its share so far, which decides whose turn is next."""

    run: ActiveRun
    paused: bool = False
    seconds: float = 0.0


class TrainingService:
    """Trains any number of runs of one lab in one thread."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.fairness: Fairness = "seconds"
        self._turns: dict[str, _Turn] = {}
        self._requests: deque[_Request] = deque()
        self._wake = threading.Condition()
        self._closing = False
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
        if self._closing:
            raise RunError("The lab is shutting down; start it again to train.")
        run = ActiveRun(self.lab.home, self.lab.store, run_id, max_iters=max_iters)
        if paused:
            run.set_status("paused")
        with self._wake:
            self._turns[run_id] = _Turn(run, paused=paused, seconds=self._least_seconds())
            self._wake.notify()

    def _ask(self, run_id: str, action: Action) -> None:
        request = _Request(run_id, action, threading.Event())
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
                while not (self._closing or self._requests or self._next()):
                    self._wake.wait()
                closing = self._closing
                requests = list(self._requests)
                self._requests.clear()
            if closing:
                break
            for request in requests:
                if turn := self._turns.get(request.run_id):
                    self._guarded(turn, request.action)
                request.done.set()
            if turn := self._next():
                self._guarded(turn, None)
        for turn in list(self._turns.values()):
            self._guarded(turn, "interrupt")

    def _least_seconds(self) -> float:
        """Where a run that joins the others starts, so that it does not first catch up."""
        return min((t.seconds for t in self._turns.values() if not t.paused), default=0.0)

    def _next(self) -> _Turn | None:
        """The running run that has had the least."""
        running = [turn for turn in list(self._turns.values()) if not turn.paused]
        if self.fairness == "steps":
            return min(running, key=lambda turn: turn.run.iter, default=None)
        return min(running, key=lambda turn: turn.seconds, default=None)

    def _guarded(self, turn: _Turn, action: Action | None) -> None:
        """Do one thing with a run. What goes wrong ends that run and no other."""
        try:
            self._advance(turn) if action is None else self._do(turn, action)
        except LabError as error:
            turn.run.fail(str(error))
            self._drop(turn)
        except Exception as error:  # the worker must live on: recorded here and in the run
            log.exception("run %s failed", turn.run.id)
            turn.run.fail(f"An error in the lab itself ended this run: {error!r}. See lab.log.")
            self._drop(turn)

    def _do(self, turn: _Turn, action: Action) -> None:
        match action:
            case "pause" if not turn.paused:
                turn.paused = True
                turn.run.pause()
            case "resume" if turn.paused:
                turn.seconds = self._least_seconds()
                turn.paused = False
                turn.run.set_status("running")
            case "step" if turn.paused:
                turn.run.single_step()
                if turn.run.done:
                    self._finish(turn)
            case "stop":
                self._finish(turn)
            case "interrupt":
                turn.run.interrupt()
                self._drop(turn)

    def _advance(self, turn: _Turn) -> None:
        before = turn.run.trained_s
        turn.run.advance(SLICE_S)
        turn.seconds += turn.run.trained_s - before
        if turn.run.done:
            self._finish(turn)

    def _finish(self, turn: _Turn) -> None:
        turn.run.finish()
        self._drop(turn)

    def _drop(self, turn: _Turn) -> None:
        with self._wake:
            self._turns.pop(turn.run.id, None)
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
