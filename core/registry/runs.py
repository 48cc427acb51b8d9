"""Rows of runs: which there are, and how each of them stands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache
from typing import Any, get_args

from core.errors import ConfigError, RunError, quoted
from core.records.door import checked_fields, is_within, json_in, now_at
from core.records.records import NewRun, RunRecord, RunStatus
from core.records.stored import stored_names
from core.registry.database import Database
from core.settings.config import RunConfig
from core.storage.names import as_text

_COLUMNS = stored_names(RunRecord)
"""The fields of a run, each with the column that holds it."""


class RunRows(Database):
    """The runs of a registry, those in the bin too. A list leaves out rows that cannot be read."""

    def add_run(self, run: NewRun) -> None:
        """Enter a new run as `queued`. Raises RunError when there is a run of that name."""
        with self._transaction() as db:
            insert_run(db, queued(run))

    def update_run(self, run_id: str, **values: Any) -> None:
        """Set fields of one run; a RunConfig is stored as its settings."""
        with self._transaction() as db:
            set_fields(db, run_id, values)

    def rename_run(self, run_id: str, name: str, **values: Any) -> None:
        """Give a run (by its id) another name, and set fields with it, in one commit.

        Raises RunError when another run has the name; nothing has then changed.
        """
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
        rows = self._rows(
            "SELECT * FROM runs WHERE (deleted_at IS NOT NULL) = ?"
            " ORDER BY created_at DESC, rowid DESC",
            deleted,
        )
        return self._readable(rows)

    def runs_of(self, sweep_id: str) -> list[RunRecord]:
        """The runs of a sweep in the order in which they were entered; the bin left out."""
        rows = self._rows(
            "SELECT * FROM runs WHERE sweep = ? AND deleted_at IS NULL ORDER BY rowid", sweep_id
        )
        return self._readable(rows)

    def live_runs(self) -> list[RunRecord]:
        """The runs that somebody should be training, the newest first.

        Cells of a sweep that wait are left out, and so is the bin.
        """
        rows = self._rows(
            "SELECT * FROM runs WHERE (status = 'running' OR status = 'queued' AND sweep IS NULL)"
            " AND deleted_at IS NULL ORDER BY created_at DESC, rowid DESC"
        )
        return self._readable(rows)

    def names(self) -> set[str]:
        """The names in use."""
        return {row[0] for row in self._rows("SELECT name FROM runs WHERE deleted_at IS NULL")}

    def run(self, id_or_name: str, *, deleted: bool = False) -> RunRecord:
        """One run by its id or its name; with `deleted`, the one put into the bin last.

        Raises RunError when there is none.
        """
        rows = self._rows(
            "SELECT * FROM runs WHERE ? IN (id, name) AND (deleted_at IS NOT NULL) = ?"
            " ORDER BY id = ? DESC, deleted_at DESC LIMIT 1",
            as_text(id_or_name),
            deleted,
            as_text(id_or_name),
        )
        if not rows:
            where = " in the bin" if deleted else ""
            lists = "runs disk" if deleted else "runs"
            raise RunError(
                f"There is no run {quoted(id_or_name)}{where}. `python -m core {lists}` lists "
                "those there are."
            )
        try:
            return run_of(rows[0])
        except BAD_ROW as error:
            raise RunError(
                f"What the registry holds of run {id_or_name!r} cannot be read ({error})."
            ) from error

    def unreadable_runs(self) -> list[str]:
        """The ids of the runs whose rows cannot be read, in whatever way."""
        bad = []
        for row in self._rows("SELECT * FROM runs"):
            try:
                run_of(row)
            except BAD_ROW:
                bad.append(str(row["id"]))
        return bad

    def ids(self) -> set[str]:
        """The ids of all runs, those in the bin and those whose rows cannot be read too."""
        return {str(row[0]) for row in self._rows("SELECT id FROM runs")}

    def _readable(self, rows: Iterable[sqlite3.Row]) -> list[RunRecord]:
        runs = []
        for row in rows:
            with suppress(*BAD_ROW):  # said when the lab is opened: see `unreadable_runs`
                runs.append(run_of(row))
        return runs


# --- inside a transaction -------------------------------------------------------------------------


def queued(run: NewRun, sweep_id: str | None = None) -> dict[str, Any]:
    """The fields of a run that nobody has taken up yet."""
    return {f.name: getattr(run, f.name) for f in fields(run)} | {
        "model": run.config.model.model, "status": "queued", "created_at": now_at(),
        "sweep": sweep_id,
    }  # fmt: skip


def insert_run(db: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Enter a run by its fields. Raises RunError when its name or id is taken."""
    row = _row_of(values)
    try:
        db.execute(
            f"INSERT INTO runs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )
    except sqlite3.IntegrityError:
        raise RunError(
            f"There is already a run {values['name']!r}. Choose another name, or rename that one."
        ) from None


def set_fields(db: sqlite3.Connection, run_id: str, values: Mapping[str, Any]) -> None:
    """Set fields of one run; a RunConfig is stored as its settings."""
    if row := _row_of(values):
        columns = ", ".join(f"{name} = ?" for name in row)
        db.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*row.values(), run_id))


def _row_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns, each with what is written into it."""
    assert values.keys() <= _COLUMNS.keys(), f"no such field: {set(values) - set(_COLUMNS)}"
    return {_COLUMNS[name]: _stored_value(name, value) for name, value in values.items()}


def _stored_value(name: str, value: Any) -> Any:
    if isinstance(value, RunConfig):
        return json.dumps(value.flat())
    if name.endswith("_nats") and value is not None and not is_within(name, value):
        return None  # a loss that is no finite number is none
    return value


BAD_ROW = (ValueError, TypeError, KeyError, AttributeError, ConfigError)
"""What reading a row can raise that somebody spoiled."""


def run_of(row: sqlite3.Row) -> RunRecord:
    """The run that a row of the table of runs says. Raises one of `BAD_ROW` where it cannot be."""
    given = dict(row)
    config = _config_of(given.pop("config"))
    values = checked_fields(RunRecord, given, leave_out=("config",))
    is_plain = values["id"].isprintable() and not set(values["id"]) & set("/\\.")
    state = values["status"], values["model"]
    if state[0] not in get_args(RunStatus) or state[1] != config.model.model or not is_plain:
        raise ValueError("a state that no run can be in")
    return RunRecord(config=config, **values)


@lru_cache(maxsize=1024)
def _config_of(written: str) -> RunConfig:
    """The settings that a row says, shared by all who look at them: they never change."""
    return RunConfig.from_flat(json_in(written))
