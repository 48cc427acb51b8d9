"""One run in hand: whoever holds an `ActiveRun` is the one who trains it.

Joins the trainer (arithmetic) to the store (rows) and the checkpoints (files) under the run's lock,
and decides when to estimate, when to save and what survives. Knows no thread: the service advances
several of these in turn, the command line one.

What is on the disk is always a state that could have been: rows are committed before the checkpoint
that implies them, and rows after the checkpoint are cut back on resume and come again, the same.
"""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from filelock import FileLock, Timeout
from torch import Tensor

from core.checkpoint import Checkpoint, CheckpointFolder, Snapshot
from core.config import RunConfig, SampleConfig
from core.course import Course
from core.errors import CheckpointError, RunError
from core.generation import write
from core.health import Reading, UpdateProbe, measure
from core.home import LabHome
from core.library import CorpusLibrary
from core.models import model_from_weights
from core.parallel import ALONE, World
from core.records import Change, RunRecord, RunStatus
from core.snapshots import BUDGET_MIB, SnapshotFolder, is_due
from core.store import Store
from core.trainer import Estimate, StepRecord, Trainer, evaluating, split_loss

FLUSH_EVERY_S = 0.5
PACE_FLUSHES = 30
"""The pace is taken over so many commits, so that a single estimate does not make it jump."""
MIN_CHECKPOINT_INTERVAL_S = 5.0
CHECKPOINT_COST_FACTOR = 100.0
"""A checkpoint is written no more often than this many times what writing one takes."""
SAMPLE_LENGTH = 120
HEALTH_WINDOWS = 4
"""On so many windows of the validation split signs of health are read, at every estimate."""


