"""One way to write a file: whole, flushed to the disk, or not at all."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from core.storage.trouble import disk_full, free_bytes, in_words

LARGE_BYTES = 2**16
RESERVE_BYTES = 2 * 2**20
"""A large file leaves this much of the disk free, so that what became of it can be noted."""
LEFT_OVER_S = 24 * 3600.0
"""A temporary file that nobody has touched for so long was left by a writer that was killed."""


def write_atomically(path: Path, content: bytes | memoryview, *, durable: bool = True) -> None:
    """Write `content` so that a crash at any moment leaves the old file or the new one.

    Without `durable` nobody waits for the disk, and a power cut, though no crash of a process,
    may lose the file or leave it damaged. Raises StorageError as `open_atomically` does, and for a
    large file before there is no room left at all.
    """
    n_bytes = len(content)
    if n_bytes > LARGE_BYTES and free_bytes(path) < n_bytes + RESERVE_BYTES:
        raise disk_full(path, n_bytes, RESERVE_BYTES)
    with in_words(path, n_bytes), _replacing(path, durable) as file:
        file.write(content)


@contextmanager
def open_atomically(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to be written piece by piece that takes its place at the end, as a whole.

    The temporary file lies in the same folder, because a rename is atomic only within one file
    system; it bears the process's number, so that two writers cannot mix.

    Raises StorageError when the disk is full or the file may not be written.
    """
    with in_words(path), _replacing(path, durable) as file:
        yield file


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file, which is made if it is missing. A crash may leave a part of it.

    Raises StorageError when the disk is full or the file may not be written.
    """
    with in_words(path, len(content)):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(content)


def numbers_of_files(folder: Path, name: re.Pattern[str]) -> list[int]:
    """The numbers in the names of the files in a folder that a pattern fits, ascending.

    None where there is no such folder, or it has just been deleted.
    """
    try:
        with os.scandir(folder) as entries:
            found = ((name.fullmatch(entry.name), entry) for entry in entries)
            return sorted(int(match[1]) for match, entry in found if match and entry.is_file())
    except OSError:
        return []


def sweep_left_overs(folder: Path) -> None:
    """Delete the temporary files that killed writers have left right in a folder."""
    with suppress(OSError):  # it is not there, or is read-only
        for path in folder.glob(".*.tmp"):
            with suppress(OSError):  # somebody else has just done it
                if is_left_over(path):
                    path.unlink()


def is_left_over(path: Path) -> bool:
    """Whether the process that the last part but one of a file's name says is gone.

    Or whether the file is so old that another process has its number. Raises OSError where the file
    is gone.
    """
    return time.time() - path.stat().st_mtime > LEFT_OVER_S or not _is_there(path)


def _is_there(temporary: Path) -> bool:
    """Whether the process that a temporary file names is there, as far as the system says."""
    number = temporary.name.split(".")[-2]
    if not number.isdecimal() or os.name != "posix":
        return True
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _replacing(path: Path, durable: bool) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut (POSIX; Windows does not allow it)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
