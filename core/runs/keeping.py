"""What the registry knows, written a second time, for `core.runs.rebuilding` to read.

A copy is never in anybody's way: where it cannot be written the registry is right all the same, and
the next save of the run writes it again.
"""

from __future__ import annotations

import json
from contextlib import suppress

from core.errors import StorageError
from core.records.records import HealthReading, RunRecord
from core.registry import Store
from core.storage.files import write_atomically
from core.storage.home import LabHome
from core.storage.journal import Journal, Measured


def keep_run(home: LabHome, store: Store, record: RunRecord) -> None:
    """Write down how a run stands, as the registry has it now."""
    with suppress(StorageError):
        Journal(home.run_folder(record.id)).write_run(record, store.events(record.id))


def keep_all_of(home: LabHome, store: Store, record: RunRecord) -> None:
    """Write down how a run stands and all that it measured, up to where it could be resumed."""
    with suppress(StorageError):
        Journal(home.run_folder(record.id)).write_measured(measured_of(store, record.id))
    keep_run(home, store, record)


def keep_sweep(home: LabHome, store: Store, sweep_id: str) -> None:
    """Write down a sweep or a ladder, and those of its runs that nobody has taken up yet."""
    kept = store.sweep(sweep_id)
    content = {
        "id": kept.id, "name": kept.name, "spec": kept.spec, "created_at": kept.created_at,
    }  # fmt: skip
    with suppress(StorageError):
        write_atomically(
            home.sweeps / f"{kept.id}.json", json.dumps(content).encode(), durable=False
        )
    for record in store.runs_of(sweep_id):
        keep_run(home, store, record)


def forget_sweep(home: LabHome, sweep_id: str) -> None:
    """A sweep is no more; its runs may be."""
    with suppress(OSError):
        (home.sweeps / f"{sweep_id}.json").unlink(missing_ok=True)


def measured_of(store: Store, run_id: str) -> Measured:
    """All that the registry has of what a run measured."""
    samples = {sample.step: sample.text for sample in store.samples(run_id)}
    return Measured(
        steps=store.steps(run_id),
        estimates=[(e, samples.get(e.step, "")) for e in store.estimates(run_id)],
        health=[
            HealthReading(step, name, value)
            for name, series in store.health(run_id).items()
            for step, value in series
        ],
    )
