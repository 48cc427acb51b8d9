"""What a run is computed on, as it is written down with the run.

The same settings give the same numbers, bit for bit, on one device, in one number format, by one
number of CPU threads and of processes. With any other, sums are taken in another order, and the
last digits differ; so whoever trains a run notes on what, and a resume elsewhere says so.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.records.events import Elsewhere, Event, Machine
from core.settings.config import RunConfig
from core.training.devices import dtype_of, pick_device
from core.training.threads import step_threads


def machine_here(config: RunConfig, n_processes: int) -> Machine:
    """What computes here and now.

    Raises ConfigError when this machine lacks the device that the settings name.
    """
    device = pick_device(config.train.device).type
    dtype = str(dtype_of(config)).removeprefix("torch.")
    return Machine(device, dtype, step_threads(config) if device == "cpu" else None, n_processes)


def machines_since(events: Iterable[Event], step: int) -> list[Machine]:
    """On what a run was computed after `step`, in the order in which it was."""
    noted = [(e.step, e.what) for e in events if isinstance(e.what, Machine)]
    first = max((i for i, (at, _) in enumerate(noted) if at <= step), default=0)
    return [machine for _, machine in noted[first:]]


def elsewhere(now: Machine, machines: Iterable[Machine]) -> Elsewhere | None:
    """Where a run goes on with `now` that `machines` computed before; None where all are that."""
    others = [machine for machine in machines if machine != now]
    return Elsewhere(now, others[-1]) if others else None
