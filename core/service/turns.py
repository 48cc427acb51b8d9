"""What the training thread keeps in mind: whose turn it is, what was asked, where runs come from.

Plain bookkeeping, under one lock. The worker (`core.service.worker`) does the training.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal, Protocol

from core.experiments.race import Fairness
from core.runs.active_run import ActiveRun

Action = Literal["pause", "resume", "step", "finish", "set_rate", "release"]
IN_WORDS: dict[Action, str] = {
    "pause": "paused", "resume": "resumed", "step": "taken a step further", "finish": "finished",
    "set_rate": "given another learning rate", "release": "released",
}  # fmt: skip
"""What each does to a run: the run is …, or cannot be …."""


@dataclass(frozen=True)
class Request:
    """Something that a page asked for, to be done at the next step boundary."""

    run_id: str
    action: Action
    learning_rate: float | None = None
    """The new one, for `set_rate`."""
    done: Future[None] = field(default_factory=Future)
    """Comes to its end when the request has been seen to; raises why it cannot be done."""


class RunSource(Protocol):
    """Where runs come from one after the other; equal sources are the same one.

    The worker asks it for the next run when the one before has ended.
    """

    def next_run_id(self, is_in_hand: Callable[[str], bool]) -> str | None:
        """The run to take up next; None when there is none left."""

    def open_run(self, run_id: str) -> ActiveRun:
        """Take that run up. Raises LabError when it cannot be."""

    def fail_run(self, run_id: str, message: str) -> None:
        """Note that a run could not be taken up."""


@dataclass
class Turn:
    """An active run and its share so far, which decides whose turn is next."""

    run: ActiveRun
    paused: bool = False
    share: float = 0.0
    """Seconds or steps, whichever are shared."""
    finishing: bool = False
    """Its last step is taken, or its end was asked for; what is left is to measure and to save."""


class RunsInHand:
    """The runs that are being trained or held, what they share, and which of them is next.

    Any thread may look. Only the worker's takes runs out, and it alone touches them.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        """The one lock of the training service; notified when there is something to do."""
        self.fairness: Fairness = "seconds"
        self._turns: dict[str, Turn] = {}

    def __contains__(self, run_id: str) -> bool:
        with self.changed:
            return run_id in self._turns

    def is_finishing(self, run_id: str) -> bool:
        """Whether a run in hand takes no more steps, and is being measured and saved."""
        with self.changed:
            return run_id in self._turns and self._turns[run_id].finishing

    def share_by(self, fairness: Fairness) -> None:
        """Let all runs in hand have equally many seconds, or steps, from now on.

        Once no run is in hand any more, it is seconds again.
        """
        with self.changed:
            if fairness != self.fairness:
                self.fairness = fairness
                for turn in self._turns.values():
                    turn.share = 0.0  # what they have had was counted in the other

    def take(
        self, runs: Iterable[ActiveRun], *, paused: bool = False, by: Fairness | None = None
    ) -> None:
        """Take open runs in hand at the same moment; `by` says what is shared from now on."""
        with self.changed:
            if by is not None:
                self.share_by(by)
            least = self.least_share()
            self._turns |= {run.id: Turn(run, paused=paused, share=least) for run in runs}
            self.changed.notify()

    def let_go(self, run_id: str) -> None:
        """A run is not in hand any more."""
        with self.changed:
            self._turns.pop(run_id, None)
            if not self._turns:
                self.fairness = "seconds"

    # --- for the worker ---------------------------------------------------------------------------

    def get(self, run_id: str) -> Turn | None:
        """The turn of a run; None where it is not in hand."""
        return self._turns.get(run_id)

    def all(self) -> list[Turn]:
        """The turns of all runs in hand."""
        return list(self._turns.values())

    def next(self) -> Turn | None:
        """The running run that has had the least."""
        running = [turn for turn in self.all() if not turn.paused]
        return min(running, key=lambda turn: turn.share, default=None)

    def least_share(self) -> float:
        """Where a run that joins the others starts, so that it does not first catch up."""
        return min((turn.share for turn in self.all() if not turn.paused), default=0.0)


class Sources:
    """One run at a time of each active source.

    A source is asked for its next run only when one has ended, not at every step.
    """

    def __init__(self) -> None:
        self._in_hand: dict[RunSource, str | None] = {}

    def __contains__(self, source: RunSource) -> bool:
        return source in self._in_hand

    def start(self, source: RunSource) -> None:
        """Make a source active, with no run in hand."""
        self._in_hand[source] = None

    def stop(self, source: RunSource) -> str | None:
        """Take no more of its runs up; returns the one in hand, if any."""
        return self._in_hand.pop(source, None)

    def stop_all(self) -> None:
        """Take no more runs of any source up."""
        self._in_hand.clear()

    def in_hand(self, source: RunSource) -> str | None:
        """The run of a source that is being trained."""
        return self._in_hand.get(source)

    def waiting(self) -> list[RunSource]:
        """The active sources that have no run in hand."""
        return [source for source, run_id in self._in_hand.items() if run_id is None]

    def take(self, source: RunSource, run_id: str) -> bool:
        """Note the run in hand; False when the source has been stopped meanwhile."""
        if source in self._in_hand:
            self._in_hand[source] = run_id
            return True
        return False

    def give_back(self, run_id: str) -> None:
        """A run has ended; if it came from a source, that may go on to its next."""
        for source, in_hand in self._in_hand.items():
            if in_hand == run_id:
                self._in_hand[source] = None
