"""What runs take on the disk, and how they take less.

A run needs its last checkpoint to go on and its best one to be looked at. All else that it keeps is
for convenience: snapshots show how it came to be, and the checkpoints between are where a branch
can start without a long replay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.records.records import RunRecord
from core.runs.lab import Lab
from core.storage.checkpoint import CheckpointFolder
from core.storage.locks import locked
from core.storage.snapshots import SnapshotFolder


@dataclass(frozen=True, slots=True)
class RunDisk:
    """What one run takes; its rows in the registry, which are small, aside."""

    run: RunRecord
    size_bytes: int
    spare_bytes: int
    """The part that `clean_run` would free."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """What all runs take, those in the bin too."""

    runs: tuple[RunDisk, ...]

    @property
    def total_bytes(self) -> int:
        return sum(run.size_bytes for run in self.runs)

    @property
    def bin_bytes(self) -> int:
        return sum(run.size_bytes for run in self.runs if run.run.deleted_at is not None)

    @property
    def spare_bytes(self) -> int:
        """What cleaning every run outside the bin would free."""
        return sum(run.spare_bytes for run in self.runs if run.run.deleted_at is None)


def disk_use(lab: Lab) -> DiskUse:
    """Look at the files of every run, the newest first, then of those in the bin."""
    return DiskUse(tuple(_use_of(lab, run) for run in [*lab.runs(), *lab.deleted_runs()]))


def clean_run(lab: Lab, id_or_name: str) -> int:
    """Delete what a run needs neither to go on nor to be looked at. Returns the bytes freed.

    Where the last checkpoint is damaged, those that a resume could fall back on stay. Raises
    RunError when there is no such run, or while it is being trained.
    """
    record = lab.run(id_or_name)
    folder = lab.home.run_folder(record.id)
    with locked(lab.home, record):
        newest, _ = CheckpointFolder(folder, of=record).newest_readable()
        spare = _spare_files(folder, newest.best_step, newest.step) if newest else []
        freed = _size_bytes(spare)
        for path in spare:
            path.unlink(missing_ok=True)
    return freed


def _use_of(lab: Lab, run: RunRecord) -> RunDisk:
    folder = lab.home.run_folder(run.id)
    steps = CheckpointFolder(folder).steps()
    spare = _spare_files(folder, run.best_step, steps[-1]) if steps else []  # as in `clean_run`
    every = list(folder.iterdir()) if folder.is_dir() else []
    return RunDisk(run, _size_bytes(every), _size_bytes(spare))


def _spare_files(folder: Path, best: int, newest: int) -> list[Path]:
    """Snapshots, checkpoints before the newest but for the best, and what a killed writer left."""
    checkpoints, snapshots = CheckpointFolder(folder), SnapshotFolder(folder)
    between = [step for step in checkpoints.steps() if step < newest and step != best]
    return [
        *(checkpoints.path(step) for step in between),
        *(snapshots.path(step) for step in snapshots.steps()),
        *folder.glob(".*.tmp"),
    ]


def _size_bytes(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # whoever trains it has just thinned it out
            continue
    return total
