"""What a run has left behind for whoever takes it up: settings, text, a state to restore.

Reads and changes nothing. Asked under the run's lock, by `core.runs.active_run`, which hands the
checkpoint to `Trainer.load_state_dict`: that puts back weights, optimiser state, random numbers
and the place in the text.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from core.errors import CheckpointError, RunError
from core.library.texts import CorpusLibrary
from core.records.events import Machine, Resumed
from core.records.records import RunRecord
from core.registry import Store
from core.runs.lost_states import check_not_lost
from core.runs.machine import elsewhere, machine_here, machines_since
from core.settings.config import RunConfig
from core.storage.checkpoint import Checkpoint, CheckpointFolder
from core.storage.home import LabHome
from core.text.corpus import Corpus


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumePoint:
    """A run as it is found."""

    home: LabHome
    record: RunRecord
    config: RunConfig
    """Its settings, with the new end if it gets one."""
    corpus: Corpus
    checkpoint: Checkpoint | None
    """The newest that can be read."""
    machine: Machine | None
    """What it was computed on last; None where nobody noted it."""
    resumed: Resumed
    """What taking it up comes to: what is lost, and what is wrong."""
    found_at: float
    """When somebody began to look, by time.monotonic()."""

    @property
    def step(self) -> int:
        """The step to go on from."""
        return self.checkpoint.step if self.checkpoint else 0


def resume_point(
    home: LabHome, store: Store, run_id: str, max_iters: int | None, n_processes: int
) -> ResumePoint:
    """Look at a run, which is to end at `max_iters` if that is not None.

    Raises RunError when it is past that end already, ConfigError when that is no end or its device
    is not there, CorpusError when its corpus is gone or changed, CheckpointError when it has
    checkpoints and none can be read, or had some and they are gone.
    """
    found_at = time.monotonic()
    record = store.run(run_id)
    config = record.config if max_iters is None else _longer(record, max_iters)
    corpus = CorpusLibrary(home).load_exactly(record.corpus, record.fingerprint)
    folder = CheckpointFolder(home.run_folder(run_id), of=record)
    checkpoint, damaged = folder.newest_readable()
    if checkpoint is None and damaged:
        raise CheckpointError(
            f"No checkpoint of run {record.name} can be read: {damaged[0].trouble}",
            f"Put whole copies back into {folder.path(0).parent}, or train it anew under another "
            "name; its curve and its snapshots stay as they are.",
        )
    check_not_lost(home, store, record)
    step = checkpoint.step if checkpoint else 0
    machines = machines_since(store.events(run_id), step)
    resumed = Resumed(
        n_steps_again=max(record.step - step, 0),
        elsewhere=elsewhere(machine_here(config, n_processes), machines),
        from_start=checkpoint is None and record.status != "queued",
        damaged=(*_missing(record, folder), *(error.trouble for error in damaged)),
    )
    return ResumePoint(
        home=home, record=record, config=config, corpus=corpus, checkpoint=checkpoint,
        machine=machines[-1] if machines else None, resumed=resumed, found_at=found_at,
    )  # fmt: skip


def _missing(record: RunRecord, folder: CheckpointFolder) -> list[str]:
    """A sentence for the newest checkpoint where it is not there; those before it may be."""
    steps = folder.steps()
    if not steps or steps[-1] >= record.checkpoint_step:
        return []
    return [f"The checkpoint of step {record.checkpoint_step:,} is not there any more."]


def _longer(record: RunRecord, max_iters: int) -> RunConfig:
    if max_iters < record.step:
        raise RunError(
            f"Run {record.name} has already taken {record.step:,} steps; max_iters must be at "
            f"least that, not {max_iters:,}."
        )
    return RunConfig.from_flat(record.config.flat() | {"max_iters": max_iters})
