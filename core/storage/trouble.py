"""What the system says when it cannot write or read, as one sentence for a person.

The one place where an `OSError` becomes a `StorageError`. Called where files are written, where
locks are taken, by the registry, and at the end by whoever shows errors: no error of the system
reaches a screen as it is.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_MIB = 2**20


def storage_error(error: OSError, path: Path | None = None, needed_bytes: int = 0) -> StorageError:
    """What is wrong with a file, in a sentence.

    Args:
        path: the file, or where it was to be; None: as the error names it.
        needed_bytes: of a file that was to be written.
    """
    path = path or Path(os.fsdecode(error.filename or "the file"))
    if error.errno in _FULL:
        return disk_full(path, needed_bytes)
    if error.errno in _FORBIDDEN:
        return StorageError(
            f"{path} may not be written to, or not be read, by you ({error.strerror}). Where it "
            "lies in the lab home, what is there can be looked at; to train, set LAB_HOME to a "
            "folder of your own."
        )
    return StorageError(f"{path} cannot be written or read ({error.strerror or error}).")


def disk_full(path: Path, needed_bytes: int = 0, reserve_bytes: int = 0) -> StorageError:
    """That there is no room for a file: how much there is, and how much it takes.

    Args:
        reserve_bytes: what is to stay free beside it, for what is noted of it.
    """
    needed = f", needed {_mib(needed_bytes)}" if needed_bytes else ""
    reserve = f" (and {_mib(reserve_bytes)} that stay free)" if reserve_bytes else ""
    return StorageError(
        f"The disk is full: {_mib(free_bytes(path))} free{needed} for {path.name}{reserve}. What "
        "was saved is safe. Make room, and go on; `python -m core runs clean RUN` keeps of a run "
        "only its last and its best checkpoint.",
        is_full=True,
    )


def free_bytes(path: Path) -> int:
    """What is free on the disk of a file, which need not be there; 0 where nobody says."""
    for folder in (path, *path.parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return 0


@contextmanager
def in_words(path: Path | None = None, needed_bytes: int = 0) -> Iterator[None]:
    """Inside, an OSError becomes a StorageError."""
    try:
        yield
    except TimeoutError:  # of a lock that somebody holds, and no matter of the disk
        raise
    except OSError as error:
        raise storage_error(error, path, needed_bytes) from error


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / _MIB:,.1f} MiB"
