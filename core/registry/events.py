"""Rows of what happened to runs, in the order in which it did; changes of settings are among it.

Each has its kind, and its fields as JSON: see `core.records.events`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from core.errors import ConfigError
from core.records.door import is_within, json_in, now_at
from core.records.events import (
    Changed,
    Event,
    Happening,
    PlainText,
    Race,
    fields_of,
    happening,
)
from core.records.records import Change
from core.registry.database import Database
from core.registry.runs import set_fields
from core.settings.config import RunConfig

_COLUMNS = "run_id, events.iter, kind, fields, at"
"""Of a query that joins the runs, which have a column `iter` too."""


class EventRows(Database):
    """What happened to the runs of a registry."""

    def add_event(self, run_id: str, step: int, what: Happening) -> None:
        """Note that something happened after `step`."""
        with self._transaction() as db:
            insert_events(db, run_id, [Event(step, what, now_at())])

    def add_change(self, run_id: str, change: Change, config: RunConfig) -> None:
        """Note a change of settings, and the settings that hold after all changes.

        Changes after it are forgotten: see `core.records.course`.
        """
        with self._transaction() as db:
            db.execute(
                "DELETE FROM events WHERE run_id = ? AND kind = 'changed' AND iter > ?",
                (run_id, change.step),
            )
            if change.settings:  # else it only takes back what was to come
                event = Event(change.step, Changed(change.settings), now_at())
                insert_events(db, run_id, [event])
            set_fields(db, run_id, {"config": config})

    def events(self, run_id: str) -> list[Event]:
        """What happened to a run, in the order in which it did."""
        rows = self._rows(
            # As they were entered: a clock may be set back.
            f"SELECT {_COLUMNS} FROM events WHERE run_id = ? ORDER BY rowid",
            run_id,
        )
        return [_event_of(row) for row in rows]

    def races(self) -> list[tuple[str, Race]]:
        """Every run of a race by its id, with its race, the newest first; the bin left out."""
        found = ((run_id, event.what) for run_id, event in reversed(self._every("race")))
        return [(run_id, race) for run_id, race in found if isinstance(race, Race)]

    def changes(self, run_id: str) -> list[Change]:
        """The settings of a run that were changed on its way, by step."""
        return changes_among(self.events(run_id))

    def all_changes(self) -> dict[str, list[Change]]:
        """The changes of every run that has any, by its id; the bin left out."""
        events: dict[str, list[Event]] = {}
        for run_id, event in self._every("changed"):
            events.setdefault(run_id, []).append(event)
        return {run_id: changes_among(theirs) for run_id, theirs in events.items()}

    def _every(self, kind: str) -> list[tuple[str, Event]]:
        """The events of a kind in their order, each with the id of its run; the bin left out."""
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM events JOIN runs ON id = run_id"
            " WHERE kind = ? AND deleted_at IS NULL ORDER BY at, events.rowid",
            kind,
        )
        return [(row["run_id"], _event_of(row)) for row in rows]


def changes_among(events: Iterable[Event]) -> list[Change]:
    """The events of a run that are changes of its settings, by step."""
    changes = [
        Change(event.step, event.what.settings)
        for event in events
        if isinstance(event.what, Changed)
    ]
    return sorted(changes, key=lambda change: change.step)


def insert_events(db: sqlite3.Connection, run_id: str, events: Iterable[Event]) -> None:
    """Enter what happened to a run, inside a transaction."""
    db.executemany(
        "INSERT INTO events (run_id, iter, kind, fields, at) VALUES (?, ?, ?, ?, ?)",
        [(run_id, e.step, e.kind, json.dumps(fields_of(e.what)), e.at) for e in events],
    )


def _event_of(row: sqlite3.Row) -> Event:
    """An event; of one that somebody spoiled, that there was one."""
    try:
        what = happening(row["kind"], json_in(row["fields"]))
    except (ValueError, KeyError, TypeError, AttributeError, ConfigError):
        what = PlainText(row["kind"], "what happened cannot be read any more")
    return Event(row["iter"], what, row["at"] if is_within("at", row["at"]) else 0.0)
