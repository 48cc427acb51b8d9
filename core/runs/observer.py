"""What is seen of a run while it trains: steps, estimates, what it writes, signs of health, pace.

Looks at the model and never changes it, and draws no random numbers of training's. When to look is
`core.runs.active_run`'s to decide, and so is when what was seen goes into the registry; until then
it is here.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable

from torch import Tensor

from core.generation.sampling import write_sample
from core.records.records import Estimate, HealthReading, StepRecord
from core.storage.checkpoint import Snapshot
from core.storage.snapshots import SnapshotFolder
from core.training.evaluation import evaluating
from core.training.health import Reading, measure
from core.training.trainer import Trainer

HEALTH_WINDOWS = 4
"""On so many windows of the validation split signs of health are read, at every estimate."""
PACE_COMMITS = 30
"""The pace is taken over so many commits, so that a single estimate does not make it jump."""


class Observer:
    """Looks at the model of one run; holds what the registry does not have yet."""

    def __init__(self, trainer: Trainer, snapshots: SnapshotFolder) -> None:
        self._trainer = trainer
        self._snapshots = snapshots
        self._windows = self._first_windows(HEALTH_WINDOWS)
        self.steps: list[StepRecord] = []
        self.estimates: list[tuple[Estimate, str]] = []
        """Each with the text that the model wrote there, which is empty where it wrote none."""
        self.health: list[HealthReading] = []

    def forget(self) -> None:
        """What was seen until now is in the registry."""
        self.steps, self.estimates, self.health = [], [], []

    def note_health(self, readings: Iterable[Reading]) -> None:
        """Hold readings for the next commit; those that are not finite are left out."""
        step = self._trainer.step
        finite = (r for r in readings if math.isfinite(r.value))
        self.health += [HealthReading(step, r.name, r.value) for r in finite]

    def estimate(self, *, is_last: bool = False) -> Estimate:
        """Estimate the losses, look inside the model, and let it write where that is due.

        It is where the run ends, even where nothing was planned for that step.
        """
        estimate = self._trainer.estimate()
        self.note_health(measure(self._trainer.model, self._windows))
        is_writing = (
            is_last or estimate.step == 0 or self._trainer.config.train.writes_after(estimate.step)
        )
        self.estimates.append((estimate, self._write_sample() if is_writing else ""))
        return estimate

    def take_snapshot(self) -> None:
        """Keep the weights as they are, for looking."""
        self._snapshots.save(
            Snapshot(
                config=self._trainer.config.flat(),
                vocabulary=self._trainer.corpus.vocabulary.characters,
                step=self._trainer.step,
                weights=self._trainer.model.state_dict(),
            )
        )

    def _first_windows(self, at_most: int) -> Tensor:
        """The first windows (B, T) of the validation split: the same for every look inside."""
        T, val = self._trainer.config.model.block_size, self._trainer.corpus.val
        n = min(at_most, len(val) // T)
        return val[: n * T].view(n, T).to(self._trainer.device)

    def _write_sample(self) -> str:
        trainer = self._trainer
        with evaluating(trainer.model):
            return write_sample(trainer.model, trainer.corpus.vocabulary, trainer.config.train)


class Clock:
    """The time that somebody waits for a run, in seconds by the clock on the wall."""

    def __init__(self, waited_s: float, since: float) -> None:
        """It stood at `waited_s` and went on at `since`, by time.monotonic()."""
        self._waited_s = waited_s
        self._since: float | None = since

    def waited_s(self) -> float:
        """The time until now, without pauses."""
        running_s = 0.0 if self._since is None else time.monotonic() - self._since
        return self._waited_s + running_s

    def stop(self) -> None:
        """Nobody waits from now on: the run is paused."""
        self._waited_s, self._since = self.waited_s(), None

    def go_on(self) -> None:
        """Somebody waits again."""
        if self._since is None:
            self._since = time.monotonic()

    def begin_earlier(self, since: float) -> None:
        """Somebody has been waiting since an earlier moment, by time.monotonic()."""
        if self._since is not None:
            self._since = min(self._since, since)


class Pace:
    """The throughput of a run by the clock on the wall, in steps/s over its last commits."""

    def __init__(self, step: int) -> None:
        self._commits: deque[tuple[float, int]] = deque(maxlen=PACE_COMMITS)
        self.begin(step)

    def begin(self, step: int) -> None:
        """Forget the commits before: a pause is not a slow step."""
        self._commits.clear()
        self.note(time.monotonic(), step)

    def note(self, now: float, step: int) -> None:
        """A commit was made."""
        self._commits.append((now, step))

    def steps_per_s(self, now: float, step: int) -> float | None:
        """The pace until now; None where no step was taken."""
        since, from_step = self._commits[0]
        if now > since and step > from_step:
            return (step - from_step) / (now - since)
        return None
