"""What the training thread keeps in mind: what it was asked for, whose turn it is, which sweeps go.

Plain bookkeeping. The worker owns the lock and does the training.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

from core.errors import ConfigError
from core.runs.active_run import ActiveRun

Action = Literal["pause", "resume", "step", "stop", "set_rate", "release"]
IN_WORDS: dict[Action, str] = {
    "pause": "paused", "resume": "resumed", "step": "taken a step further", "stop": "stopped",
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
    done: threading.Event = field(default_factory=threading.Event)
    refused: list[ConfigError] = field(default_factory=list)
    """Why it cannot be done, if it cannot."""


@dataclass
class Turn:
    """An active run and its share so far, which decides whose turn is next."""

    run: ActiveRun
    paused: bool = False
    share: float = 0.0
    """Seconds or steps, whichever are shared."""
    finishing: bool = False
    """Its last step is taken, or its end was asked for; what is left is to measure and to save."""


class SweepQueue:
    """One cell at a time of each active sweep.

    The registry is asked for the next cell only when one has ended, not at every step.
    """

    def __init__(self) -> None:
        self._in_hand: dict[str, str | None] = {}

    def __contains__(self, sweep_id: str) -> bool:
        return sweep_id in self._in_hand

    def start(self, sweep_id: str) -> None:
        """Make a sweep active, with no cell in hand."""
        self._in_hand[sweep_id] = None

    def stop(self, sweep_id: str) -> str | None:
        """Take no more of its cells up; returns the one in hand, if any."""
        return self._in_hand.pop(sweep_id, None)

    def stop_all(self) -> None:
        """Take no more cells of any sweep up."""
        self._in_hand.clear()

    def in_hand(self, sweep_id: str) -> str | None:
        """The cell of a sweep that is being trained."""
        return self._in_hand.get(sweep_id)

    def waiting(self) -> list[str]:
        """The active sweeps that have no cell in hand."""
        return [sweep_id for sweep_id, run_id in self._in_hand.items() if run_id is None]

    def take(self, sweep_id: str, run_id: str) -> bool:
        """Note the cell in hand; False when the sweep has been stopped meanwhile."""
        if sweep_id in self._in_hand:
            self._in_hand[sweep_id] = run_id
            return True
        return False

    def give_back(self, run_id: str) -> None:
        """A run has ended; if it was a cell, its sweep may go on to the next."""
        for sweep_id, in_hand in self._in_hand.items():
            if in_hand == run_id:
                self._in_hand[sweep_id] = None