class ActiveRun:
    """Holds the lock of a run from construction to `close`."""

    def __init__(
        self,
        home: LabHome,
        store: Store,
        run_id: str,
        *,
        max_iters: int | None = None,
        settings: Mapping[str, Any] | None = None,
        snapshot_mib: float = BUDGET_MIB,
        world: World = ALONE,
    ) -> None:
        """Take a run up where its newest readable checkpoint left it.

        Args:
            max_iters: a new end for the run; None keeps the old one.
            settings: what to change from where it is taken up, as `change` does.
            snapshot_mib: what the snapshots of this run may take on the disk.
            world: the processes that train the run; this one leads them.

        Raises RunError when another process trains it, CorpusError when its corpus is gone or
        changed, CheckpointError when it has checkpoints and none can be read. Nothing has then
        changed.
        """
        self._store = store
        self._checkpoints = CheckpointFolder(home.run_folder(run_id))
        self._snapshots = SnapshotFolder(home.run_folder(run_id), snapshot_mib)
        self._lock = take_lock(home, store.run(run_id))
        try:
            self.record = store.run(run_id)  # as it stands now that nobody else can change it
            config = self.record.config if max_iters is None else self._longer(max_iters)
            self._corpus = CorpusLibrary(home).load_exactly(
                self.record.corpus, self.record.fingerprint
            )
            self._course = Course(config, store.changes(run_id))
            self.notes: list[str] = []
            checkpoint = self._newest_readable()
            step = checkpoint.iter if checkpoint else 0
            change = self._course.change(step, settings) if settings else None
            self._trainer = Trainer(self._course.at(step), self._corpus, world)
            if checkpoint:
                self._trainer.load_state_dict(checkpoint.trainer)
        except BaseException:
            self._lock.release()
            raise
        self.resumed_from = self._trainer.iter
        self._best_iter = checkpoint.best_iter if checkpoint else 0
        self._best_loss_nats = checkpoint.best_val_loss_nats if checkpoint else None
        self._unsaved_best: Checkpoint | None = None
        self._steps: list[StepRecord] = []
        self._estimates: list[tuple[Estimate, str]] = []
        self._health: list[tuple[int, str, float]] = []
        self._health_batch = self._first_windows(HEALTH_WINDOWS)
        self._checkpoint_cost_s = 0.0
        self._last_checkpoint_at = self._last_flush_at = time.monotonic()
        self._pace = deque([(self._last_flush_at, self._trainer.iter)], maxlen=PACE_FLUSHES)
        self._begin(config, from_scratch=checkpoint is None)
        if change:
            self._record_change(change)

    # --- what the holder may do -------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def iter(self) -> int:
        return self._trainer.iter

    @property
    def trained_s(self) -> float:
        """Training time so far, in seconds."""
        return self._trainer.elapsed_s

    @property
    def done(self) -> bool:
        """All steps have been taken; `finish` is what is left to do."""
        return self._trainer.iter >= self._trainer.config.train.max_iters

    def advance(self, budget_s: float, *, until: int | None = None) -> None:
        """Train for about `budget_s`, at least one step, at most to the last, or to step `until`.

        Raises DivergedError when the loss is no longer a number.
        """
        deadline = time.monotonic() + budget_s
        while not self.done and (until is None or self.iter < until):
            self._one_step()
            now = time.monotonic()
            if now - self._last_flush_at >= FLUSH_EVERY_S:
                self._flush()
            if now - self._last_checkpoint_at >= self.checkpoint_interval_s:
                self._save()
            if now >= deadline:
                return

    def change(self, settings: Mapping[str, Any]) -> None:
        """Go on with other settings from the next step on.

        Recorded, so that a resume and a branch go the same way. Raises ConfigError for settings
        that cannot be, and then nothing has changed.
        """
        change = self._course.change(self.iter, settings)
        if change:
            self._flush()
            self._record_change(change)

    def _record_change(self, change: Change) -> None:
        self._store.add_change(self.id, change, self._course.end)

    def single_step(self) -> None:
        """One step, at once visible to all readers."""
        if not self.done:
            self._one_step()
        self._flush(status="paused")

    def set_status(self, status: RunStatus) -> None:
        """Say how the run stands, for all readers."""
        self._pace.clear()  # a pause is not a slow step
        self._pace.append((time.monotonic(), self._trainer.iter))
        self._flush(status=status)

    def pause(self) -> None:
        """Save everything, so that nothing is at risk, and stay ready to go on."""
        self._save(status="paused")

    def finish(self) -> None:
        """Measure, save, and end the run, whether or not all steps were taken."""
        if self._last_estimate != self._trainer.iter:
            self._estimate()
        val_loss = self._trainer.evaluate()
        best_val_loss = self._evaluate_best(val_loss)
        self._save(status="finished", val_loss=val_loss, best_val_loss=best_val_loss)
        self._store.add_event(self.id, self._trainer.iter, "finished")

    def interrupt(self) -> None:
        """Save everything and leave the run to be resumed another time."""
        self._save(status="interrupted")

    def fail(self, message: str) -> None:
        """End the run as failed; its last good checkpoint stays."""
        self._flush(status="failed", message=message)
        self._store.add_event(self.id, self._trainer.iter, "failed", message)

    def close(self) -> None:
        """Give the run back, and send the followers home. Idempotent."""
        if self._lock.is_locked:
            self._trainer.world.announce_end()
        self._lock.release()

    @property
    def checkpoint_interval_s(self) -> float:
        """At most this much training is lost when the process is killed."""
        return max(MIN_CHECKPOINT_INTERVAL_S, CHECKPOINT_COST_FACTOR * self._checkpoint_cost_s)

    # --- taking up --------------------------------------------------------------------------------

    def _begin(self, config: RunConfig, *, from_scratch: bool) -> None:
        step = self._trainer.iter
        self._store.rewind(self.id, -1 if from_scratch else step)
        self._snapshots.forget_after(step)
        self._checkpoints.forget_after(step)
        before = self._store.estimates(self.id)
        self._last_estimate = before[-1].iter if before else -1
        if self.record.status != "queued":
            self._store.add_event(
                self.id, step, "resumed", " ".join([self._restored(), *self.notes])
            )
        if config != self.record.config:
            old, new = self.record.max_iters, config.train.max_iters
            self._store.add_event(self.id, step, "max_iters", f"{old} -> {new}")
        self._store.update_run(
            self.id, config=config, status="running", iter=step,
            train_loss=before[-1].train_loss_nats if before else None, val_loss=None,
            best_val_loss=None, train_seconds=self._trainer.elapsed_s, checkpoint_iter=step,
            message=" ".join(self.notes),
        )  # fmt: skip

    def _restored(self) -> str:
        """What a resume brought back, and what it has to do again."""
        lost = self.record.iter - self._trainer.iter
        what = "weights, optimiser, random numbers and place in the text are those of that step"
        if lost <= 0:
            return f"Nothing was lost: {what}."
        return f"{lost:,} steps after it are taken again, the same: {what}."

    def _longer(self, max_iters: int) -> RunConfig:
        values = self.record.config.flat() | {"max_iters": max_iters}
        if max_iters < self.record.iter:
            raise RunError(
                f"Run {self.record.name} has already taken {self.record.iter:,} steps; max_iters "
                f"must be at least that, not {max_iters:,}."
            )
        return RunConfig.from_flat(values)

    def _newest_readable(self) -> Checkpoint | None:
        """The checkpoint to go on from; a damaged one is passed over, and said."""
        steps = self._checkpoints.iters()
        for step in reversed(steps):
            try:
                return self._checkpoints.load(step)
            except CheckpointError as error:
                self.notes.append(str(error).split(". ")[0] + ".")
        if steps:
            raise CheckpointError(
                f"No checkpoint of run {self.record.name} can be read: {self.notes[0]} "
                f"To train it again from the start, delete the files in "
                f"{self._checkpoints.path(0).parent}."
            )
        if self.record.status != "queued":
            self.notes.append("There was no checkpoint yet, so it starts again from step 0.")
        return None

    # --- training ---------------------------------------------------------------------------------

    def _one_step(self) -> None:
        if self._last_estimate < 0:
            self._estimate()  # what the model knew, and wrote, before it had learned anything
            self._flush()
        if self._course.turns_at(self.iter):
            self._trainer.change(self._course.at(self.iter))
        train = self._trainer.config.train
        ends_in_estimate = self.iter + 1 == train.max_iters or not (
            (self.iter + 1) % train.eval_interval
        )
        probe = UpdateProbe(self._trainer.model) if ends_in_estimate else None
        self._steps.append(self._trainer.step())
        if probe:
            self._note_health(probe.readings())
            self._estimate()
        elif is_due(self._trainer.iter):
            self._take_snapshot()

    def _note_health(self, readings: Iterable[Reading]) -> None:
        """A run that diverges ends with its losses; what broke inside it has no number."""
        self._health += [(self.iter, r.name, r.value) for r in readings if math.isfinite(r.value)]

    def _estimate(self) -> None:
        estimate = self._trainer.estimate()
        self._note_health(measure(self._trainer.model, self._health_batch))
        self._estimates.append((estimate, self._write_sample()))
        self._last_estimate = estimate.iter
        if self._best_loss_nats is None or estimate.val_loss_nats < self._best_loss_nats:
            self._best_loss_nats = estimate.val_loss_nats
            self._best_iter = estimate.iter
            self._unsaved_best = copy.deepcopy(self._state()) if estimate.iter else None
        self._take_snapshot()

    def _first_windows(self, at_most: int) -> Tensor:
        """The first windows (B, T) of the validation split: the same for every look inside."""
        T, val = self._trainer.config.model.block_size, self._corpus.val
        n = min(at_most, len(val) // T)
        return val[: n * T].view(n, T).to(self._trainer.device)

    def _take_snapshot(self) -> None:
        self._snapshots.save(
            Snapshot(
                config=self._trainer.config.flat(),
                vocabulary=self._corpus.vocabulary.characters,
                iter=self._trainer.iter,
                weights=self._trainer.model.state_dict(),
            )
        )

    def _write_sample(self) -> str:
        config = SampleConfig(
            max_new_tokens=SAMPLE_LENGTH, seed=self._trainer.config.train.seed, temperature=0.8
        )
        with evaluating(self._trainer.model):
            return write(self._trainer.model, self._corpus.vocabulary, "", config)

    def _evaluate_best(self, val_loss: float) -> float:
        """The validation loss of the best checkpoint; `val_loss` where there is only the last."""
        if self._best_iter == self._trainer.iter:
            return val_loss
        try:
            best = self._unsaved_best or self._checkpoints.load(self._best_iter)
        except CheckpointError:  # none, or a damaged one: no reason not to end the run
            return val_loss
        device = self._trainer.device
        model = model_from_weights(self._trainer.config.model, best.trainer["model"]).to(device)
        return split_loss(model, self._corpus.val.to(device))

    # --- writing ----------------------------------------------------------------------------------

    def _state(self) -> Checkpoint:
        return Checkpoint(
            config=self._trainer.config.flat(),
            vocabulary=self._corpus.vocabulary.characters,
            fingerprint=self._corpus.fingerprint,
            trainer=self._trainer.state_dict(),
            best_iter=self._best_iter,
            best_val_loss_nats=self._best_loss_nats,
        )

    def _flush(self, **values: Any) -> None:
        """Commit what was measured since the last time."""
        now = time.monotonic()
        if self._estimates:
            values["train_loss"] = self._estimates[-1][0].train_loss_nats
        since, from_iter = self._pace[0]
        if now > since and self._trainer.iter > from_iter:
            values["steps_per_s"] = (self._trainer.iter - from_iter) / (now - since)
        self._store.record(
            self.id, self._steps, self._estimates, self._health,
            iter=self._trainer.iter, train_seconds=self._trainer.elapsed_s, **values,
        )  # fmt: skip
        self._steps, self._estimates, self._health = [], [], []
        self._pace.append((now, self._trainer.iter))
        self._last_flush_at = now

    def _save(self, **values: Any) -> None:
        """Commit the rows, write the checkpoint they belong to, drop those no longer needed."""
        self._flush()
        started = time.monotonic()
        if self._unsaved_best and self._unsaved_best.iter != self._trainer.iter:
            self._checkpoints.save(self._unsaved_best)
        self._unsaved_best = None
        self._checkpoints.save(self._state())
        self._checkpoints.thin({self._trainer.iter, self._best_iter})
        self._last_checkpoint_at = time.monotonic()
        self._checkpoint_cost_s = self._last_checkpoint_at - started
        self._store.update_run(
            self.id, checkpoint_iter=self._trainer.iter, best_iter=self._best_iter,
            checkpoint_interval_s=self.checkpoint_interval_s, **values,
        )  # fmt: skip


def take_lock(home: LabHome, record: RunRecord) -> FileLock:
    """The lock of a run, held. Raises RunError when somebody else holds it."""
    folder = home.run_folder(record.id)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(
        folder / "lock", thread_local=False
    )  # a page takes it, the worker gives it back
    try:
        lock.acquire(timeout=2.0)  # a reader who asks whether it is free holds it for a moment
    except Timeout:
        raise RunError(
            f"Run {record.name} is being trained by another process or page of this lab; it can "
            "be watched here, and changed there."
        ) from None
    return lock


def is_held(home: LabHome, run_id: str) -> bool:
    """Whether somebody, here or in another process, holds the run."""
    path = home.run_folder(run_id) / "lock"
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
