"""What a challenge is scored from: the runs of one text with all that they measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.records.records import Estimate, RunRecord, StepRecord, broke_at, on_text
from core.runs.lab import Lab

MAX_STEPS = 1000
"""Of a run's steps so many are read, spread over all of it."""


@dataclass(frozen=True, slots=True)
class PreviousHead:
    """Of a model's heads the one that gives most of its weight to the character just before.

    Those that are named after it come first.
    """

    layer: int
    head: int
    """Both from 1."""
    share: float
    """From 0 to 1, a mean over many places."""
    is_named: bool
    """Whether it is called after that, by the rules of `core.interpretability.habits`: in short
    windows even a head that spreads its weight evenly gives much of it to each character."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One run as the registry knows it. Losses in nats per character."""

    run: RunRecord
    estimates: Sequence[Estimate] = ()
    steps: Sequence[StepRecord] = ()
    """In order; a thinned selection."""
    broke_at: int | None = None
    """The step at which it failed by diverging."""
    head: PreviousHead | None = None
    """None where the model has no heads, or nobody has measured them yet."""

    @property
    def is_honest(self) -> bool:
        """Whether it guesses from the past: a model without its causal mask copies the answer."""
        return not self.run.looks_ahead

    @property
    def is_from_scratch(self) -> bool:
        """Whether all of its training is known; a model that was imported learned elsewhere."""
        return bool(self.estimates) and self.estimates[0].step == 0

    @property
    def whole_loss_nats(self) -> float | None:
        """The best validation loss over the whole split; None until the run is finished."""
        if self.run.status != "finished":
            return None
        best, last = self.run.best_val_loss_nats, self.run.val_loss_nats
        return finite(last if best is None else best)

    @property
    def estimated_loss_nats(self) -> float | None:
        """The lowest validation estimate so far; None before the first."""
        losses = [e.val_loss_nats for e in self.estimates if math.isfinite(e.val_loss_nats)]
        return min(losses, default=None)

    def with_head(self, head: PreviousHead | None) -> Telemetry:
        """The same, now that its heads were measured."""
        return replace(self, head=head)


def finite(number: float | None) -> float | None:
    """The number, unless it is none."""
    return number if number is not None and math.isfinite(number) else None


def telemetry_of(lab: Lab, run: RunRecord) -> Telemetry:
    """What a run has measured so far, but for its heads (`core.challenges.heads`)."""
    estimates = lab.store.estimates(run.id)
    # Estimates first: a step is then known for each of them.
    steps = lab.store.steps(run.id, at_most=MAX_STEPS)
    return Telemetry(run, estimates, steps, broke_at(run, lab.store.events(run.id)))


def runs_on_text(lab: Lab, fingerprint: str) -> list[RunRecord]:
    """The runs that are scored on a text, the newest first; those in the bin do not count."""
    return on_text(lab.runs(), fingerprint)
