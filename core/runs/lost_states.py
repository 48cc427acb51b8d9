"""Runs whose saved states are gone, though they had some: said, and never begun anew.

A run that was killed before its first checkpoint has none either, and simply begins again. What
tells the two apart is what the registry says of the run.
"""

from __future__ import annotations

from core.errors import CheckpointError
from core.records.events import RunFileOpened
from core.records.records import RunRecord
from core.registry import Store
from core.storage.checkpoint import CheckpointFolder
from core.storage.home import LabHome
from core.storage.snapshots import SnapshotFolder


def check_not_lost(home: LabHome, store: Store, record: RunRecord) -> None:
    """Raise CheckpointError where a run had a checkpoint and has none any more."""
    folder = home.run_folder(record.id)
    if record.step == 0 or CheckpointFolder(folder).steps() or not _had_one(store, record):
        return
    looks = SnapshotFolder(folder).steps()
    rest = "Its curve is kept"
    if looks:
        rest += f", and {len(looks)} snapshots to look at, up to step {looks[-1]:,} (--at)"
    raise CheckpointError(
        f"Run {record.name} reached step {record.step:,} and has no checkpoint any more, so there "
        f"is no model to write with, to measure or to go on from. {rest}.",
        f"Put its files back into {folder}, or train it anew under another name.",
    )


def _had_one(store: Store, record: RunRecord) -> bool:
    """Whether a run that has taken steps was ever saved, here or where its file was packed."""
    if record.checkpoint_step > 0:
        return True
    # As the registry has it: one that was killed is only read as interrupted.
    if store.run(record.id).status in ("finished", "interrupted"):
        return True
    return any(isinstance(event.what, RunFileOpened) for event in store.events(record.id))
