"""The lock of a run: whoever holds it is the one who may change the run, in all processes.

A portable file lock in the run's folder, which the system takes back from a process that dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from core.errors import RunError
from core.records.records import RunRecord
from core.storage.home import LabHome

PATIENCE_S = 2.0
"""A reader who asks whether a lock is free holds it for a moment."""


def take_lock(home: LabHome, record: RunRecord) -> FileLock:
    """The lock of a run, held. Raises RunError when somebody else holds it."""
    folder = home.run_folder(record.id)
    folder.mkdir(parents=True, exist_ok=True)
    # A page takes it, and the worker gives it back.
    lock = FileLock(folder / "lock", thread_local=False)
    try:
        lock.acquire(timeout=PATIENCE_S)
    except Timeout:
        raise RunError(
            f"Run {record.name} is being trained by another process or page of this lab; it can "
            "be watched here, and changed there."
        ) from None
    return lock


@contextmanager
def locked(home: LabHome, record: RunRecord) -> Iterator[None]:
    """Hold a run's lock inside. Raises RunError when somebody else holds it."""
    lock = take_lock(home, record)
    try:
        yield
    finally:
        lock.release()


def is_held(home: LabHome, run_id: str) -> bool:
    """Whether somebody, here or in another process, holds the run."""
    path = home.run_folder(run_id) / "lock"
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
