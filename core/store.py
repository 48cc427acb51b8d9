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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.config import RunConfig
from core.errors import RunError
from core.records import CHANGED, Change, Event, RunRecord, Sample, SweepRecord
from core.schema import SCHEMA_VERSION, bring_up_to_date
from core.trainer import Estimate, StepRecord

NewRun = tuple[str, str, RunConfig, tuple[str, str], int]
"""A run to enter: id, name, settings, name and fingerprint of its corpus, parameters."""


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
            version = bring_up_to_date(db)
            if version != SCHEMA_VERSION:
                raise RunError(
                    f"{self._path} was written by another version of the lab (schema {version}, "
                    f"expected {SCHEMA_VERSION}). Set LAB_HOME to a new folder, or use that one."
                )
            db.execute("PRAGMA journal_mode=WAL")

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
        self,
        run_id: str,
        name: str,
        config: RunConfig,
        corpus: tuple[str, str],
        n_params: int,
        sweep: str | None = None,
    ) -> None:
        """Enter a new run as `queued`. `corpus` is its name and fingerprint.

        Raises RunError when there is a run of that name.
        """
        with self._transaction() as db:
            self._insert_run(db, (run_id, name, config, corpus, n_params), sweep)

    def enter_run(
        self,
        record: RunRecord,
        steps: Iterable[StepRecord],
        estimates: Iterable[tuple[Estimate, str]],
        health: Iterable[tuple[int, str, float]],
        events: Iterable[Event],
    ) -> None:
        """Enter a run that was made elsewhere, with all that it measured, in one commit.

        Raises RunError when there is a run of that name or id.
        """
        row = {name: getattr(record, name) for name in _COLUMNS}
        row["config"] = json.dumps(record.config.flat())
        with self._transaction() as db:
            try:
                db.execute(
                    f"INSERT INTO runs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                    tuple(row.values()),
                )
            except sqlite3.IntegrityError:
                raise RunError(
                    f"There is already a run {record.name!r}. Choose another name, or rename that "
                    "one."
                ) from None
            self._measured(db, record.id, steps, estimates, health)
            db.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                [(record.id, e.iter, e.kind, e.detail, e.at) for e in events],
            )

    def update_run(self, run_id: str, **values: Any) -> None:
        """Set columns of one run; a RunConfig is stored as its settings."""
        _check_columns(values)
        if isinstance(values.get("config"), RunConfig):
            values["config"] = json.dumps(values["config"].flat())
        with self._transaction() as db:
            self._update(db, run_id, values)

    def rename_run(self, run_id: str, name: str, **values: Any) -> None:
        """Give a run another name, and set columns with it. Raises RunError when it is taken."""
        try:
            self.update_run(run_id, name=name, **values)
        except sqlite3.IntegrityError:
            raise RunError(f"There is already a run {name!r}. Choose another name.") from None

    def delete_run(self, run_id: str, *, only_from_bin: bool = False) -> bool:
        """Remove a run and all its rows; its folder is the caller's. Returns whether it was there.

        With `only_from_bin` a run that somebody has just taken out of the bin stays.
        """
        with self._transaction() as db:
            found = db.execute(
                "DELETE FROM runs WHERE id = ? AND (deleted_at IS NOT NULL OR NOT ?)",
                (run_id, only_from_bin),
            )
            return found.rowcount > 0

    def runs(self, *, deleted: bool = False) -> list[RunRecord]:
        """All runs, the newest first; with `deleted`, those in the bin instead."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT * FROM runs WHERE (deleted_at IS NOT NULL) = ?"
                " ORDER BY created_at DESC, rowid DESC",
                (deleted,),
            ).fetchall()
        return [_record(row) for row in rows]

    def names(self) -> set[str]:
        """The names in use."""
        with self._connection() as db:
            return {row[0] for row in db.execute("SELECT name FROM runs WHERE deleted_at IS NULL")}

    def run(self, id_or_name: str, *, deleted: bool = False) -> RunRecord:
        """One run by its id or its name; with `deleted`, the one put into the bin last.

        Raises RunError when there is none.
        """
        with self._connection() as db:
            row = db.execute(
                "SELECT * FROM runs WHERE (id = ?1 OR name = ?1) AND (deleted_at IS NOT NULL) = ?2"
                " ORDER BY id = ?1 DESC, deleted_at DESC",
                (id_or_name, deleted),
            ).fetchone()
        if row is None:
            where = " in the bin" if deleted else ""
            raise RunError(
                f"There is no run {id_or_name!r}{where}. `python -m core runs` lists those there "
                "are."
            )
        return _record(row)

    # --- what a run measured ---------------------------------------------------------------------

    def record(
        self,
        run_id: str,
        steps: Sequence[StepRecord],
        estimates: Iterable[tuple[Estimate, str]] = (),
        health: Iterable[tuple[int, str, float]] = (),
        **values: Any,
    ) -> None:
        """Write what was measured since the last call, and columns of the run, in one commit.

        Args:
            estimates: each with the text that the model wrote at that step.
            health: step, name and value of each reading.
        """
        _check_columns(values)
        with self._transaction() as db:
            self._measured(db, run_id, steps, estimates, health)
            self._update(db, run_id, values)

    def rewind(self, run_id: str, step: int) -> None:
        """Forget what was measured after `step`."""
        with self._transaction() as db:
            for table in ("steps", "estimates", "health"):
                db.execute(f"DELETE FROM {table} WHERE run_id = ? AND iter > ?", (run_id, step))

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
            db.execute(
                "INSERT INTO health SELECT ?, iter, name, value"
                " FROM health WHERE run_id = ? AND iter <= ?",
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

    def health(self, run_id: str) -> dict[str, list[tuple[int, float]]]:
        """The readings of a run by their names, each a list of step and value in order."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT name, iter, value FROM health WHERE run_id = ? ORDER BY name, iter",
                (run_id,),
            ).fetchall()
        series: dict[str, list[tuple[int, float]]] = {}
        for name, step, value in rows:
            series.setdefault(name, []).append((step, value))
        return series

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

    def events_of(self, kind: str) -> list[tuple[str, Event]]:
        """Every event of a kind with the id of its run, the newest first; the bin left out."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT run_id, e.iter, kind, detail, at FROM events e JOIN runs ON id = run_id"
                " WHERE kind = ? AND deleted_at IS NULL ORDER BY at DESC, e.rowid DESC",
                (kind,),
            ).fetchall()
        return [(row[0], Event(*row[1:])) for row in rows]

    def add_change(self, run_id: str, change: Change, config: RunConfig) -> None:
        """Note a change of settings, and the settings that hold after all changes."""
        with self._transaction() as db:
            detail = json.dumps(change.settings)
            db.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                (run_id, change.iter, CHANGED, detail, time.time()),
            )
            self._update(db, run_id, {"config": json.dumps(config.flat())})

    def changes(self, run_id: str) -> list[Change]:
        """The settings of a run that were changed on its way, by step."""
        return changes_among(self.events(run_id))

    @staticmethod
    def _measured(
        db: sqlite3.Connection,
        run_id: str,
        steps: Iterable[StepRecord],
        estimates: Iterable[tuple[Estimate, str]],
        health: Iterable[tuple[int, str, float]],
    ) -> None:
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
        db.executemany(
            "INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?)",
            [(run_id, *reading) for reading in health],
        )

    # --- sweeps -----------------------------------------------------------------------------------

    def add_sweep(
        self, sweep_id: str, name: str, spec: Mapping[str, Any], runs: Iterable[NewRun]
    ) -> None:
        """Enter a sweep and its runs, in one commit.

        Raises RunError when there is a sweep, or a run, of such a name.
        """
        with self._transaction() as db:
            try:
                db.execute(
                    "INSERT INTO sweeps VALUES (?, ?, ?, ?)",
                    (sweep_id, name, json.dumps(spec), time.time()),
                )
            except sqlite3.IntegrityError:
                raise RunError(f"There is already a sweep {name!r}. Choose another name.") from None
            for run in runs:
                self._insert_run(db, run, sweep_id)

    def sweeps(self) -> list[SweepRecord]:
        """All sweeps, the newest first."""
        with self._connection() as db:
            rows = db.execute("SELECT * FROM sweeps ORDER BY created_at DESC, rowid DESC")
            return [_sweep(row) for row in rows]

    def sweep(self, id_or_name: str) -> SweepRecord:
        """One sweep by its id or its name. Raises RunError when there is none."""
        with self._connection() as db:
            row = db.execute(
                "SELECT * FROM sweeps WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC",
                (id_or_name,),
            ).fetchone()
        if row is None:
            raise RunError(
                f"There is no sweep {id_or_name!r}. `python -m core sweep list` lists those there "
                "are."
            )
        return _sweep(row)

    def runs_of(self, sweep_id: str) -> list[RunRecord]:
        """The runs of a sweep in the order in which they were entered; the bin left out."""
        with self._connection() as db:
            rows = db.execute(
                "SELECT * FROM runs WHERE sweep = ? AND deleted_at IS NULL ORDER BY rowid",
                (sweep_id,),
            ).fetchall()
        return [_record(row) for row in rows]

    def delete_sweep(self, sweep_id: str) -> None:
        """Remove a sweep; runs that it still has stay, as runs of their own."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET sweep = NULL WHERE sweep = ?", (sweep_id,))
            db.execute("DELETE FROM sweeps WHERE id = ?", (sweep_id,))

    @staticmethod
    def _insert_run(db: sqlite3.Connection, run: NewRun, sweep: str | None) -> None:
        run_id, name, config, corpus, n_params = run
        try:
            db.execute(
                "INSERT INTO runs (id, name, model, corpus, fingerprint, config, status,"
                " n_params, created_at, sweep) VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)",
                (run_id, name, config.model.model, *corpus, json.dumps(config.flat()),
                 n_params, time.time(), sweep),
            )  # fmt: skip
        except sqlite3.IntegrityError:
            raise RunError(
                f"There is already a run {name!r}. Choose another name, or rename that one."
            ) from None

    @staticmethod
    def _update(db: sqlite3.Connection, run_id: str, values: dict[str, Any]) -> None:
        if values:
            columns = ", ".join(f"{name} = ?" for name in values)
            db.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*values.values(), run_id))


def changes_among(events: Iterable[Event]) -> list[Change]:
    """The events of a run that are changes of its settings, by step."""
    changes = [
        Change(event.iter, {name: (old, new) for name, (old, new) in pairs.items()})
        for event in events
        if event.kind == CHANGED
        for pairs in [json.loads(event.detail)]
    ]
    return sorted(changes, key=lambda change: change.iter)


_COLUMNS = frozenset(f.name for f in fields(RunRecord))


def _check_columns(values: Iterable[str]) -> None:
    assert _COLUMNS.issuperset(values), f"no such column: {set(values) - _COLUMNS}"


def _sweep(row: sqlite3.Row) -> SweepRecord:
    return SweepRecord(**dict(row) | {"spec": json.loads(row["spec"])})


def _record(row: sqlite3.Row) -> RunRecord:
    values = dict(row)
    values["config"] = RunConfig.from_flat(json.loads(values["config"]))
    return RunRecord(**values)
