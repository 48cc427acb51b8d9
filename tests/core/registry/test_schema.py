"""A registry of the first version becomes one of this with all its rows, or stays what it was."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from core.errors import RunError
from core.records.events import Event, Finished
from core.records.records import Estimate, Sample, StepRecord
from core.records.stored import stored
from core.registry import Store, schema
from core.registry.schema import SCHEMA_VERSION
from tests.helpers import PATIENCE_S, nursery, small_config

V1 = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
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
    created_at REAL NOT NULL
) STRICT;
CREATE TABLE steps (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    loss REAL NOT NULL,
    learning_rate REAL NOT NULL,
    grad_norm REAL NOT NULL,
    elapsed_s REAL NOT NULL,
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
CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    iter INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events (run_id, iter);
"""
"""The tables as the first version of the lab made them."""
RUNS = {"r2": "owl", "r1": "fox", "r3": "hen"}
"""Ids to names, in the order in which they were entered."""


def run_row(run_id: str) -> dict[str, Any]:
    """A row of the first version with something in every column."""
    config = small_config("bigram", 5)
    return {
        "id": run_id, "name": RUNS[run_id], "model": "bigram", "corpus": "tiny",
        "fingerprint": "f" * 64, "config": json.dumps(config.flat()), "status": "finished",
        "iter": 40, "n_params": 25, "train_loss": 1.1, "val_loss": 1.2, "best_val_loss": 1.15,
        "best_iter": 30, "train_seconds": 0.1 + 0.2, "steps_per_s": 99.5, "checkpoint_iter": 40,
        "checkpoint_interval_s": 5.5, "message": "all's well", "parent": "r2", "parent_iter": 7,
        "created_at": 1000.25,
    }  # fmt: skip


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A registry of the first version with three runs and all that they measured."""
    path = tmp_path / "lab.sqlite"
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(V1)
    for run_id in RUNS:
        row = run_row(run_id)
        db.execute(
            f"INSERT INTO runs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )
        for i in range(1, 41):
            db.execute("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?)", (run_id, i, *measured(i)))
        db.execute("INSERT INTO estimates VALUES (?, 40, 1.1, 1.2, 'so it wrote')", (run_id,))
        db.execute("INSERT INTO events VALUES (?, 40, 'finished', '', 1001.5)", (run_id,))
    db.execute("PRAGMA user_version=1")
    db.commit()
    db.close()
    return path


def measured(i: int) -> tuple[float, float, float, float]:
    return 3.0 / i, 0.01 * i, 0.5, 0.1 * i


def rows_of(path: Path, table: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(path)
    rows = db.execute(f"SELECT * FROM {table}").fetchall()
    db.close()
    return rows


def shape_of(path: Path) -> dict[str, Any]:
    """Every table with its columns, keys and indices, however its SQL was written."""
    db = sqlite3.connect(path)
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    shape: dict[str, Any] = {
        name: [
            db.execute(f"PRAGMA {what}({name})").fetchall()
            for what in ("table_info", "foreign_key_list", "index_list")
        ]
        for (name,) in tables
    }
    shape["version"] = db.execute("PRAGMA user_version").fetchone()
    shape["strict"] = sorted(db.execute("SELECT name, wr, strict FROM pragma_table_list"))
    db.close()
    return shape


def test_an_old_registry_keeps_every_row(old: Path) -> None:
    before = {table: rows_of(old, table) for table in ("steps", "estimates")}
    store = Store(old)
    before["steps"] = [(*row, None) for row in before["steps"]]  # nobody noted the time waited
    assert {table: rows_of(old, table) for table in before} == before
    assert [record.id for record in store.runs()] == ["r3", "r1", "r2"]  # the last entered first
    for run_id in RUNS:
        record, row = store.run(run_id), run_row(run_id)
        assert record.config == small_config("bigram", 5)
        kept = stored(record)
        assert {n: kept[n] for n in row if n != "config"} == {
            n: v for n, v in row.items() if n != "config"
        }
        assert (record.sweep, record.deleted_at) == (None, None)
        assert store.steps(run_id) == [StepRecord(i, *measured(i)) for i in range(1, 41)]
        assert store.estimates(run_id) == [Estimate(40, 1.1, 1.2)]
        assert store.samples(run_id) == [Sample(40, "so it wrote")]
        assert store.events(run_id) == [Event(40, Finished(), 1001.5)]


def test_an_old_registry_becomes_the_same_as_a_new_one(old: Path, tmp_path: Path) -> None:
    Store(old)
    new = tmp_path / "new.sqlite"
    Store(new)
    assert shape_of(old) == shape_of(new)


def test_what_belongs_to_a_run_still_does(old: Path) -> None:
    store = Store(old)
    store.delete_run("r1")
    for table in ("steps", "estimates", "events"):
        assert {row[0] for row in rows_of(old, table)} == {"r2", "r3"}
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        store.record("r1", [StepRecord(1, *measured(1))])


def test_a_name_is_free_once_its_run_is_in_the_bin(old: Path) -> None:
    store = Store(old)
    with pytest.raises(RunError, match="already a run 'owl'"):
        store.rename_run("r1", "owl")
    store.update_run("r2", deleted_at=5.0)
    store.rename_run("r1", "owl")
    assert store.run("owl").id == "r1" and store.run("owl", deleted=True).id == "r2"
    with pytest.raises(sqlite3.IntegrityError):
        store.update_run("r2", deleted_at=None)


def test_an_upgrade_that_breaks_off_changes_nothing(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shape_of(old), rows_of(old, "runs"), rows_of(old, "steps")
    broken = schema._UPGRADE_FROM_V1 + "; CREATE TABLE nonsense"
    monkeypatch.setattr(schema, "_UPGRADE_FROM_V1", broken)
    with pytest.raises(RunError, match="cannot be read as the lab's registry"):
        Store(old)
    assert (shape_of(old), rows_of(old, "runs"), rows_of(old, "steps")) == before
    monkeypatch.undo()
    assert len(Store(old).runs()) == 3


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_version_that_nobody_knows_is_left_alone(old: Path, mode: str) -> None:
    db = sqlite3.connect(old)
    db.execute("PRAGMA user_version=99")
    db.execute(f"PRAGMA journal_mode={mode}")
    db.close()
    before = old.read_bytes()
    with pytest.raises(RunError, match=f"schema 99, expected {SCHEMA_VERSION}"):
        Store(old)
    assert old.read_bytes() == before


def open_in_child(path: Path, gate: Any, found: Any) -> None:
    gate.wait(PATIENCE_S)
    found.put([record.name for record in Store(path).runs()])


def test_two_processes_may_open_an_old_registry_at_once(old: Path) -> None:
    context = nursery()
    gate, found = context.Barrier(2), context.SimpleQueue()
    children = [context.Process(target=open_in_child, args=(old, gate, found)) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(PATIENCE_S)
    assert [child.exitcode for child in children] == [0, 0]
    assert [found.get() for _ in children] == [["hen", "fox", "owl"]] * 2
    assert len(rows_of(old, "steps")) == 3 * 40
