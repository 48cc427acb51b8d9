"""What is known of a run: plain, frozen values that the registry gives out and pages read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.settings.config import ModelKind, RunConfig

RunStatus = Literal["queued", "running", "paused", "finished", "failed", "interrupted"]
LIVE: tuple[RunStatus, ...] = ("queued", "running")
"""Statuses that somebody must be working on; without a lock they mean `interrupted`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """How a run stands. Losses in nats per character, times in seconds."""

    id: str
    name: str
    model: ModelKind
    corpus: str
    fingerprint: str
    config: RunConfig
    status: RunStatus
    iter: int
    n_params: int
    train_loss: float | None
    """The last estimate on the training split."""
    val_loss: float | None
    """Over the whole validation split, measured when the run ends."""
    best_val_loss: float | None
    """Of the best checkpoint, over the whole validation split, measured when the run ends."""
    best_iter: int
    """The step with the lowest estimate on the validation split."""
    train_seconds: float
    steps_per_s: float
    """By the clock on the wall, when last heard of; turns with other runs count as time."""
    checkpoint_iter: int
    """The step that a resume would start from; 0 means from the beginning."""
    checkpoint_interval_s: float
    """At most this much training is lost when the process is killed."""
    message: str
    parent: str | None
    """Id of the run that this one branched off from, and `parent_iter` the step where it did."""
    parent_iter: int | None
    created_at: float
    sweep: str | None = None
    """Id of the sweep that the run belongs to."""
    deleted_at: float | None = None
    """When the run was put into the bin; None where it was not."""

    @property
    def max_iters(self) -> int:
        return self.config.train.max_iters


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepRecord:
    """A sweep as the registry keeps it; what stands in `spec` is `core.experiments.sweep`'s."""

    id: str
    name: str
    spec: Mapping[str, Any]
    created_at: float


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step was like. `iter` is the number of steps done after it."""

    iter: int
    loss_nats: float
    learning_rate: float
    grad_norm: float
    """Euclidean norm of the gradient over all dense parameters together, before it was clipped."""
    elapsed_s: float
    """Training time so far: steps alone, neither start-up nor evaluation."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Losses on fixed sample windows of both splits, in nats per character."""

    iter: int
    train_loss_nats: float
    val_loss_nats: float


@dataclass(frozen=True, slots=True)
class HealthReading:
    """One number about one part of a model at a step; the names are `core.training.health`'s."""

    iter: int
    name: str
    value: float
    """A share or a ratio, without a unit."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a run wrote at one of its estimates."""

    iter: int
    text: str


CHANGED = "changed"
"""Kind of the events that are changes of settings."""
RESUMED = "resumed"
"""Kind of the events that say that a run was taken up again."""
DIVERGED = "diverged"
"""Kind of the events that say that loss or gradient was no longer a finite number."""


@dataclass(frozen=True, slots=True)
class Change:
    """Settings that are others from the step after `iter` on: name to old and new value."""

    iter: int
    settings: Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a run: when, after which step, and what it was."""

    iter: int
    kind: str
    detail: str
    at: float


def broke_at(run: RunRecord, events: Iterable[Event]) -> int | None:
    """The step at which a run failed because its loss or gradient was no finite number.

    None for any other run, whatever went wrong in it before it was last resumed.
    """
    if run.status != "failed":
        return None
    at = None
    for event in events:
        if event.kind in (DIVERGED, RESUMED):
            at = event.iter + 1 if event.kind == DIVERGED else None
    return at


def run_before(runs: Sequence[RunRecord], run: RunRecord) -> RunRecord | None:
    """The run to compare with: the parent of a branch, else the one that was made just before.

    Only runs on the same text are looked at, since losses on different texts cannot be compared;
    None where there is none. `runs` come the newest first. Runs of sweeps are compared in their
    sweep.
    """
    alike = on_text(runs, run.fingerprint)
    earlier = (r for r in alike if r.created_at < run.created_at and not r.sweep)
    return _parent_among(alike, run) or next(earlier, None)


def run_before_of_model(runs: Iterable[RunRecord], run: RunRecord) -> RunRecord | None:
    """The run to compare settings with: the parent of a branch, else the last of the same model.

    Other than `run_before` it passes over other models, which have other settings, and counts the
    runs of sweeps, whose cells are compared one with the other. None where there is none.
    """
    alike = on_text(runs, run.fingerprint)
    earlier = (r for r in alike if r.model == run.model and r.created_at < run.created_at)
    last = max(earlier, key=lambda r: r.created_at, default=None)
    return _parent_among(alike, run) or last


def _parent_among(runs: Iterable[RunRecord], run: RunRecord) -> RunRecord | None:
    return next((other for other in runs if other.id == run.parent), None)


def on_text(runs: Iterable[RunRecord], fingerprint: str) -> list[RunRecord]:
    """The runs that learned from this very text, whatever it was called, in their order."""
    return [run for run in runs if run.fingerprint == fingerprint]
