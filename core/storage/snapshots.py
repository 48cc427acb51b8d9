"""Snapshots: the weights of a run at many steps, for looking at how a model came to be.

Unlike checkpoints they hold no optimiser state and no training can go on from them, so there may be
many. Matrices are kept in half precision. That is harmless: over trained models of every kind and
recipe it moved the validation loss by less than 1e-5 nats and no logit by more than 0.005
(`tests/bench/half_precision.py`). A matrix with a number that half precision cannot hold, and small
tensors, where it would save nothing, stay as they are.

Snapshots are thinned to a budget on the disk: first goes the one that leaves the smallest gap
between its neighbours, where a gap counts by its ratio, since most happens early. The first and the
last stay. Knows nothing of the registry; who takes snapshots, and when, is
`core.runs.active_run`'s.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from core.errors import CheckpointError
from core.records.records import RunRecord
from core.storage.budget import USUAL
from core.storage.checkpoint import Snapshot, read_saved, to_save
from core.storage.empty_rows import without_empty_rows
from core.storage.files import numbers_of_files, write_atomically

_SMALL = 4096
_NAME = re.compile(r"snapshot-(\d+)\.pt")


class SnapshotFolder:
    """The snapshots of one run; `of` as in `CheckpointFolder`."""

    def __init__(
        self,
        folder: Path,
        budget_mib: float = USUAL.snapshot_mib,
        *,
        of: RunRecord | None = None,
    ) -> None:
        self._folder = folder
        self._of = of
        self._budget = budget_mib * 2**20

    def steps(self) -> list[int]:
        """The steps for which there is a snapshot, ascending."""
        return numbers_of_files(self._folder, _NAME)

    def path(self, step: int) -> Path:
        """The file of one step, which need not be there."""
        return self._folder / f"snapshot-{step:09d}.pt"

    def save(self, snapshot: Snapshot) -> None:
        """Keep the weights of one step, and thin what there is to the budget."""
        packed = without_empty_rows({n: w.detach().cpu() for n, w in snapshot.weights.items()})
        weights = {name: _compact(tensor) for name, tensor in packed.items()}
        # Losing one in a power cut does no harm, so the disk need not be waited for.
        content = to_save(replace(snapshot, weights=weights))
        write_atomically(self.path(snapshot.step), content, durable=False)
        self._thin()

    def load(self, step: int) -> Snapshot:
        """The weights of one step, in float32, on the CPU.

        Raises CheckpointError when there is no such snapshot, or it cannot be read.
        """
        if not self.path(step).exists():
            there = ", ".join(f"{n:,}" for n in self.steps()) or "no step at all"
            raise CheckpointError(
                f"There is no snapshot of step {step:,}; there are snapshots of {there}."
            )
        saved = read_saved(self.path(step), Snapshot, self._of)
        return replace(saved, weights={name: w.float() for name, w in saved.weights.items()})

    def forget_after(self, step: int) -> None:
        """Delete the snapshots of later steps."""
        for later in self.steps():
            if later > step:
                self.path(later).unlink(missing_ok=True)

    def copy_to(self, other: SnapshotFolder, until: int) -> None:
        """Give another run the snapshots up to a step, but for those thinned out meanwhile."""
        for step in self.steps():
            if step <= until:
                with suppress(FileNotFoundError):
                    content = self.path(step).read_bytes()
                    write_atomically(other.path(step), content, durable=False)

    def _thin(self) -> None:
        sizes = self._sizes()
        steps = sorted(sizes)
        while sum(sizes.values()) > self._budget and len(steps) > 2:
            least = min(range(1, len(steps) - 1), key=lambda i: gap(steps[i - 1], steps[i + 1]))
            step = steps.pop(least)
            del sizes[step]
            self.path(step).unlink(missing_ok=True)

    def _sizes(self) -> dict[int, int]:
        """Bytes of each step's file."""
        sizes: dict[int, int] = {}
        for step in self.steps():
            with suppress(FileNotFoundError):  # somebody else has just deleted it
                sizes[step] = self.path(step).stat().st_size
        return sizes


def is_due(step: int) -> bool:
    """Whether a snapshot belongs to this step, estimates aside: 0, 1, 2, 4, 8, …"""
    return step & (step - 1) == 0


def gap(step: int, later: int) -> float:
    """How far two steps are apart, by their ratio."""
    return math.log((later + 1) / (step + 1))


def _compact(tensor: Tensor) -> Tensor:
    if tensor.is_sparse:
        rows, numbers = tensor.indices(), _compact(tensor.values())
        return torch.sparse_coo_tensor(
            rows, numbers, tensor.shape, check_invariants=True, is_coalesced=True
        )
    if tensor.numel() >= _SMALL:
        half = tensor.half()
        if not half.isinf().any():
            return half
    return tensor.clone()  # torch.save would write all that a view belongs to
