"""What is known of a run: plain, frozen values that the registry gives out and pages read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.records.events import Event
from core.records.stored import stored_as
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig

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
    step: int = field(metadata=stored_as("iter"))
    """Steps done."""
    n_params: int
    train_loss_nats: float | None = field(metadata=stored_as("train_loss"))
    """The last estimate on the training split."""
    val_loss_nats: float | None = field(metadata=stored_as("val_loss"))
    """Over the whole validation split, measured when the run ends."""
    best_val_loss_nats: float | None = field(metadata=stored_as("best_val_loss"))
    """Of the best checkpoint, over the whole validation split, measured when the run ends."""
    best_step: int = field(metadata=stored_as("best_iter"))
    """The step with the lowest validation estimate; once the run has ended, its last where that is
    no worse over the whole split."""
    train_s: float = field(metadata=stored_as("train_seconds"))
    steps_per_s: float
    """By the clock on the wall, when last heard of; turns with other runs count as time."""
    checkpoint_step: int = field(metadata=stored_as("checkpoint_iter"))
    """The step that a resume would start from; 0 means from the beginning."""
    checkpoint_interval_s: float
    """At most this much training is lost when the process is killed."""
    message: str
    parent: str | None
    """Id of the run that this one branched off from, and `parent_step` the step where it did."""
    parent_step: int | None = field(metadata=stored_as("parent_iter"))
    created_at: float
    sweep: str | None = None
    """Id of the sweep that the run belongs to."""
    deleted_at: float | None = None
    """When the run was put into the bin; None where it was not."""
    wall_s: float | None = field(default=None, metadata=stored_as("wall_seconds"))
    """Time waited for the run so far, by the clock on the wall: its training, all that is measured
    and saved between the steps, turns with other runs, and the start of a program that was started
    for it; no pauses. None for runs from before it was noted."""

    @property
    def max_iters(self) -> int:
        return self.config.train.max_iters

    @property
    def looks_ahead(self) -> bool:
        """Whether its model sees what it is to guess, so that its losses are no measure."""
        return self.config.model.looks_ahead

    @property
    def comparable_loss_nats(self) -> float | None:
        """The best loss over the whole validation split; None of a model that looks ahead."""
        return None if self.looks_ahead else self.best_val_loss_nats


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRun:
    """A run to be entered into the registry."""

    id: str
    name: str
    config: RunConfig
    corpus: str
    fingerprint: str
    """Of the corpus."""
    n_params: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepRecord:
    """A sweep as the registry keeps it; what stands in `spec` is `core.experiments.sweep`'s."""

    id: str
    name: str
    spec: Mapping[str, Any]
    created_at: float


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step was like. `step` is the number of steps done after it."""

    step: int = field(metadata=stored_as("iter"))
    loss_nats: float
    learning_rate: float
    grad_norm: float
    """Euclidean norm of the gradient over all dense parameters together, before it was clipped."""
    elapsed_s: float
    """Training time so far: steps alone, neither start-up nor evaluation."""
    wall_s: float | None = None
    """Time waited so far, as `RunRecord.wall_s` counts it."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Losses on fixed sample windows of both splits, in nats per character."""

    step: int = field(metadata=stored_as("iter"))
    train_loss_nats: float
    val_loss_nats: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What a run wrote at one of its estimates."""

    step: int = field(metadata=stored_as("iter"))
    text: str


@dataclass(frozen=True, slots=True)
class HealthReading:
    """A sign of health after a step; its name and value are those of `core.training.health`."""

    step: int = field(metadata=stored_as("iter"))
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Change:
    """Settings that are others from the step after `step` on: name to old and new value."""

    step: int
    settings: Mapping[str, tuple[Any, Any]]


def broke_at(run: RunRecord, events: Iterable[Event]) -> int | None:
    """The step at which a run failed because its loss or gradient was no finite number.

    None for any other run, whatever went wrong in it before it was last resumed.
    """
    if run.status != "failed":
        return None
    at = None
    for event in events:
        if event.kind in ("diverged", "resumed"):
            at = event.step + 1 if event.kind == "diverged" else None
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

    Other than `run_before` it passes over other models, which have other settings. A run of a sweep
    is compared with the one before it in its sweep. None where there is none.
    """
    alike = on_text(runs, run.fingerprint)
    earlier = [r for r in alike if r.model == run.model and r.created_at < run.created_at]
    of_sweep = [r for r in earlier if run.sweep and r.sweep == run.sweep]
    among = of_sweep or [r for r in earlier if not r.sweep]
    return _parent_among(alike, run) or max(among, key=lambda r: r.created_at, default=None)


def _parent_among(runs: Iterable[RunRecord], run: RunRecord) -> RunRecord | None:
    return next((other for other in runs if other.id == run.parent), None)


def on_text(runs: Iterable[RunRecord], fingerprint: str) -> list[RunRecord]:
    """The runs that learned from this very text, whatever it was called, in their order."""
    return [run for run in runs if run.fingerprint == fingerprint]


def newest_of_each_model(runs: Iterable[RunRecord]) -> list[RunRecord]:
    """The newest run of each model that is finished or running, the simplest model first.

    Of a model that has none, the newest of whatever status. `runs` come the newest first; runs of
    sweeps and ladders are passed over, since there are many and one is like another.
    """
    found: dict[ModelKind, RunRecord] = {}
    for run in runs:
        if run.sweep:
            continue
        known = found.get(run.model)
        counts = run.status in ("finished", "running")
        if known is None or (counts and known.status not in ("finished", "running")):
            found[run.model] = run
    return [found[kind] for kind in MODEL_KINDS if kind in found]
