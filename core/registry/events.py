"""Rows of what happened to runs, in the order in which it did; changes of settings are among it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable

from core.records.records import CHANGED, Change, Event
from core.registry.database import Database
from core.registry.runs import set_columns
from core.settings.config import RunConfig


class EventRows(Database):
    """What happened to the runs of a registry."""

    def add_event(self, run_id: str, step: int, kind: str, detail: str = "") -> None:
        """Note that something happened after `step`."""
        with self._transaction() as db:
            insert_events(db, run_id, [Event(step, kind, detail, time.time())])

    def add_change(self, run_id: str, change: Change, config: RunConfig) -> None:
        """Note a change of settings, and the settings that hold after all changes.

        Changes after it are forgotten: see `core.records.course`.
        """
        detail = json.dumps(change.settings)
        with self._transaction() as db:
            db.execute(
                "DELETE FROM events WHERE run_id = ? AND kind = ? AND iter > ?",
                (run_id, CHANGED, change.iter),
            )
            if change.settings:  # else it only takes back what was to come
                insert_events(db, run_id, [Event(change.iter, CHANGED, detail, time.time())])
            set_columns(db, run_id, {"config": config})

    def events(self, run_id: str) -> list[Event]:
        """What happened to a run, in the order in which it did."""
        rows = self._rows(
            "SELECT iter, kind, detail, at FROM events WHERE run_id = ? ORDER BY at, rowid", run_id
        )
        return [Event(*row) for row in rows]

    def events_of(self, kind: str) -> list[tuple[str, Event]]:
        """Every event of a kind with the id of its run, the newest first; the bin left out."""
        rows = self._rows(
            "SELECT run_id, e.iter, kind, detail, at FROM events e JOIN runs ON id = run_id"
            " WHERE kind = ? AND deleted_at IS NULL ORDER BY at DESC, e.rowid DESC",
            kind,
        )
        return [(row[0], Event(*row[1:])) for row in rows]

    def changes(self, run_id: str) -> list[Change]:
        """The settings of a run that were changed on its way, by step."""
        return changes_among(self.events(run_id))

    def all_changes(self) -> dict[str, list[Change]]:
        """The changes of every run that has any, by its id; the bin left out."""
        events: dict[str, list[Event]] = {}
        for run_id, event in reversed(self.events_of(CHANGED)):
            events.setdefault(run_id, []).append(event)
        return {run_id: changes_among(theirs) for run_id, theirs in events.items()}


def changes_among(events: Iterable[Event]) -> list[Change]:
    """The events of a run that are changes of its settings, by step."""
    changes = [
        Change(event.iter, {name: (old, new) for name, (old, new) in pairs.items()})
        for event in events
        if event.kind == CHANGED
        for pairs in [json.loads(event.detail)]
    ]
    return sorted(changes, key=lambda change: change.iter)


def insert_events(db: sqlite3.Connection, run_id: str, events: Iterable[Event]) -> None:
    """Enter what happened to a run, inside a transaction."""
    db.executemany(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
        [(run_id, e.iter, e.kind, e.detail, e.at) for e in events],
    )
