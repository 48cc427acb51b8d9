"""Runs whose saved states are damaged, or gone though they had some: said, and never begun anew.

A run that was killed before its first checkpoint has none either, and simply begins again. What
tells the two apart is what the registry says of the run.
"""

from __future__ import annotations

from core.errors import CheckpointError
from core.records.events import RunFileOpened
from core.records.records import LIVE, RunRecord
from core.registry import Store
from core.storage.checkpoint import CheckpointFolder, is_damaged
from core.storage.home import LabHome
from core.storage.snapshots import SnapshotFolder

MAX_NAMED = 3
"""So many damaged states are named by their steps."""


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


def lost_text(home: LabHome, store: Store, record: RunRecord) -> str:
    """What is gone or damaged of a run's saved states, in words; empty where nothing is."""
    try:
        check_not_lost(home, store, record)
    except CheckpointError as error:
        return str(error)
    if record.status in LIVE:  # its newest state is in memory, and its files come and go
        return ""
    folder = home.run_folder(record.id)
    checkpoints, looks = CheckpointFolder(folder), SnapshotFolder(folder)
    lost = [n for n in checkpoints.steps() if is_damaged(checkpoints.path(n))]
    lost_looks = [n for n in looks.steps() if is_damaged(looks.path(n))]
    if not lost and not lost_looks:
        return ""
    parts = (("checkpoint", lost), ("snapshot", lost_looks))
    states = " and ".join(f"the {what} of {_steps(steps)}" for what, steps in parts if steps)
    are = "is" if len(lost) + len(lost_looks) == 1 else "are"
    said = f"{states[0].upper()}{states[1:]} {are} damaged, and in no file that is shared."
    whole = [n for n in checkpoints.steps() if n not in lost]
    if lost and not whole:
        said += " No whole checkpoint is left to go on from; its curve is kept."
    elif lost and lost[-1] > whole[-1]:
        said += f" It would go on from step {whole[-1]:,}."
    return f"{said} Put a whole copy back into {folder}."


def look_elsewhere_text(home: LabHome, record: RunRecord, step: int) -> str:
    """What can be done about a checkpoint that is damaged: look at a snapshot, or put it back."""
    folder = home.run_folder(record.id)
    looks = SnapshotFolder(folder)
    whole = [n for n in looks.steps() if not is_damaged(looks.path(n))]
    put_back = f"Put a whole copy back into {folder}"
    if not whole:
        return f"{put_back}."
    nearest = min(whole, key=lambda n: abs(n - step))
    return f"{put_back}, or look at its snapshot of step {nearest:,} (--at {nearest})."


def _steps(steps: list[int]) -> str:
    named = ", ".join(f"{step:,}" for step in steps[:MAX_NAMED])
    more = f" and {len(steps) - MAX_NAMED} more" if len(steps) > MAX_NAMED else ""
    return f"step{'s' if len(steps) > 1 else ''} {named}{more}"


def _had_one(store: Store, record: RunRecord) -> bool:
    """Whether a run that has taken steps was ever saved, here or where its file was packed."""
    if record.checkpoint_step > 0:
        return True
    # As the registry has it: one that was killed is only read as interrupted.
    if store.run(record.id).status in ("finished", "interrupted"):
        return True
    return any(isinstance(event.what, RunFileOpened) for event in store.events(record.id))
