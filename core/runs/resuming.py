"""What a run has left behind for whoever takes it up: settings, text, a state to go on from.

Reads and changes nothing. Asked under the run's lock, by `core.runs.active_run`.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import CheckpointError, RunError
from core.library.texts import CorpusLibrary
from core.records.records import RunRecord
from core.registry import Store
from core.runs.machine import machine_line, machines_since, say_other_machine
from core.settings.config import RunConfig
from core.storage.checkpoint import Checkpoint, CheckpointFolder
from core.storage.home import LabHome
from core.text.corpus import Corpus


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """A run as it is found."""

    record: RunRecord
    config: RunConfig
    """Its settings, with the new end if it gets one."""
    corpus: Corpus
    checkpoint: Checkpoint | None
    """The newest that can be read."""
    notes: list[str]
    """What should be said of it, in sentences."""
    machine: str
    """What it was computed on last; "" where nobody noted it."""
    elsewhere: str
    """A sentence where it is computed on something else now; see `core.runs.machine`."""

    @property
    def iter(self) -> int:
        """The step to go on from."""
        return self.checkpoint.iter if self.checkpoint else 0

    @property
    def restored(self) -> str:
        """What a resume brings back, and what it has to do again; then the notes."""
        lost = self.record.iter - self.iter
        what = "weights, optimiser, random numbers and place in the text are those of that step"
        if lost <= 0:
            first = f"Nothing was lost: {what}."
        else:
            same = "" if self.elsewhere else ", the same"
            first = f"{lost:,} steps after it are taken again{same}: {what}."
        return " ".join(filter(None, [first, self.elsewhere, *self.notes]))


def what_is_left(
    home: LabHome, store: Store, run_id: str, max_iters: int | None, n_processes: int
) -> Left:
    """Look at a run, which is to end at `max_iters` if that is not None.

    Raises RunError when it is past that end already, ConfigError when that is no end or its device
    is not there, CorpusError when its corpus is gone or changed, CheckpointError when it has
    checkpoints and none can be read.
    """
    record = store.run(run_id)
    config = record.config if max_iters is None else _longer(record, max_iters)
    corpus = CorpusLibrary(home).load_exactly(record.corpus, record.fingerprint)
    folder = CheckpointFolder(home.run_folder(run_id))
    checkpoint, damaged = folder.newest_readable()
    notes = [str(error).split(". ")[0] + "." for error in damaged]
    if checkpoint is None and damaged:
        raise CheckpointError(
            f"No checkpoint of run {record.name} can be read: {notes[0]} To train it again from "
            f"the start, delete the files in {folder.path(0).parent}."
        )
    if checkpoint is None and record.status != "queued":
        notes.append("There was no checkpoint yet, so it starts again from step 0.")
    machines = machines_since(store.events(run_id), checkpoint.iter if checkpoint else 0)
    now = machine_line(config, n_processes)
    return Left(
        record=record, config=config, corpus=corpus, checkpoint=checkpoint, notes=notes,
        machine=machines[-1] if machines else "", elsewhere=say_other_machine(now, machines),
    )  # fmt: skip


def _longer(record: RunRecord, max_iters: int) -> RunConfig:
    if max_iters < record.iter:
        raise RunError(
            f"Run {record.name} has already taken {record.iter:,} steps; max_iters must be at "
            f"least that, not {max_iters:,}."
        )
    return RunConfig.from_flat(record.config.flat() | {"max_iters": max_iters})
