"""The tables of the registry, and how a registry of an older version becomes one of this.

Knows SQL and nothing of runs, but for how events were once written. A registry is brought up to
date in one transaction: it is of the old version or of the new one, never of something between.
"""

from __future__ import annotations

import json
import sqlite3

from core.records.events import fields_of
from core.registry.old_events import happenings

SCHEMA_VERSION = 4

# Columns have the names that they were first given; `core.records.records` says by which fields the
# code knows them. `iter` counts steps, losses are in nats per character. Of a run, `val_loss` and
# `best_val_loss` are over the whole validation split, measured when it ends; in `estimates` both
# losses are over fixed samples of their splits, and `sample` is empty where nothing was written.
# `train_seconds` and `elapsed_s` are training alone, `wall_seconds` and `wall_s` the time waited.

_RUNS = """
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    corpus TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    config TEXT NOT NULL,
    status TEXT NOT NULL,
    iter INTEGER NOT NULL DEFAULT 0,
    n_params INTEGER NOT NULL,
    train_loss REAL,
    val_loss REAL,
    best_val_loss REAL,
    best_iter INTEGER NOT NULL DEFAULT 0,
    train_seconds REAL NOT NULL DEFAULT 0,
    steps_per_s REAL NOT NULL DEFAULT 0,
    checkpoint_iter INTEGER NOT NULL DEFAULT 0,
    checkpoint_interval_s REAL NOT NULL DEFAULT 5,
    message TEXT NOT NULL DEFAULT '',
    parent TEXT,
    parent_iter INTEGER,
    created_at REAL NOT NULL,
    sweep TEXT,
    deleted_at REAL,
    wall_seconds REAL
"""
_V1_COLUMNS = """
    id, name, model, corpus, fingerprint, config, status, iter, n_params, train_loss, val_loss,
    best_val_loss, best_iter, train_seconds, steps_per_s, checkpoint_iter, checkpoint_interval_s,
    message, parent, parent_iter, created_at
"""
_MEASURED = """
CREATE TABLE steps (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    loss REAL NOT NULL,
    learning_rate REAL NOT NULL,
    grad_norm REAL NOT NULL,
    elapsed_s REAL NOT NULL,
    wall_s REAL,
    PRIMARY KEY (run_id, iter)
) STRICT, WITHOUT ROWID;
CREATE TABLE estimates (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    train_loss REAL NOT NULL,
    val_loss REAL NOT NULL,
    sample TEXT NOT NULL,
    PRIMARY KEY (run_id, iter)
) STRICT, WITHOUT ROWID;
"""
_EVENTS = """
CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    kind TEXT NOT NULL,
    fields TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events (run_id, iter);
"""
"""`fields` are JSON."""
_ADDED_IN_V2 = """
CREATE UNIQUE INDEX names_in_use ON runs (name) WHERE deleted_at IS NULL;
CREATE TABLE health (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (run_id, name, iter)
) STRICT, WITHOUT ROWID;
CREATE TABLE sweeps (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    created_at REAL NOT NULL
) STRICT;
"""
_CREATE = f"CREATE TABLE runs ({_RUNS}) STRICT;{_MEASURED}{_EVENTS}{_ADDED_IN_V2}"
_UPGRADE_FROM_V1 = f"""
CREATE TABLE runs_v2 ({_RUNS}) STRICT;
INSERT INTO runs_v2 ({_V1_COLUMNS}) SELECT {_V1_COLUMNS} FROM runs ORDER BY rowid;
DROP TABLE runs;
ALTER TABLE runs_v2 RENAME TO runs;
{_ADDED_IN_V2}
"""
_WAITED_SINCE_V4 = {"runs": "wall_seconds", "steps": "wall_s"}
"""Time waited, which is not known of what was before."""


def bring_up_to_date(db: sqlite3.Connection) -> int:
    """Make the tables, or those of an older version into this one's, and return its version.

    A version that is neither 0 (empty), an older one, nor this one is left alone: the caller has to
    refuse it. The caller holds a lock that keeps other processes from doing the same at once.
    """
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if not 0 <= version < SCHEMA_VERSION:
        return version
    db.execute("PRAGMA foreign_keys=OFF")  # or dropping the old table would take its rows along
    db.execute("BEGIN EXCLUSIVE")
    if version == 0:
        _run(db, _CREATE)
    if version == 1:
        _run(db, _UPGRADE_FROM_V1)
    if version in (1, 2):
        _give_events_fields(db)
    if version:
        _add_time_waited(db)
    db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    db.execute("COMMIT")
    db.execute("PRAGMA foreign_keys=ON")
    return SCHEMA_VERSION


def _run(db: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        db.execute(statement)


def _add_time_waited(db: sqlite3.Connection) -> None:
    for table, column in _WAITED_SINCE_V4.items():
        there = {row["name"] for row in db.execute(f"PRAGMA table_info({table})")}
        if column not in there:  # a table may just have been made anew
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} REAL")


def _give_events_fields(db: sqlite3.Connection) -> None:
    """Until version 2 an event had a sentence; its fields are read out of it, once and for all."""
    old = db.execute("SELECT rowid, run_id, kind, detail FROM events ORDER BY at, rowid").fetchall()
    of_run: dict[str, list[sqlite3.Row]] = {}
    for row in old:
        of_run.setdefault(row["run_id"], []).append(row)
    fields: dict[int, str] = {}
    for theirs in of_run.values():
        read = happenings((row["kind"], row["detail"]) for row in theirs)
        fields |= {row["rowid"]: json.dumps(fields_of(what)) for row, what in zip(theirs, read)}
    _run(db, "DROP INDEX events_of_run; ALTER TABLE events RENAME TO events_v2;" + _EVENTS)
    db.executemany(
        "INSERT INTO events SELECT run_id, iter, kind, ?, at FROM events_v2 WHERE rowid = ?",
        [(fields[rowid], rowid) for rowid in sorted(fields)],
    )
    db.execute("DROP TABLE events_v2")
