"""Saved states of a run: whole files, named by their step, that are safe to load.

A checkpoint holds everything that the next step depends on (weights, optimiser state, random
states, place in the data), so a run that is restored from it goes on as if it had never stopped.
It also carries the config, the vocabulary and the corpus's fingerprint, so that a model can be
looked at after its corpus is gone.

Files appear whole or not at all (`core.storage.files`), and are read with `weights_only=True`:
loading one never runs code.
"""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from core.errors import CheckpointError, ConfigError
from core.records.records import RunRecord
from core.records.stored import from_stored, stored, stored_as
from core.settings.config import RunConfig
from core.storage.budget import USUAL
from core.storage.empty_rows import with_empty_rows, without_empty_rows
from core.storage.files import numbers_of_files, write_atomically

FORMAT = 2
READ_FORMATS = (1, FORMAT)
"""In the first all tensors were whole."""
_NAME = re.compile(r"checkpoint-(\d+)\.pt")
UNREADABLE = (
    RuntimeError, EOFError, OSError, LookupError, ValueError, TypeError, AttributeError,
    AssertionError, pickle.UnpicklingError, zipfile.BadZipFile,
)  # fmt: skip
"""What `torch.load` and `zipfile` can raise for a file that is damaged, foreign or made up."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The whole state of a run at one step."""

    config: dict[str, Any]
    vocabulary: str
    fingerprint: str
    trainer: dict[str, Any]
    """`Trainer.state_dict()`."""
    best_step: int = field(metadata=stored_as("best_iter"))
    best_val_loss_nats: float | None
    """The lowest estimate so far (None: not known), and the step of the state that counts as best:
    the one it was found at, or the last where the whole split shows that to be no worse."""

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.trainer["iter"])

    @property
    def run_config(self) -> RunConfig:
        return RunConfig.from_flat(self.config)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The weights of a run at one step, for looking; see `core.storage.snapshots`."""

    config: dict[str, Any]
    vocabulary: str
    step: int = field(metadata=stored_as("iter"))
    weights: dict[str, Tensor]


Saved = TypeVar("Saved", bound=Checkpoint | Snapshot)


class CheckpointFolder:
    """The checkpoints of one run.

    With its record, `of`, one that somebody put there from another run, or under another step's
    name, is as good as damaged.
    """

    def __init__(
        self,
        folder: Path,
        budget_mib: float = USUAL.checkpoint_mib,
        *,
        of: RunRecord | None = None,
    ) -> None:
        self._folder = folder
        self._budget_mib = budget_mib
        self._of = of

    def steps(self) -> list[int]:
        """The steps for which there is a checkpoint, ascending."""
        return numbers_of_files(self._folder, _NAME)

    def path(self, step: int) -> Path:
        """The file of one step, which need not be there."""
        return self._folder / f"checkpoint-{step:09d}.pt"

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint so that a crash leaves all of it or nothing of it."""
        write_atomically(self.path(checkpoint.step), to_save(checkpoint))

    def load(self, step: int) -> Checkpoint:
        """Read the checkpoint of one step, onto the CPU.

        Raises CheckpointError when it is missing, cut short, of another format or another run.
        """
        path = self.path(step)
        if not path.exists():
            raise CheckpointError(f"There is no checkpoint of step {step:,}.")
        return read_saved(path, Checkpoint, self._of)

    def newest_readable(self) -> tuple[Checkpoint | None, list[CheckpointError]]:
        """The newest checkpoint that is not damaged, and what is wrong with those after it."""
        damaged: list[CheckpointError] = []
        for step in reversed(self.steps()):
            try:
                return self.load(step), damaged
            except CheckpointError as error:
                damaged.append(error)
        return None, damaged

    def thin(self, needed: Collection[int]) -> None:
        """Delete checkpoints until the rest fit into the budget; the `needed` steps stay.

        The others are where a branch can start without a long replay. First goes the one that
        leaves the smallest gap between its neighbours.
        """
        sizes: dict[int, int] = {}
        for step in self.steps():
            with suppress(FileNotFoundError):  # somebody else has just deleted it
                sizes[step] = self.path(step).stat().st_size
        steps = sorted(sizes)
        while sum(sizes.values()) > self._budget_mib * 2**20:
            spare = [i for i, step in enumerate(steps) if step not in needed]
            if not spare:
                return
            after = [*steps[1:], steps[-1]]
            least = min(spare, key=lambda i: after[i] - (steps[i - 1] if i else 0))
            step = steps.pop(least)
            del sizes[step]
            self.path(step).unlink(missing_ok=True)

    def forget_after(self, step: int) -> None:
        """Delete the checkpoints of later steps."""
        for later in self.steps():
            if later > step:
                self.path(later).unlink(missing_ok=True)


