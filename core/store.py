"""The registry: which runs there are, how they stand, and every number that they measured.

One SQLite file in WAL mode, so that readers in other threads and processes never wait for the one
who trains. Every public method is one transaction; a connection lives no longer than that. What is
here is rows; files of a run are `core.checkpoint`'s, and who trains it is `core.run`'s.

A run's rows may run ahead of its last checkpoint. `rewind` cuts them back before a resume, and the
same numbers come again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.config import RunConfig
from core.errors import RunError
from core.records import Event, RunRecord, Sample
from core.trainer import Estimate, StepRecord

_SCHEMA_VERSION = 1
_SCHEMA = """
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


class Store:
    """The registry in one file. Safe to share between threads; other processes open their own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            raise RunError(
                f"{path} cannot be read as the lab's registry ({error}). Move it away to begin "
                "with an empty one, or set LAB_HOME to another folder."
            ) from error

    def _open(self) -> None:
        # Two processes may open a new lab home at once, and SQLite lets none wait for this switch.
        with FileLock(f"{self._path}.lock"), self._connection() as db:
            db.execute("PRAGMA journal_mode=WAL")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _SCHEMA_VERSION):
                raise RunError(
                    f"{self._path} was written by another version of the lab (schema {version}, "
                    f"expected {_SCHEMA_VERSION}). Set LAB_HOME to a new folder, or use that one."
                )
            if version == 0:
                self._create(db)

    @staticmethod
    def _create(db: sqlite3.Connection) -> None:
        db.execute("BEGIN EXCLUSIVE")
        for statement in _SCHEMA.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version={_SCHEMA_VERSION}")
        db.execute("COMMIT")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=30.0, isolation_level=None)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("PRAGMA synchronous=FULL")  # a commit survives a power cut
            yield db
        finally:
            db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    # --- runs -----------------------------------------------------------------------------------

    def add_run(
        self, run_id: str, name: str, config: RunConfig, corpus: tuple[str, str], n_params: int
    ) -> None:
        """Enter a new run as `queued`. `corpus` is its name and fingerprint.

        Raises RunError when there is a run of that name.
        """
        with self._transaction() as db:
            try:
                db.execute(
                    "INSERT INTO runs (id, name, model, corpus, fingerprint, config, status,"
                    " n_params, created_at) VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?)",
                    (run_id, name, config.model.model, *corpus, json.dumps(config.flat()),
                     n_params, time.time()),
                )  # fmt: skip
            except sqlite3.IntegrityError:
                raise RunError(
                    f"There is already a run {name!r}. Choose another name, or rename that one."
                ) from None

    def update_run(self, run_id: str, **values: Any) -> None:
        """Set columns of one run; a RunConfig is stored as its settings."""
        _check_columns(values)
        if isinstance(values.get("config"), RunConfig):
            values["config"] = json.dumps(values["config"].flat())
        with self._transaction() as db:
            self._update(db, run_id, values)

    def rename_run(self, run_id: str, name: str) -> None:
        """Give a run another name. Raises RunError when it is taken."""
        try:
            self.update_run(run_id, name=name)
        except sqlite3.IntegrityError:
            raise RunError(f"There is already a run {name!r}. Choose another name.") from None

    def delete_run(self, run_id: str) -> None:
        """Remove a run and all its rows; its folder is the caller's."""
        with self._transaction() as db:
            db.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def runs(self) -> list[RunRecord]:
        """All runs, the newest first."""
        with self._connection() as db:
            rows = db.execute("SELECT * FROM runs ORDER BY created_at DESC, rowid DESC").fetchall()
        return [_record(row) for row in rows]

    def names(self) -> set[str]:
        """The names in use."""
        with self._connection() as db:
            return {row[0] for row in db.execute("SELECT name FROM runs")}

    def run(self, id_or_name: str) -> RunRecord:
        """One run by its id or its name. Raises RunError when there is none."""
        with self._connection() as db:
            row = db.execute(
                "SELECT * FROM runs WHERE id = ? OR name = ? ORDER BY id = ? DESC",
                (id_or_name, id_or_name, id_or_name),
            ).fetchone()
        if row is None:
            raise RunError(
                f"There is no run {id_or_name!r}. `python -m core runs` lists those there are."
            )
        return _record(row)

    # --- what a run measured ---------------------------------------------------------------------

    def record(
        self,
        run_id: str,
        steps: Sequence[StepRecord],
        estimates: Iterable[tuple[Estimate, str]] = (),
        **values: Any,
    ) -> None:
        """Write what was measured since the last call, and columns of the run, in one commit.

        Args:
            estimates: each with the text that the model wrote at that step.
        """
        _check_columns(values)
        with self._transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?)",
                [(run_id, s.iter, s.loss_nats, s.learning_rate, s.grad_norm, s.elapsed_s)
                 for s in steps],
            )  # fmt: skip
            db.executemany(
                "INSERT OR REPLACE INTO estimates VALUES (?, ?, ?, ?, ?)",
                [(run_id, e.iter, e.train_loss_nats, e.val_loss_nats, sample)
                 for e, sample in estimates],
            )  # fmt: skip
            self._update(db, run_id, values)

    def rewind(self, run_id: str, step: int) -> None:
        """Forget what was measured after `step`."""
        with self._transaction() as db:
            db.execute("DELETE FROM steps WHERE run_id = ? AND iter > ?", (run_id, step))
            db.execute("DELETE FROM estimates WHERE run_id = ? AND iter > ?", (run_id, step))

    def copy_past(self, from_id: str, to_id: str, step: int) -> None:
        """Give one run what another measured up to `step`."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO steps SELECT ?, iter, loss, learning_rate, grad_norm, elapsed_s"
                " FROM steps WHERE run_id = ? AND iter <= ?",
                (to_id, from_id, step),
            )
            db.execute(
                "INSERT INTO estimates SELECT ?, iter, train_loss, val_loss, sample"
                " FROM estimates WHERE run_id = ? AND iter <= ?",
                (to_id, from_id, step),
            )

    def steps(self, run_id: str, *, at_most: int | None = None) -> list[StepRecord]:
        """The steps of a run in order; `at_most` keeps every k-th and always the last."""
        with self._connection() as db:
            stride = 1
            if at_most is not None:
                last = db.execute(
                    "SELECT max(iter) FROM steps WHERE run_id = ?", (run_id,)
                ).fetchone()[0]
                stride = max(1, -(-(last or 0) // at_most))
            rows = db.execute(
                "SELECT iter, loss, learning_rate, grad_norm, elapsed_s FROM steps"
                " WHERE run_id = ?1 AND (iter % ?2 = 0 OR iter = 1"
                " OR iter = (SELECT max(iter) FROM steps WHERE run_id = ?1)) ORDER BY iter",
                (run_id, stride),
            ).fetchall()
        return [StepRecord(*row) for row in rows]

    def estimates(self, run_id: str) -> list[Estimate]:
        """The estimates of a run in order."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT iter, train_loss, val_loss FROM estimates WHERE run_id = ? ORDER BY iter",
                (run_id,),
            ).fetchall()
        return [Estimate(*row) for row in rows]

    def samples(self, run_id: str) -> list[Sample]:
        """What a run wrote, in order."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT iter, sample FROM estimates WHERE run_id = ? ORDER BY iter", (run_id,)
            ).fetchall()
        return [Sample(*row) for row in rows]

    # --- what happened to a run ------------------------------------------------------------------

    def add_event(self, run_id: str, step: int, kind: str, detail: str = "") -> None:
        """Note that something happened after `step`."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                (run_id, step, kind, detail, time.time()),
            )

    def events(self, run_id: str) -> list[Event]:
        """What happened to a run, in the order in which it did."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT iter, kind, detail, at FROM events WHERE run_id = ? ORDER BY at, rowid",
                (run_id,),
            ).fetchall()
        return [Event(*row) for row in rows]

    @staticmethod
    def _update(db: sqlite3.Connection, run_id: str, values: dict[str, Any]) -> None:
        if values:
            columns = ", ".join(f"{name} = ?" for name in values)
            db.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*values.values(), run_id))


_COLUMNS = frozenset(f.name for f in fields(RunRecord))


def _check_columns(values: Iterable[str]) -> None:
    assert _COLUMNS.issuperset(values), f"no such column: {set(values) - _COLUMNS}"


def _record(row: sqlite3.Row) -> RunRecord:
    values = dict(row)
    values["config"] = RunConfig.from_flat(json.loads(values["config"]))
    return RunRecord(**values)
