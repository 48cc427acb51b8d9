"""The lock of a run: whoever holds it is the one who may change the run, in all processes.

A portable file lock in the run's folder, which the system takes back from a process that dies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import RunError
from core.records.records import RunRecord
from core.storage.home import LabHome
from core.storage.trouble import in_words

PATIENCE_S = 2.0
"""A reader who asks whether a lock is free holds it for a moment."""


def take_lock(home: LabHome, record: RunRecord) -> FileLock:
    """The lock of a run, held.

    Raises RunError when somebody else holds it, StorageError when the lab home is read-only or the
    disk is full.
    """
    home.check_writable()
    folder = home.run_folder(record.id)
    # A page takes it, and the worker gives it back.
    lock = FileLock(folder / "lock", thread_local=False)
    try:
        with in_words(folder / "lock"):
            folder.mkdir(parents=True, exist_ok=True)
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
        return path.exists()  # else its folder has just been deleted
    except OSError:  # a lab home that is read-only, a disk that is full, no file at all
        return _is_held_as_read(path)
    lock.release()
    return False


def _is_held_as_read(path: Path) -> bool:
    """Whether somebody holds a lock that we may not write; False where no one can say."""
    try:
        import fcntl  # of POSIX
    except ImportError:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
