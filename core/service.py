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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.branch import enter_branch
from core.config import RunConfig
from core.corpus import Corpus
from core.course import Course, with_learning_rate
from core.errors import LabError, RunError
from core.lab import Lab
from core.race import Fairness
from core.run import ActiveRun

log = logging.getLogger(__name__)

SLICE_S = 0.1
"""How long one run trains before the next has its turn, and before a request is heard."""
Action = Literal["pause", "resume", "step", "stop", "change", "interrupt"]

STEPS_AT_ONCE = 10
"""How many steps a run takes in its turn at most, where steps are shared."""
REQUEST_PATIENCE_S = 2.0
"""How long a page waits to see what it asked for happen; it happens later all the same."""


@dataclass(frozen=True)
class _Request:
    run_id: str
    action: Action
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What to change, for `change`."""
    done: threading.Event = field(default_factory=threading.Event)


@dataclass
class _Turn:
    """An active run and its share so far, which decides whose turn is next."""

    run: ActiveRun
    paused: bool = False
    share: float = 0.0
    """Seconds or steps, whichever are shared."""


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
            self._turns |= {run.id: _Turn(run, share=least) for run in runs}
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
        """Let a run that is in hand go on at another rate from its next step on.

        Raises ConfigError for a rate that cannot be.
        """
        config = self.lab.run(run_id).config
        settings = with_learning_rate(config, learning_rate)
        Course(config).change(0, settings)  # what is wrong is said to whoever asks
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
            self._turns[run_id] = _Turn(run, paused=paused, share=self._least_share())
            self._wake.notify()

    def _opened(self, run_id: str, max_iters: int | None = None) -> ActiveRun:
        if self._closing:
            raise RunError("The lab is shutting down; start it again to train.")
        return ActiveRun(self.lab.home, self.lab.store, run_id, max_iters=max_iters)

    def _ask(self, run_id: str, action: Action, settings: Mapping[str, Any] | None = None) -> None:
        request = _Request(run_id, action, settings or {})
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
                    self._guarded(turn, request)
                request.done.set()
            if turn := self._next():
                self._guarded(turn, None)
        for turn in list(self._turns.values()):
            self._guarded(turn, _Request(turn.run.id, "interrupt"))

    def _least_share(self) -> float:
        """Where a run that joins the others starts, so that it does not first catch up."""
        return min((t.share for t in self._turns.values() if not t.paused), default=0.0)

    def _next(self) -> _Turn | None:
        """The running run that has had the least."""
        running = [turn for turn in list(self._turns.values()) if not turn.paused]
        return min(running, key=lambda turn: turn.share, default=None)

    def _guarded(self, turn: _Turn, request: _Request | None) -> None:
        """Do one thing with a run. What goes wrong ends that run and no other."""
        try:
            self._advance(turn) if request is None else self._do(turn, request)
        except LabError as error:
            turn.run.fail(str(error))
            self._drop(turn)
        except Exception as error:  # the worker must live on: recorded here and in the run
            log.exception("run %s failed", turn.run.id)
            turn.run.fail(f"An error in the lab itself ended this run: {error!r}. See lab.log.")
            self._drop(turn)

    def _do(self, turn: _Turn, request: _Request) -> None:
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
            case "interrupt":
                turn.run.interrupt()
                self._drop(turn)

    def _advance(self, turn: _Turn) -> None:
        run, by_steps = turn.run, self.fairness == "steps"
        seconds, steps = run.trained_s, run.iter
        # A table would be through with all its steps in the time of one slice.
        run.advance(SLICE_S, until=steps + STEPS_AT_ONCE if by_steps else None)
        turn.share += run.iter - steps if by_steps else run.trained_s - seconds
        if turn.run.done:
            self._finish(turn)

    def _finish(self, turn: _Turn) -> None:
        turn.run.finish()
        self._drop(turn)

    def _drop(self, turn: _Turn) -> None:
        with self._wake:
            self._turns.pop(turn.run.id, None)
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