def to_save(state: Checkpoint | Snapshot) -> memoryview:
    """The bytes of a file that `read_saved` reads."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT} | without_empty_rows(stored(state)), buffer)
    return buffer.getbuffer()


def read_saved(path: Path, kind: type[Saved], of: RunRecord | None = None) -> Saved:
    """A checkpoint or a snapshot, with tensors on the CPU. Never runs code from the file.

    Raises CheckpointError when the file is damaged, cut short, of another format, or not of the run
    `of` at the step that it is named by.
    """
    what = kind.__name__.lower()
    try:
        check_zip(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise CheckpointError(
            f"The {what} {path.name} cannot be read: the file is damaged or cut short.",
            f"Put a whole copy back into {path.parent}.",
        ) from error
    version = content.pop("format", None) if isinstance(content, dict) else None
    if version not in READ_FORMATS:
        by = "a newer version of the lab" if _is_newer(version) else "another program"
        raise CheckpointError(
            f"The {what} {path.name} is not of this lab's format {FORMAT}.",
            f"It was written by {by}.",
        )
    try:
        state = kind(**from_stored(kind, with_empty_rows(content)))
    except (TypeError, ValueError) as error:  # a field too few, or one too many
        raise CheckpointError(
            f"The {what} {path.name} does not hold what a {what} holds.",
            f"Put a whole copy back into {path.parent}.",
        ) from error
    if of is not None and not _is_of(state, of, path):
        raise CheckpointError(
            f"The {what} {path.name} is of another run than {of.name}, or of another step.",
            f"Put its own back into {path.parent}.",
        )
    return state


def _is_of(state: Checkpoint | Snapshot, record: RunRecord, path: Path) -> bool:
    """Whether a state can be this run's at the step that its file is named by."""
    named = path.stem.rpartition("-")[2]
    if not named.isdecimal() or int(named) != state.step:
        return False
    if isinstance(state, Checkpoint) and state.fingerprint != record.fingerprint:
        return False
    try:
        return RunConfig.from_flat(state.config).model == record.config.model
    except (ConfigError, TypeError, KeyError, AttributeError):
        return False


def is_damaged(path: Path) -> bool:
    """Whether a saved state is there and cannot be read; looked at once while it is the same file.

    Its checksums alone are looked at: that costs far less than loading it.
    """
    try:
        file = path.stat()
    except OSError:  # gone: there is nothing that could be damaged
        return False
    return _is_damaged(path, file.st_size, file.st_mtime_ns)


@lru_cache(maxsize=4096)
def _is_damaged(path: Path, size_bytes: int, written_at_ns: int) -> bool:
    try:
        check_zip(path)
    except (FileNotFoundError, PermissionError):  # thinned out meanwhile, or not for us to read
        return False
    except UNREADABLE:
        return True
    return False


def check_zip(path: Path) -> None:
    """Raise BadZipFile or OSError unless a file of torch's is whole, part by part.

    torch itself loads numbers that a disk spoiled.
    """
    with zipfile.ZipFile(path) as archive:
        sizes = sum(member.file_size for member in archive.infolist())
        if sizes > path.stat().st_size:  # torch packs nothing; a packed file could be a bomb
            raise zipfile.BadZipFile("its parts are larger than the whole")
        if damaged := archive.testzip():
            raise zipfile.BadZipFile(f"wrong checksum of {damaged}")


def _is_newer(version: object) -> bool:
    return type(version) is int and version > FORMAT
