"""One way to write a file: whole, flushed to the disk, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, content: bytes | memoryview, *, durable: bool = True) -> None:
    """Write `content` so that a crash at any moment leaves the old file or the new one.

    Without `durable` nobody waits for the disk, and a power cut, though no crash of a process,
    may lose the file or leave it damaged.
    """
    with open_atomically(path, durable=durable) as file:
        file.write(content)


@contextmanager
def open_atomically(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to be written piece by piece that takes its place at the end, as a whole.

    The temporary file lies in the same folder, because a rename is atomic only within one file
    system; it bears the process's number, so that two writers cannot mix.
    """
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
