"""How fast this machine is, remembered in the lab home, so that nobody has to wait for it twice.

The timing itself is `core.training.preflight.calibrate`'s. It is kept for each machine, device and
number of threads, for a week: machines get slower and faster with time. One that was taken while
others computed too is used and not kept.
"""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import psutil
import torch

from core.errors import StorageError
from core.records.door import json_in
from core.storage.files import write_atomically
from core.storage.home import LabHome
from core.training.devices import pick_device
from core.training.preflight import Calibration, calibrate
from core.training.threads import n_threads

KEPT_S = 7 * 24 * 3600.0
BUSY_SHARE = 0.5
"""With more of the cores at work over the last minute, a machine is busy."""


def calibration_of(home: LabHome, device: str = "auto") -> Calibration:
    """How fast this machine is: as remembered, else timed now, which takes a second or so.

    Raises ConfigError for a device that is not there.
    """
    known = remembered_calibration(home, device)
    if known:
        return known
    is_busy = psutil.getloadavg()[0] > BUSY_SHARE * (os.cpu_count() or 1)
    timed = calibrate(device)
    if not is_busy:
        entry = {"timed_at": time.time(), "rates": asdict(timed)}
        content = json.dumps(_entries(home) | {_key(device): entry}, indent=1)
        with suppress(StorageError):  # a full disk, say: then it is timed again another time
            write_atomically(home.calibrations, content.encode(), durable=False)
    return timed


def remembered_calibration(home: LabHome, device: str = "auto") -> Calibration | None:
    """How fast this machine was when it was timed last, if that is not too long ago.

    Raises ConfigError for a device that is not there.
    """
    entry: Any = _entries(home).get(_key(device))
    try:
        if not 0 <= time.time() - entry["timed_at"] <= KEPT_S:
            return None
        return Calibration(**{name: float(rate) for name, rate in entry["rates"].items()})
    except (TypeError, KeyError, ValueError, AttributeError):  # none, or of another version
        return None


def _entries(home: LabHome) -> dict[str, Any]:
    try:
        entries = json_in(home.calibrations.read_bytes())
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _key(device: str) -> str:
    """What the timing depends on."""
    kind = pick_device(device).type
    name = torch.cuda.get_device_name() if kind == "cuda" else platform.machine()
    return f"{platform.node()}, {name}, {kind}, {n_threads()} threads, torch " + str(
        torch.__version__
    )
