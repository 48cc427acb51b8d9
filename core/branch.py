"""Rewind, change one thing, go on: a new run that shares its past with another.

A branch keeps its parent's seed and batches, so what differs afterwards is due to what was changed.
With nothing changed it equals its parent bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.checkpoint import CheckpointFolder
from core.config import RunConfig
from core.errors import ConfigError, RunError
from core.lab import Lab
from core.records import RunRecord
from core.run import ActiveRun
from core.snapshots import SnapshotFolder


def branch_run(
    lab: Lab,
    parent: RunRecord,
    at: int,
    changes: Mapping[str, Any],
    *,
    name: str | None = None,
    progress: Callable[[int], None] = lambda step: None,
) -> RunRecord:
    """Make a run that equals `parent` up to step `at` and differs in `changes` from there on.

    Starts from the parent's nearest checkpoint at or before that step and replays the steps between
    with the parent's settings, calling `progress` with the step reached. The new run is `paused`.

    Raises RunError for a step that the parent has not reached, ConfigError for settings that
    cannot be, CorpusError when the parent's corpus is gone.
    """
    if not 0 <= at <= parent.iter:
        raise RunError(
            f"Run {parent.name} has reached step {parent.iter:,}; a branch starts at a step from 0 "
            f"to {parent.iter:,}, not {at:,}."
        )
    config = RunConfig.from_flat(parent.config.flat() | dict(changes))
    if config.model != parent.config.model:
        raise ConfigError("A branch keeps its parent's model; how it is trained can change.")
    if config.train.max_iters < at:
        raise ConfigError(
            f"A branch from step {at:,} cannot end before it: max_iters must be at least {at:,}, "
            f"not {config.train.max_iters:,}."
        )
    child_id = lab.create_run(parent.config, lab.corpus_of(parent), name)
    try:
        _copy_past(lab, parent, child_id, at)
        run = ActiveRun(lab.home, lab.store, child_id)
        try:
            while run.iter < at:
                run.advance(0.5, until=at)
                progress(run.iter)
            run.pause()
        finally:
            run.close()
    except BaseException:  # Ctrl-C too: a branch that stopped half-way is no branch
        lab.delete_run(child_id)
        raise
    lab.store.update_run(child_id, config=config, parent=parent.id, parent_iter=at)
    lab.store.add_event(child_id, at, "branched", f"from {parent.name}")
    return lab.run(child_id)


def _copy_past(lab: Lab, parent: RunRecord, child_id: str, at: int) -> None:
    """Give the child the parent's newest checkpoint up to step `at`, and what led there."""
    from_folder, to_folder = lab.home.run_folder(parent.id), lab.home.run_folder(child_id)
    theirs, ours = CheckpointFolder(from_folder), CheckpointFolder(to_folder)
    usable = [step for step in theirs.iters() if step <= at]
    if not usable:
        return
    newest = theirs.load(usable[-1])
    if newest.best_iter in usable[:-1]:
        ours.save(theirs.load(newest.best_iter))
    ours.save(newest)
    lab.store.copy_past(parent.id, child_id, newest.iter)
    SnapshotFolder(from_folder).copy_to(SnapshotFolder(to_folder), until=newest.iter)
