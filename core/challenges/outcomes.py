"""What came of predictions: each is held beside the first run that was begun after it.

Pure. Runs of sweeps and ladders were not begun for a prediction, and settle none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.challenges.kept import Prediction
from core.challenges.scoring import Attempt
from core.records.records import LIVE, RunRecord


@dataclass(frozen=True, slots=True)
class Outcome:
    """A prediction and the run that came after it, as far as there is one."""

    prediction: Prediction
    run: RunRecord | None
    """The first that was begun after it and before the next prediction; None while there is none.
    """
    attempt: Attempt | None
    """What that run came to; None while it trains, or where it has nothing to show."""

    @property
    def is_open(self) -> bool:
        """Whether there is still something to wait for."""
        return self.run is None or (self.attempt is None and self.run.status in LIVE)

    @property
    def off_by(self) -> float | None:
        """How far the outcome lies above what was expected, in the unit of the challenge."""
        return None if self.attempt is None else self.attempt.value - self.prediction.expected


def outcomes_of(
    predictions: Sequence[Prediction], runs: Sequence[RunRecord], attempts: Sequence[Attempt]
) -> list[Outcome]:
    """The predictions of one challenge on one text, in order, each with what came of it.

    While a run trains its attempt is withheld, so that the end is what is compared.

    Args:
        predictions: the oldest first.
        runs: those on the text, in any order.
        attempts: of these runs in the challenge.
    """
    by_run = {attempt.run.id: attempt for attempt in attempts}
    begun = sorted((run for run in runs if run.sweep is None), key=lambda run: run.created_at)
    found = []
    for prediction, following in zip(predictions, [*predictions[1:], None]):
        until = following.said_at if following else float("inf")
        after = (run for run in begun if prediction.said_at <= run.created_at < until)
        run = next(after, None)
        is_over = run is not None and run.status not in LIVE
        found.append(Outcome(prediction, run, by_run.get(run.id) if run and is_over else None))
    return found
