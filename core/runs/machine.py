"""What a run is computed on, as it is written down with the run.

The same settings give the same numbers, bit for bit, on one device, in one number format, by one
number of CPU threads and of processes. With any other, sums are taken in another order, and the
last digits differ; so whoever trains a run notes on what, and a resume elsewhere says so.

What is noted is a line for people. Lines are only compared, so whatever a run file brings along
as one can break nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch

from core.records.records import Event
from core.settings.config import RunConfig
from core.training.devices import dtype_of, pick_device

MACHINE = "machine"
"""Kind of the events that say on what a run is computed from a step on."""


def machine_line(config: RunConfig, n_processes: int) -> str:
    """What computes here and now: "cpu, float32, 2 threads".

    Raises ConfigError when this machine lacks the device that the settings name.
    """
    device = pick_device(config.train.device).type
    parts = [device, str(dtype_of(config)).removeprefix("torch.")]
    if device == "cpu":
        n_threads = torch.get_num_threads()
        parts.append("1 thread" if n_threads == 1 else f"{n_threads} threads")
    if n_processes > 1:
        parts.append(f"{n_processes} processes")
    return ", ".join(parts)


def machines_since(events: Iterable[Event], step: int) -> list[str]:
    """On what a run was computed after `step`, in the order in which it was."""
    noted = [event for event in events if event.kind == MACHINE]
    first = max((i for i, event in enumerate(noted) if event.iter <= step), default=0)
    return [event.detail for event in noted[first:]]


def other_machine_text(now: str, machines: Iterable[str]) -> str:
    """A sentence for a run that goes on elsewhere than on `machines`; "" where it does not."""
    others = [machine for machine in machines if machine != now]
    if not others:
        return ""
    here, there = now.split(", "), others[-1].split(", ")
    new = [part for part in here if part not in there] or here
    old = [part for part in there if part not in here] or there
    return (
        f"It goes on with {', '.join(new)} instead of {', '.join(old)}, so its numbers may not be "
        "the same to the last digit."
    )
