"""Tables are stored without their empty rows, and come back as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.errors import CheckpointError
from core.storage import empty_rows
from core.storage.checkpoint import Checkpoint, CheckpointFolder, Snapshot
from core.storage.empty_rows import with_empty_rows, without_empty_rows
from core.storage.snapshots import SnapshotFolder
from tests.helpers import assert_equal_states, small_config

ROWS = 2**15


def table(n_touched: int, n_columns: int = 40) -> Tensor:
    """A table (ROWS, n_columns) with numbers in some rows, whose last may be one of them."""
    whole = torch.zeros(ROWS, n_columns)
    touched = torch.linspace(0, ROWS - 1, n_touched).long()
    whole[touched] = torch.randn(n_touched, n_columns, generator=torch.Generator().manual_seed(1))
    return whole


def checkpoint(step: int, state: dict[str, Any]) -> Checkpoint:
    return Checkpoint(
        config=small_config("bigram", 5).flat(), vocabulary="abcde", fingerprint="f" * 64,
        trainer={"iter": step} | state, best_step=0, best_val_loss_nats=None,
    )  # fmt: skip


@pytest.mark.parametrize("n_touched", [0, 1, 300, ROWS // 2, ROWS])
def test_a_checkpoint_has_every_bit_of_a_table(tmp_path: Path, n_touched: int) -> None:
    state = {"model": {"table": table(n_touched), "bias": torch.randn(3)}, "place": [1, "two"]}
    folder = CheckpointFolder(tmp_path)
    folder.save(checkpoint(1, state))
    loaded = folder.load(1).trainer
    assert_equal_states(loaded, {"iter": 1} | state)
    assert not loaded["model"]["table"].is_sparse
    whole = 4 * 40 * ROWS
    expected = whole if n_touched > ROWS / 2 else n_touched * (4 * 40 + 8)
    assert expected < folder.path(1).stat().st_size < expected + 10_000


@pytest.mark.parametrize("n_touched", [0, 300, ROWS])
def test_a_snapshot_has_a_table_in_half_precision(tmp_path: Path, n_touched: int) -> None:
    folder, whole = SnapshotFolder(tmp_path), table(n_touched)
    weights = {"table": whole, "small": torch.randn(4)}
    folder.save(Snapshot(config={}, vocabulary="abcde", step=1, weights=weights))
    loaded = folder.load(1).weights
    assert torch.equal(loaded["table"], whole.half().float())
    assert torch.equal(loaded["small"], weights["small"])
    assert folder.path(1).stat().st_size < 2 * 40 * n_touched + 8 * n_touched + 10_000


def test_small_tables_and_other_tensors_are_left_alone() -> None:
    content = {"small": torch.zeros(100, 100), "cube": torch.zeros(128, 128, 128), "n": 3}
    packed = without_empty_rows(content)
    assert all(packed[name] is content[name] for name in ("small", "cube"))


def test_no_more_is_packed_than_will_be_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(empty_rows, "MAX_UNPACKED_BYTES", 4 * 40 * ROWS)
    packed = without_empty_rows({"first": table(3), "second": table(3)})
    assert [packed[name].is_sparse for name in ("first", "second")] == [True, False]
    assert torch.equal(with_empty_rows(packed)["first"], table(3))


def test_a_file_that_claims_an_enormous_table_is_refused(tmp_path: Path) -> None:
    rows, numbers = torch.zeros(1, 0, dtype=torch.int64), torch.zeros(0, 10**6)
    bomb = torch.sparse_coo_tensor(rows, numbers, (10**6, 10**6), check_invariants=True)
    folder = CheckpointFolder(tmp_path)
    folder.save(checkpoint(1, {"model": {"table": bomb}}))
    with pytest.raises(CheckpointError, match="does not hold what a checkpoint holds"):
        folder.load(1)


def test_files_of_the_first_format_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, state = CheckpointFolder(tmp_path), {"model": {"table": table(5)}}
    with monkeypatch.context() as before:
        before.setattr("core.storage.checkpoint.FORMAT", 1)
        before.setattr("core.storage.checkpoint.without_empty_rows", lambda content: content)
        folder.save(checkpoint(1, state))
    assert_equal_states(folder.load(1).trainer, {"iter": 1} | state)
