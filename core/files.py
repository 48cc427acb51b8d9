"""One way to write a file: whole, flushed to the disk, or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes | memoryview, *, durable: bool = True) -> None:
    """Write `content` so that a crash at any moment leaves the old file or the new one.

    Without `durable` nobody waits for the disk, and a power cut, though no crash of a process,
    may lose the file or leave it damaged.

    The temporary file lies in the same folder, because a rename is atomic only within one file
    system; it bears the process's number, so that two writers cannot mix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
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
