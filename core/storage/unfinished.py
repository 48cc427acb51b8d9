"""A run's folder that is half made or half gone: marked as such, for as long as it is.

A run that is made of a file has its folder before it is a run, and one that is deleted for good has
it for a moment longer. Who is killed in the middle leaves the mark, and whoever opens the lab next
removes what is left (`core.runs.rebuilding`): half a run is none.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.storage.files import is_left_over
from core.storage.trouble import in_words


@contextmanager
def unfinished(folder: Path) -> Iterator[None]:
    """Inside, the folder, which is made if it is missing, is marked.

    Raises StorageError when it cannot be. Whoever fails inside has to remove the folder.
    """
    mark = folder / f"unfinished.{os.getpid()}.mark"
    with in_words(mark):
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    yield
    with suppress(OSError):
        mark.unlink(missing_ok=True)


def finish_off(folder: Path) -> None:
    """Take the marks off a folder."""
    with suppress(OSError):
        for mark in _marks(folder):
            mark.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, its marks last."""
    marks = _marks(folder)
    with suppress(OSError):
        for path in folder.iterdir():
            if path not in marks:
                with suppress(OSError):
                    path.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def is_unfinished(folder: Path) -> bool:
    """Whether somebody is making or removing this folder, or was."""
    return bool(_marks(folder))


def is_left_unfinished(folder: Path) -> bool:
    """Whether somebody was making or removing this folder, and is gone."""
    marks = _marks(folder)
    with suppress(OSError):  # it has just been finished
        return bool(marks) and all(map(is_left_over, marks))
    return False


def _marks(folder: Path) -> list[Path]:
    return list(folder.glob("unfinished.*.mark"))
