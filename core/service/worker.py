"""The one background thread: takes turns among the runs in hand, and does what it is asked.

Owns the thread, and all that is kept under the one lock: the runs in hand, the requests, the active
sources of runs, and whether all is to end. Runs are given to it open, or it takes them from a
source; from then on it alone advances, saves and closes them. What is asked happens at the next
step boundary. Knows no lab and no sweeps.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from pathlib import Path

from core.errors import ConfigError, LabError, RegistryDamaged, RunError, StorageError
from core.service.turns import IN_WORDS, Action, Request, RunsInHand, RunSource, Sources, Turn
from core.training.threads import set_threads

log = logging.getLogger(__name__)

_NOT_WRITTEN = (sqlite3.Error, OSError, StorageError, RegistryDamaged)
"""What is raised when even a failure cannot be written down: the disk is full, or gone."""
SLICE_S = 0.1
"""How long one run trains before the next has its turn, and before a request is heard."""
STEPS_AT_ONCE = 10
"""How many steps a run takes in its turn at most, where steps are shared."""
REQUEST_PATIENCE_S = 2.0
"""How long `ask` waits to see what it asked for happen; it happens later all the same."""


class Worker:
    """Trains any number of runs in one thread, which lives until `close`."""

    def __init__(self) -> None:
        self.in_hand = RunsInHand()
        self._changed = self.in_hand.changed
        self._requests: deque[Request] = deque()
        self._sources = Sources()
        self._closing = False
        self._n_threads: int | None = None
        self._thread = threading.Thread(target=self._work, name="trainer", daemon=True)
        self._thread.start()

    # --- from any thread --------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raise RunError when the worker was closed."""
        if self._closing:
            raise RunError("The lab is shutting down; start it again to train.")

    def ask(self, run_id: str, action: Action, learning_rate: float | None = None) -> None:
        """Have something done with a run in hand, and wait a little for it to happen.

        Not for the end of a run, which may take long to measure: `is_finishing` says so at once.

        Raises RunError when the run is not in hand, ConfigError for a rate that cannot be.
        """
        request = Request(run_id, action, learning_rate)
        with self._changed:
            turn = self.in_hand.get(run_id)
            if turn is None:
                raise RunError(
                    "This run is not being trained by this lab, so it cannot be "
                    f"{IN_WORDS[action]}."
                )
            self._requests.append(request)
            turn.finishing |= action == "finish"
            self._changed.notify()
        if action != "finish" and wait([request.done], REQUEST_PATIENCE_S).done:
            request.done.result()

    def draw_from(self, source: RunSource) -> None:
        """Take up the runs of a source, or go on with the one of it that somebody paused."""
        with self._changed:
            self.check_open()
            turn = self.in_hand.get(self._sources.in_hand(source) or "")
            if turn is None:
                self._sources.start(source)
            elif turn.paused:
                self._requests.append(Request(turn.run.id, "resume"))
            self._changed.notify()

    def stop_drawing_from(self, source: RunSource) -> None:
        """Save the run of a source that is in hand, as paused, and take no more up."""
        with self._changed:
            run_id = self._sources.stop(source)
        if run_id:
            with suppress(RunError):  # it has just ended
                self.ask(run_id, "release")

    def draws_from(self, source: RunSource) -> bool:
        """Whether runs of a source are being trained, or are still to be taken up."""
        with self._changed:
            return source in self._sources

    def compute_on(self, n_threads: int) -> None:
        """Train on so many CPU threads from now on."""
        with self._changed:
            self._n_threads = n_threads
            self._changed.notify()

    def close(self) -> None:
        """Save every active run as interrupted and end the thread. Idempotent.

        A run that was asked to end is saved too, and then measured and finished, if that does not
        take too long.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout=30.0)

    # --- the thread -------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (
                    self._closing or self._requests or self._sources.waiting()
                    or self.in_hand.next()
                ):  # fmt: skip
                    self._changed.wait()
                closing, sources = self._closing, self._sources.waiting()
                requests = list(self._requests)
                self._requests.clear()
                n_threads, self._n_threads = self._n_threads, None
            if closing:
                for request in requests:
                    request.done.set_result(None)
                break
            if n_threads:  # torch keeps the number for each thread that computes
                set_threads(n_threads)
            for request in requests:
                if turn := self.in_hand.get(request.run_id):
                    self._guarded(request.run_id, partial(self._do, turn, request))
                if not request.done.done():  # else it was refused
                    request.done.set_result(None)
            for source in sources:
                self._go_on_with(source)
            if turn := self.in_hand.next():
                self._guarded(turn.run.id, partial(self._advance, turn))
        self._let_all_go()

    def _let_all_go(self) -> None:
        """Save every run in hand; then finish those that were asked to end, which may take long."""
        turns = self.in_hand.all()
        for turn in turns:
            deed = turn.run.interrupt if turn.finishing else partial(self._interrupt, turn)
            self._guarded(turn.run.id, deed)
        for turn in turns:
            if turn.finishing and turn.run.id in self.in_hand:  # it could be saved
                self._guarded(turn.run.id, partial(self._finish, turn))

    def _advance(self, turn: Turn) -> None:
        run, by_steps = turn.run, self.in_hand.fairness == "steps"
        seconds, steps = run.trained_s, run.step
        # A table would be through with all its steps in the time of one slice.
        run.advance(SLICE_S, until=steps + STEPS_AT_ONCE if by_steps else None)
        with self._changed:
            if by_steps == (self.in_hand.fairness == "steps"):  # else it counts no more
                turn.share += run.step - steps if by_steps else run.trained_s - seconds
        if turn.run.done:
            self._finish(turn)

    def _do(self, turn: Turn, request: Request) -> None:
        match request.action:
            case "pause" if not turn.paused:
                turn.paused = True
                turn.run.pause()
            case "resume" if turn.paused:
                turn.share = self.in_hand.least_share()
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
                    request.done.set_exception(error)
            case "finish":
                self._finish(turn)
            case "release":
                turn.run.pause()
                self._drop(turn)

    def _go_on_with(self, source: RunSource) -> None:
        """Take the next run of a source up; with none left, the source is through."""
        try:
            run_id = source.next_run_id(self.in_hand.__contains__)
        except _NOT_WRITTEN:
            log.exception("%s cannot go on", source)
            run_id = None
        if run_id:
            self._guarded(run_id, partial(self._take_up, source, run_id), source)
        else:
            with self._changed:
                self._sources.stop(source)

    def _take_up(self, source: RunSource, run_id: str) -> None:
        taken = self.in_hand.get(run_id)
        if taken:  # somebody has taken it up, and perhaps paused it, by itself
            self._do(taken, Request(run_id, "resume"))
        opened = [] if taken else [source.open_run(run_id)]
        with self._changed:
            self.in_hand.take(opened)
            wanted = self._sources.take(source, run_id)
        turn = self.in_hand.get(run_id)
        if turn and not wanted:  # the source was stopped while its run was being opened
            self._do(turn, Request(run_id, "release"))

    def _interrupt(self, turn: Turn) -> None:
        turn.run.interrupt()
        self._drop(turn)

    def _finish(self, turn: Turn) -> None:
        turn.finishing = True
        turn.run.finish()
        self._drop(turn)

    def _drop(self, turn: Turn) -> None:
        with self._changed:
            self.in_hand.let_go(turn.run.id)
            self._sources.give_back(turn.run.id)
        turn.run.close()

    def _guarded(
        self, run_id: str, deed: Callable[[], None], source: RunSource | None = None
    ) -> None:
        """Do one thing with a run. What goes wrong ends that run and no other.

        Args:
            source: the one that the run is being taken from, where it is not in hand yet.
        """
        try:
            deed()
        except StorageError as error:  # a full disk, say: nothing is wrong with the run
            log.warning("run %s was let go: %s", run_id, error)
            self._let_go(run_id, str(error))
        except LabError as error:
            self._fail(run_id, str(error), source)
        except Exception as error:  # the worker must live on: recorded here and in the run
            log.exception("run %s failed", run_id)
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._fail(
                run_id,
                f"An error in the lab itself ended this run: {error!r}, in "
                f"{Path(where.filename).name}, line {where.lineno}.",
                source,
            )

    def _let_go(self, run_id: str, message: str) -> None:
        """Give a run up as it was saved last, to be resumed; and take none of a source up."""
        turn = self.in_hand.get(run_id)
        with self._changed:
            self._sources.stop_all()  # or the next would fill the disk, too
        if turn:
            turn.run.give_up(message)
            self._drop(turn)

    def _fail(self, run_id: str, message: str, source: RunSource | None) -> None:
        turn = self.in_hand.get(run_id)
        try:
            if turn:
                turn.run.fail(message)
            elif source:
                source.fail_run(run_id, message)
        except _NOT_WRITTEN:  # a full disk, say: then it is let go, and reads as interrupted
            log.exception("that run %s failed could not be written down", run_id)
            with self._changed:
                self._sources.stop_all()  # or the same run would come up again and again
        if turn:
            self._drop(turn)
