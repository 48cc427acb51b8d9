"""Rewind, change one thing, go on: a new run that shares its past with another.

A branch keeps its parent's seed and batches, so what differs afterwards is due to what was changed.
With nothing changed it equals its parent bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from core.errors import CheckpointError, ConfigError, RunError
from core.records.course import Course
from core.records.events import Branched, Machine
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.keeping import keep_all_of
from core.runs.lab import Lab
from core.settings.config import RunConfig
from core.storage.checkpoint import Checkpoint, CheckpointFolder
from core.storage.snapshots import SnapshotFolder


def enter_branch(
    lab: Lab, parent: RunRecord, at: int, changes: Mapping[str, Any], name: str | None = None
) -> str:
    """Enter a run that equals `parent` up to step `at` and differs in `changes` from there on.

    It has the parent's nearest checkpoint at or before that step: whoever trains it takes the steps
    between again, with the parent's settings. Another learning rate takes along what follows it;
    see `core.records.course`. Returns its id.

    What `changes` names holds from there on, also where it held there before, and nothing comes
    that was changed in the parent later. Where it is empty, or names no more than another end, that
    comes too: the branch goes the way of its parent.

    Raises RunError for a step that the parent has not reached, ConfigError for a step from before
    its model was imported or for settings that cannot be, CorpusError when the parent's corpus is
    gone, CheckpointError when that checkpoint is damaged. Nothing is then left behind.
    """
    if not 0 <= at <= parent.step:
        raise RunError(
            f"Run {parent.name} has reached step {parent.step:,}; a branch starts at a step from 0 "
            f"to {parent.step:,}, not {at:,}."
        )
    _check_can_be_reached(lab, parent, at)
    settings = dict(changes)
    max_iters = settings.pop("max_iters", parent.max_iters)
    if max_iters < at:
        raise ConfigError(
            f"A branch from step {at:,} cannot end before it: max_iters must be at least {at:,}, "
            f"not {max_iters:,}."
        )
    theirs = lab.store.changes(parent.id)
    course = Course(RunConfig.from_flat(parent.config.flat() | {"max_iters": max_iters}), theirs)
    if settings:
        course.change(at, settings)
    without_later_changes = any(change not in course.changes for change in theirs)
    child_id = lab.create_run(course.end, lab.corpus_of(parent), name)
    try:
        for each in course.changes:
            lab.store.add_change(child_id, each, course.end)
        lab.store.update_run(child_id, parent=parent.id, parent_step=at)
        n_steps_again = at - _copy_past(lab, parent, child_id, at)
        branched = Branched(parent.name, without_later_changes, n_steps_again)
        lab.store.add_event(child_id, at, branched)
        keep_all_of(lab.home, lab.store, lab.store.run(child_id))
    except BaseException:  # Ctrl-C too: a branch without its past is no branch
        lab.delete_run(child_id)
        raise
    return child_id


def branch_run(
    lab: Lab,
    parent: RunRecord,
    at: int,
    changes: Mapping[str, Any],
    *,
    name: str | None = None,
    progress: Callable[[int], None] = lambda step: None,
) -> RunRecord:
    """Enter a branch, as `enter_branch` does, and bring it to step `at`, where it is `paused`.

    Calls `progress` with the step reached.
    """
    child_id = enter_branch(lab, parent, at, changes, name)
    try:
        run = ActiveRun.open(lab.home, lab.store, child_id)
        try:
            while run.step < at:
                run.advance(0.5, until=at)
                progress(run.step)
            run.pause()
        finally:
            run.close()
    except BaseException:
        lab.delete_run(child_id)
        raise
    return lab.run(child_id)


def _check_can_be_reached(lab: Lab, parent: RunRecord, at: int) -> None:
    """Raise ConfigError where neither a checkpoint nor the parent's first step leads to `at`."""
    imported_at = lab.store.first_step(parent.id)
    kept = CheckpointFolder(lab.home.run_folder(parent.id)).steps()
    if imported_at == 0 or any(step <= at for step in kept):
        return
    there = (
        f"at step {kept[0]:,} or later, not {at:,}" if kept else "from a checkpoint, and has none"
    )
    raise ConfigError(
        f"The model of run {parent.name} was imported at step {imported_at:,}; steps before that "
        f"cannot be taken again. A branch of it starts {there}."
    )


def _copy_past(lab: Lab, parent: RunRecord, child_id: str, at: int) -> int:
    """Give the child the parent's newest checkpoint up to step `at`, and what led there.

    Returns the step of that checkpoint, 0 where there is none.
    """
    from_folder, to_folder = lab.home.run_folder(parent.id), lab.home.run_folder(child_id)
    theirs, ours = CheckpointFolder(from_folder, of=parent), CheckpointFolder(to_folder)
    newest, damaged = _newest_until(theirs, at)
    if newest is None:
        _check_can_be_reached(lab, parent, at)
        if damaged and lab.store.first_step(parent.id) > 0:  # imported: no first step leads there
            raise damaged
        return 0
    if 0 < newest.best_step < newest.step:
        with suppress(CheckpointError):  # gone or damaged; the child can do without
            ours.save(theirs.load(newest.best_step))
    ours.save(newest)
    lab.store.copy_past(parent.id, child_id, newest.step)
    waited_s = next((s.wall_s for s in reversed(lab.store.steps(child_id)) if s.wall_s), None)
    lab.store.update_run(
        child_id, step=newest.step, checkpoint_step=newest.step,
        train_s=newest.trainer["elapsed_s"], wall_s=waited_s,
    )  # fmt: skip
    for event in lab.store.events(parent.id):
        if isinstance(event.what, Machine) and event.step < newest.step:
            lab.store.add_event(child_id, event.step, event.what)
    SnapshotFolder(from_folder).copy_to(SnapshotFolder(to_folder), until=newest.step)
    return newest.step


def _newest_until(
    folder: CheckpointFolder, at: int
) -> tuple[Checkpoint | None, CheckpointError | None]:
    """The newest checkpoint up to a step that can be read, and what is wrong with one after it.

    Whoever trains the run may delete some meanwhile. One that is damaged costs no more than a
    longer way: from an older one the same steps are taken again, bit for bit.
    """
    damaged = None
    for step in reversed([step for step in folder.steps() if step <= at]):
        try:
            return folder.load(step), damaged
        except CheckpointError as error:
            if folder.path(step).exists():
                damaged = error
    return None, damaged
