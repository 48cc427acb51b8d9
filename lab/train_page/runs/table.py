"""The runs there are as rows of a table. Pure; no screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from core.records.course import Course
from core.records.records import Change, RunRecord, run_before_of_model
from core.settings.differences import Difference, reading_text, settings_diff
from lab.wording import words
from lab.wording.labels import change_text

Changed = Mapping[str, Sequence[Change]]
"""Changes of settings by the id of the run on whose way they were made; no key, no change."""
MIB = 2**20
MAX_CHANGES = 4
"""Differences that are named; of more, how many there are."""
LOSS, PARAMETERS = "Best loss (nats)", "Parameters"
TIME, WAITED = "Training time", "Time waited"
DISK, CHANGED = "Disk (MiB)", "Changed since the run before"
"""Headings of columns that are not plain text."""


# --- the table ------------------------------------------------------------------------------------


def table(
    shown: Sequence[RunRecord],
    runs: Sequence[RunRecord],
    sizes_bytes: Mapping[str, int],
    changed: Changed,
) -> dict[str, list[Any]]:
    """Columns under their headings, a row for each of `shown`.

    Args:
        runs: all there are, the newest first, among which the run before each is found.
        sizes_bytes: what each run takes on the disk, by id; one that is not there is left empty.
        changed: what was changed on the way of each run.
    """
    return {
        "Name": [run.name for run in shown],
        "Model": [run.model for run in shown],
        "Corpus": [run.corpus for run in shown],
        "Status": [words.STATUS[run.status] for run in shown],
        "Step": [f"{run.step:,} of {run.max_iters:,}" for run in shown],
        LOSS: [run.comparable_loss_nats for run in shown],
        TIME: [_time(run.train_s) for run in shown],
        WAITED: [_time(run.wall_s) for run in shown],
        PARAMETERS: [run.n_params for run in shown],
        DISK: [_mib(sizes_bytes.get(run.id)) for run in shown],
        CHANGED: [changes(run, runs, changed) for run in shown],
    }


def changes(run: RunRecord, runs: Sequence[RunRecord], changed: Changed) -> str:
    """What was set differently than in the run before it of the same model on the same text.

    That is at the start and on the way; of a branch, what is different from where it left the run
    that it came from. Empty where there is no run before it.
    """
    before = run_before_of_model(runs, run)
    if before is None:
        return ""
    parent = before if before.id == run.parent else None
    start = run.parent_step or 0 if parent else 0
    theirs, ours = (changed.get(each.id, ()) for each in (before, run))
    at_start = (Course(before.config, theirs).at(start), Course(run.config, ours).at(start))
    said = [change_text(d) for d in settings_diff(*at_start)]
    own, their_own = (
        _later_changes(run, ours, theirs, start),
        _later_changes(before, theirs, ours, start),
    )
    said += [*own, *(f"in {before.name} {each}" for each in their_own)]
    if len(said) > MAX_CHANGES:
        said = [*said[:MAX_CHANGES], f"and {len(said) - MAX_CHANGES} more"]
    if reading := reading_text(before.config, run.config):
        said.append(f"so {reading}")
    what = (", ".join(said) or "nothing").replace("->", "→")
    return f"branch of {parent.name} at step {run.parent_step:,}: {what}" if parent else what


def _later_changes(
    run: RunRecord, changes: Sequence[Change], others: Sequence[Change], start: int
) -> list[str]:
    """What was changed in a run after a step and not in another, each by its first setting."""
    course = Course(run.config, changes)
    own = [change for change in changes if change.step > start and change not in others]
    told = [(next(iter(course.telling(change).items())), change.step) for change in own]
    return [
        f"{change_text(Difference(name, *values))} at step {step:,}"
        for (name, values), step in told
    ]


def _time(seconds: float | None) -> timedelta | None:
    """A time that sorts as one, rounded to what is worth reading."""
    if seconds is None:
        return None
    return timedelta(seconds=round(seconds, 0 if seconds >= 1 else 2))


def _mib(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else size_bytes / MIB
