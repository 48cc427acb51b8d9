"""Rows of what runs measured: steps, estimates with the text written there, and signs of health.

A number that is not finite, or that cannot be, is neither written nor read: it has no place on a
curve.

A run's rows may run ahead of its last checkpoint. `rewind` cuts them back before a resume, and the
same numbers come again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from core.records.door import is_sound, is_within
from core.records.records import Estimate, HealthReading, Sample, StepRecord
from core.registry.database import Database
from core.registry.runs import set_fields

_MEASURED = {
    "steps": "iter, loss, learning_rate, grad_norm, elapsed_s, wall_s",
    "estimates": "iter, train_loss, val_loss, sample",
    "health": "iter, name, value",
}
"""The tables, with their columns beside the run's id."""


class MeasuredRows(Database):
    """What the runs of a registry measured, by step."""

    def record(
        self,
        run_id: str,
        steps: Sequence[StepRecord],
        estimates: Iterable[tuple[Estimate, str]] = (),
        health: Iterable[HealthReading] = (),
        **values: Any,
    ) -> None:
        """Write what was measured since the last call, and fields of the run, in one commit.

        Args:
            steps, estimates, health: those since the last call; rows of a step that is there
                already are replaced. An estimate comes with the text that the model wrote there,
                which is empty where it wrote none.
            values: fields of the run by their names, such as `step`; see `set_fields`.

        Raises sqlite3.IntegrityError when there is no such run; then nothing is written.
        """
        with self._transaction() as db:
            insert_measured(db, run_id, steps, estimates, health)
            set_fields(db, run_id, values)

    def rewind(self, run_id: str, step: int) -> None:
        """Forget what was measured after `step`."""
        with self._transaction() as db:
            for table in _MEASURED:
                db.execute(f"DELETE FROM {table} WHERE run_id = ? AND iter > ?", (run_id, step))

    def copy_past(self, from_id: str, to_id: str, step: int) -> None:
        """Give one run what another measured up to `step`."""
        with self._transaction() as db:
            for table, columns in _MEASURED.items():
                db.execute(
                    f"INSERT INTO {table} (run_id, {columns}) SELECT ?, {columns} FROM {table}"
                    " WHERE run_id = ? AND iter <= ?",
                    (to_id, from_id, step),
                )

    def steps(self, run_id: str, *, at_most: int | None = None) -> list[StepRecord]:
        """The steps of a run in order; `at_most` keeps every k-th and always the last."""
        stride = 1
        if at_most is not None:
            last = self._rows("SELECT max(iter) FROM steps WHERE run_id = ?", run_id)[0][0]
            stride = max(1, -(-(last or 0) // at_most))
        rows = self._rows(
            f"SELECT {_MEASURED['steps']} FROM steps"
            " WHERE run_id = ? AND (iter % ? = 0 OR iter = 1"
            " OR iter = (SELECT max(iter) FROM steps WHERE run_id = ?)) ORDER BY iter",
            run_id,
            stride,
            run_id,
        )
        return [record for row in rows if is_sound(record := StepRecord(*row))]

    def estimates(self, run_id: str) -> list[Estimate]:
        """The estimates of a run in order."""
        rows = self._rows(
            "SELECT iter, train_loss, val_loss FROM estimates WHERE run_id = ? ORDER BY iter",
            run_id,
        )
        return [record for row in rows if is_sound(record := Estimate(*row))]

    def first_step(self, run_id: str) -> int:
        """The step where what is known of a run begins: 0, or where its model was imported."""
        first = self._rows("SELECT min(iter) FROM estimates WHERE run_id = ?", run_id)[0][0]
        return first or 0

    def samples(self, run_id: str) -> list[Sample]:
        """What a run wrote, in order: not at every estimate."""
        rows = self._rows(
            "SELECT iter, sample FROM estimates WHERE run_id = ? AND sample <> '' ORDER BY iter",
            run_id,
        )
        return [Sample(*row) for row in rows]

    def health(self, run_id: str) -> dict[str, list[tuple[int, float]]]:
        """The readings of a run by their names, each a list of step and value in order."""
        rows = self._rows(
            "SELECT name, iter, value FROM health WHERE run_id = ? ORDER BY name, iter", run_id
        )
        series: dict[str, list[tuple[int, float]]] = {}
        for name, step, value in rows:
            if not is_within("value", value):
                continue
            series.setdefault(name, []).append((step, value))
        return series


def insert_measured(
    db: sqlite3.Connection,
    run_id: str,
    steps: Iterable[StepRecord],
    estimates: Iterable[tuple[Estimate, str]],
    health: Iterable[HealthReading],
) -> None:
    """Enter measurements inside a transaction; those that come again replace the old ones."""
    db.executemany(
        "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (run_id, s.step, s.loss_nats, s.learning_rate, s.grad_norm, s.elapsed_s, s.wall_s)
            for s in steps
            if is_sound(s)
        ],
    )
    db.executemany(
        "INSERT OR REPLACE INTO estimates VALUES (?, ?, ?, ?, ?)",
        [
            (run_id, e.step, e.train_loss_nats, e.val_loss_nats, sample)
            for e, sample in estimates
            if is_sound(e)
        ],
    )
    db.executemany(
        "INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?)",
        [(run_id, r.step, r.name, r.value) for r in health if is_sound(r)],
    )
