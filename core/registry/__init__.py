"""The registry: which runs there are, how they stand, and every number that they measured.

One SQLite file in WAL mode, so that readers in other threads and processes never wait for the one
who trains. Every public method is one transaction; a connection lives no longer than that. What is
here is rows; files of a run are `core.storage.checkpoint`'s, and who trains it is
`core.runs.active_run`'s.

`database` owns the file; each other module has the rows of one purpose, and `Store` is all of them.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.records.course import Course
from core.records.events import Event
from core.records.records import Estimate, HealthReading, RunRecord, StepRecord
from core.records.stored import stored_names
from core.registry.events import EventRows, changes_among, insert_events
from core.registry.measurements import MeasuredRows, insert_measured
from core.registry.old_events import happenings
from core.registry.runs import RunRows, insert_run
from core.registry.sweeps import SweepRows

__all__ = ["Store", "changes_among", "happenings"]


class Store(RunRows, MeasuredRows, EventRows, SweepRows):
    """The registry in one file. Safe to share between threads; other processes open their own."""

    def tokens_per_s(self, record: RunRecord) -> float | None:
        """Characters trained on per second of training; None before the first step.

        What a model learned before it was imported took no time here, and does not count.
        """
        if not record.train_s:
            return None
        course = Course(record.config, self.changes(record.id))
        n_tokens = course.n_tokens(self.first_step(record.id), record.step)
        return n_tokens / record.train_s

    def enter_run(
        self,
        record: RunRecord,
        steps: Iterable[StepRecord],
        estimates: Iterable[tuple[Estimate, str]],
        health: Iterable[HealthReading],
        events: Iterable[Event],
    ) -> None:
        """Enter a run that was made elsewhere, with all that it measured, in one commit.

        Raises RunError when there is a run of that name or id.
        """
        values = {name: getattr(record, name) for name in stored_names(RunRecord)}
        with self._transaction() as db:
            insert_run(db, values)
            insert_measured(db, record.id, steps, estimates, health)
            insert_events(db, record.id, events)
