"""Rows of sweeps; what a sweep is made of is `core.experiments.sweep`'s."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from core.errors import RunError, quoted
from core.records.door import is_within, json_in, now_at
from core.records.records import NewRun, SweepRecord
from core.registry.database import Database
from core.registry.runs import insert_run, queued
from core.storage.names import as_text


class SweepRows(Database):
    """The sweeps of a registry."""

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
                    (sweep_id, name, json.dumps(spec), now_at()),
                )
            except sqlite3.IntegrityError:
                raise RunError(f"There is already a sweep {name!r}. Choose another name.") from None
            for run in runs:
                insert_run(db, queued(run, sweep_id))

    def enter_sweep(self, sweep: SweepRecord) -> None:
        """Enter a sweep whose runs are there, or come later. Raises RunError when it is known."""
        row = (sweep.id, sweep.name, json.dumps(sweep.spec), sweep.created_at)
        with self._transaction() as db:
            try:
                db.execute("INSERT INTO sweeps VALUES (?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise RunError(f"There is already a sweep {sweep.name!r}.") from None

    def sweeps(self) -> list[SweepRecord]:
        """All sweeps that can be read, the newest first."""
        sweeps = []
        for row in self._rows("SELECT * FROM sweeps ORDER BY created_at DESC, rowid DESC"):
            with suppress(ValueError):  # somebody spoiled it
                sweeps.append(_sweep_of(row))
        return sweeps

    def sweep(self, id_or_name: str) -> SweepRecord:
        """One sweep by its id or its name. Raises RunError when there is none."""
        rows = self._rows(
            "SELECT * FROM sweeps WHERE ? IN (id, name) ORDER BY id = ? DESC LIMIT 1",
            as_text(id_or_name),
            as_text(id_or_name),
        )
        if not rows:
            raise RunError(
                f"There is no sweep {quoted(id_or_name)}. `python -m core sweep list` lists "
                "those there are."
            )
        try:
            return _sweep_of(rows[0])
        except ValueError as error:
            raise RunError(
                f"What the registry holds of {id_or_name!r} cannot be read ({error})."
            ) from error

    def delete_sweep(self, sweep_id: str) -> None:
        """Remove a sweep; runs that it still has stay, as runs of their own."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET sweep = NULL WHERE sweep = ?", (sweep_id,))
            db.execute("DELETE FROM sweeps WHERE id = ?", (sweep_id,))


def _sweep_of(row: sqlite3.Row) -> SweepRecord:
    """The sweep that a row says. Raises ValueError where it cannot be."""
    spec = json_in(row["spec"])
    if not isinstance(spec, dict) or not is_within("created_at", row["created_at"]):
        raise ValueError("it holds no sweep")
    return SweepRecord(**dict(row) | {"spec": spec})
