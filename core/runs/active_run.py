"""One run in hand: whoever holds an `ActiveRun` is the one who trains it.

Joins the trainer (arithmetic) to the store (rows) and the checkpoints (files) under the run's lock,
and decides when to look, when to commit and when to save. What a run has left behind is
`core.runs.resuming`'s, what there is to see `core.runs.observer`'s, and what survives
`core.runs.saving`'s. Knows no thread: the service advances several of these in turn, the command
line one.

What is on the disk is always a state that could have been: rows are committed before the checkpoint
that implies them, and rows after the checkpoint are cut back on resume and come again, the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Self

import torch
from filelock import FileLock

from core.errors import ConfigError, RegistryDamaged, RunError, StorageError
from core.records.course import Course
from core.records.event_words import resume_notes
from core.records.events import Diverged, EndMoved, Failed, Finished
from core.records.records import Change, RunStatus, StepRecord
from core.registry import Store
from core.runs.kept_copy import KeptCopy
from core.runs.machine import machine_here
from core.runs.observer import Clock, Observer, Pace
from core.runs.resuming import ResumePoint, resume_point
from core.runs.saving import Keeper
from core.storage.budget import USUAL, DiskBudget
from core.storage.checkpoint import CheckpointFolder
from core.storage.home import LabHome
from core.storage.journal import Measured
from core.storage.locks import take_lock
from core.storage.snapshots import SnapshotFolder, is_due
from core.training.health import UpdateProbe
from core.training.parallel import ALONE, World
from core.training.threads import n_threads
from core.training.trainer import DivergedError, Trainer

FLUSH_EVERY_S = 0.5
MIN_CHECKPOINT_INTERVAL_S = 5.0
CHECKPOINT_COST_FACTOR = 100.0
"""A checkpoint is written no more often than this many times what writing one takes."""


class ActiveRun:
    """A run that is held under its lock, from `open` to `close`."""

    @classmethod
    def open(
        cls,
        home: LabHome,
        store: Store,
        run_id: str,
        *,
        max_iters: int | None = None,
        learning_rate: float | None = None,
        budget: DiskBudget = USUAL,
        world: World = ALONE,
    ) -> Self:
        """Take the lock of a run, and take it up where its newest readable checkpoint left it.

        Rows and files from after that checkpoint are cut back, and the registry says that the run
        goes on.

        Args:
            max_iters: a new end for the run; None keeps the old one.
            learning_rate: another peak from where it is taken up, as `set_learning_rate` does.
            budget: what the run may take on the disk.
            world: the processes that train the run; this one leads them.

        Raises RunError when another process trains it, CorpusError when its corpus is gone or
        changed, CheckpointError when it has checkpoints and none can be read, ConfigError for a
        rate that cannot be. Nothing has then changed.
        """
        folder = home.run_folder(run_id)
        lock = take_lock(home, store.run(run_id))
        try:
            left = resume_point(home, store, run_id, max_iters, world.size)
            course = Course(left.config, store.changes(run_id))
            trainer = Trainer(course.at(left.step), left.corpus, world)
            if left.checkpoint:
                trainer.load_state_dict(left.checkpoint.trainer)
            run = cls(
                store, lock, left, course, trainer,
                CheckpointFolder(folder, budget.checkpoint_mib),
                SnapshotFolder(folder, budget.snapshot_mib),
            )  # fmt: skip
            change = None if learning_rate is None else run._new_rate(learning_rate)
            run._begin(left)
            if change:
                run._record_change(change)
        except BaseException:
            lock.release()
            raise
        return run

    def __init__(
        self,
        store: Store,
        lock: FileLock,
        left: ResumePoint,
        course: Course,
        trainer: Trainer,
        checkpoints: CheckpointFolder,
        snapshots: SnapshotFolder,
    ) -> None:
        """Hold what `open` has found and made; nothing is read or written here.

        Args:
            lock: held, and released by `close`.
            left: the run as it was found.
            trainer: in the state that the run is taken up in.
        """
        self.record, self.notes = left.record, resume_notes(left.resumed)
        self.resumed_from = left.step
        self._store, self._lock = store, lock
        self._course, self._trainer = course, trainer
        self._checkpoints, self._snapshots = checkpoints, snapshots
        self._keeper = Keeper(checkpoints, trainer, left.checkpoint)
        self._observer = Observer(trainer, snapshots)
        self._pace = Pace(trainer.step)
        waited_s = left.record.wall_s if left.record.wall_s is not None else left.record.train_s
        self._clock = Clock(waited_s, left.found_at)
        self._machine, self._n_threads = left.machine, 0
        self._last_estimate = -1
        """The step of the last estimate; -1 before the first."""
        self._last_flush_at = time.monotonic()
        self._copy = KeptCopy(left.home, store, left.record.id)

    def _begin(self, left: ResumePoint) -> None:
        """Cut back what is ahead of the checkpoint, and say that the run goes on."""
        step, config = left.step, left.config
        self._store.rewind(self.id, step if left.checkpoint else -1)
        self._snapshots.forget_after(step)
        self._checkpoints.forget_after(step)
        before = self._store.estimates(self.id)
        if before:
            self._last_estimate = before[-1].step
        if self.record.status != "queued":
            self._store.add_event(self.id, step, left.resumed)
        if config != self.record.config:
            old, new = self.record.max_iters, config.train.max_iters
            self._store.add_event(self.id, step, EndMoved(old, new))
        self._store.update_run(
            self.id, config=config, status="running", step=step,
            train_loss_nats=before[-1].train_loss_nats if before else None, val_loss_nats=None,
            best_val_loss_nats=None, train_s=self._trainer.elapsed_s, checkpoint_step=step,
            message=" ".join(self.notes),
        )  # fmt: skip
        self._copy.begin()

    # --- what the holder may do -------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def step(self) -> int:
        return self._trainer.step

    @property
    def trained_s(self) -> float:
        """Training time so far, in seconds."""
        return self._trainer.elapsed_s

    def waited_since(self, moment: float) -> None:
        """Somebody has waited for this run since before it was taken up (time.monotonic())."""
        self._clock.begin_earlier(moment)

    @property
    def done(self) -> bool:
        """All steps have been taken; `finish` is what is left to do."""
        return self._trainer.step >= self._trainer.config.train.max_iters

    def advance(self, budget_s: float, *, until: int | None = None) -> None:
        """Train for about `budget_s`, at least one step, at most to the last, or to step `until`.

        Raises DivergedError when the loss is no longer a number, RunError when the device runs out
        of memory, StorageError when the disk is full.
        """
        deadline = time.monotonic() + budget_s
        while not self.done and (until is None or self.step < until):
            self._one_step()
            now = time.monotonic()
            if now - self._last_flush_at >= FLUSH_EVERY_S:
                self._flush()
            if now - self._keeper.saved_at >= self.checkpoint_interval_s:
                self._save()
            if now >= deadline:
                return

    def change(self, settings: Mapping[str, Any]) -> None:
        """Go on with other settings from the next step on.

        Recorded, so that a resume and a branch go the same way. Raises ConfigError for settings
        that cannot be, and then nothing has changed.
        """
        self._flush_and_record(self._course.change(self.step, settings))

    def set_learning_rate(self, learning_rate: float) -> None:
        """Go on at another peak of the learning rate; what follows it keeps its proportion.

        Raises ConfigError for a rate that cannot be, and while a branch still takes its parent's
        steps again: nothing has then changed.
        """
        self._flush_and_record(self._new_rate(learning_rate))

    def _new_rate(self, learning_rate: float) -> Change | None:
        fork = self.record.parent_step
        if fork is not None and self.step < fork:
            raise ConfigError(
                f"This branch is still taking its parent's steps again, up to step {fork:,}; its "
                "learning rate can be changed from there on."
            )
        return self._course.change(self.step, {"learning_rate": learning_rate})

    def _flush_and_record(self, change: Change | None) -> None:
        if change:
            self._flush()
            self._record_change(change)

    def _record_change(self, change: Change) -> None:
        self._store.add_change(self.id, change, self._course.end)
        self._copy.write_run()

    def single_step(self) -> None:
        """One step, at once visible to all readers."""
        self._clock.go_on()
        if not self.done:
            self._one_step()
        self._clock.stop()
        self._flush(status="paused")

    def set_status(self, status: RunStatus) -> None:
        """Say how the run stands, for all readers."""
        self._pace.begin(self.step)
        if status == "paused":
            self._clock.stop()
        else:
            self._clock.go_on()
        self._flush(status=status)

    def pause(self) -> None:
        """Save everything, so that nothing is at risk, and stay ready to go on; status `paused`.

        Raises StorageError when it cannot be written, as all do that save.
        """
        self._save(status="paused")
        self._clock.stop()

    def finish(self) -> None:
        """Measure, save, and end the run, whether or not all steps were taken."""
        self._clock.go_on()
        if self._last_estimate != self._trainer.step:
            self._estimate(is_last=True)
        val_loss = self._trainer.evaluate()
        best_val_loss = self._keeper.evaluate_best(val_loss)
        self._save(status="finished", val_loss_nats=val_loss, best_val_loss_nats=best_val_loss)
        self._store.add_event(self.id, self._trainer.step, Finished())
        self._copy.write_run()

    def interrupt(self) -> None:
        """Save everything and leave the run to be resumed another time."""
        self._save(status="interrupted")

    def fail(self, message: str) -> None:
        """End the run as failed; its last good checkpoint stays."""
        self._flush(status="failed", message=message)
        self._store.add_event(self.id, self._trainer.step, Failed(message))
        self._copy.write()

    def give_up(self, message: str) -> None:
        """Leave the run as it was saved last, since the disk takes no more: to be resumed later.

        Says why in the registry, where that still can be written; that it was interrupted follows
        from its lock, as for a run that was killed. Raises nothing for the disk.
        """
        with suppress(StorageError, RegistryDamaged):
            self._store.update_run(self.id, message=message)

    def close(self) -> None:
        """Give the run back, and send the followers home. Idempotent."""
        if self._lock.is_locked:
            self._trainer.world.announce_end()
        self._lock.release()

    @property
    def checkpoint_interval_s(self) -> float:
        """At most this much training is lost when the process is killed."""
        return max(MIN_CHECKPOINT_INTERVAL_S, CHECKPOINT_COST_FACTOR * self._keeper.cost_s)

    # --- training ---------------------------------------------------------------------------------

    def _one_step(self) -> None:
        """Learn from one batch, and look where a look is due. Raises as `advance` does."""
        try:
            self._learn_and_look()
        except DivergedError:
            self._store.add_event(self.id, self.step, Diverged())
            raise

    def _learn_and_look(self) -> None:
        if n_threads() != self._n_threads:  # not noted yet, or changed between steps
            self._note_machine()
        if self._last_estimate < 0:
            self._estimate()  # what the model knew, and wrote, before it had learned anything
            self._flush()
        if self._course.turns_at(self.step):
            self._trainer.change(self._course.at(self.step))
        train = self._trainer.config.train
        ends_in_estimate = train.estimates_after(self.step + 1)
        probe = UpdateProbe(self._trainer.model) if ends_in_estimate else None
        self._observer.steps.append(replace(self._step(), wall_s=self._clock.waited_s()))
        if probe:
            self._observer.note_health(probe.readings())
            self._estimate()
        elif is_due(self.step):
            self._observer.take_snapshot()

    def _step(self) -> StepRecord:
        try:
            return self._trainer.take_step()
        except torch.OutOfMemoryError:
            raise RunError(
                f"The {self._trainer.device.type} device ran out of memory at step "
                f"{self.step + 1:,}. Free some and resume this run, or start one with a smaller "
                "batch_size or block_size."
            ) from None

    def _note_machine(self) -> None:
        """Write down what computes from here on, where it is not what computed before."""
        self._n_threads = n_threads()
        now = machine_here(self._trainer.config, self._trainer.world.size)
        if now != self._machine:
            self._machine = now
            self._store.add_event(self.id, self.step, now)

    def _estimate(self, *, is_last: bool = False) -> None:
        estimate = self._observer.estimate(is_last=is_last)
        self._last_estimate = estimate.step
        self._keeper.compare(estimate)
        self._observer.take_snapshot()

    # --- writing ----------------------------------------------------------------------------------

    def _flush(self, **values: Any) -> None:
        """Commit what was seen since the last time."""
        now, seen = time.monotonic(), self._observer
        if seen.estimates:
            values["train_loss_nats"] = seen.estimates[-1][0].train_loss_nats
        steps_per_s = self._pace.steps_per_s(now, self.step)
        if steps_per_s is not None:
            values["steps_per_s"] = steps_per_s
        values |= {
            "step": self.step, "train_s": self._trainer.elapsed_s, "wall_s": self._clock.waited_s(),
        }  # fmt: skip
        measured = Measured(seen.steps, seen.estimates, seen.health)
        try:
            self._store.record(self.id, seen.steps, seen.estimates, seen.health, **values)
        except RegistryDamaged:
            self._copy.make_registry_anew()
            self._store.record(self.id, seen.steps, seen.estimates, seen.health, **values)
        self._copy.note(measured)
        seen.forget()
        self._pace.note(now, self.step)
        self._last_flush_at = now

    def _save(self, **values: Any) -> None:
        """Commit the rows, then write the checkpoint that they belong to."""
        self._flush()
        self._keeper.save()
        self._store.update_run(
            self.id, checkpoint_step=self.step, best_step=self._keeper.best_step,
            checkpoint_interval_s=self.checkpoint_interval_s, wall_s=self._clock.waited_s(),
            **values,
        )  # fmt: skip
        self._copy.write()
