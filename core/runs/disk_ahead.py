"""What a run will take on the disk at most, said before it starts."""

from __future__ import annotations

from core.models import count_params
from core.models.ngrams import table_sizes
from core.runs.active_run import MIN_CHECKPOINT_INTERVAL_S
from core.settings.config import RunConfig
from core.storage.budget import USUAL, DiskBudget
from core.storage.empty_rows import LARGE

_FLOAT_BYTES, _HALF_BYTES, _INDEX_BYTES = 4, 2, 8
_FILE_BYTES, _LAYER_BYTES = 24 * 1024, 24 * 1024
"""Beside the numbers: settings, the vocabulary, random states; and the names of all tensors."""


def most_disk_mib(config: RunConfig, wall_s: float | None, budget: DiskBudget = USUAL) -> float:
    """What checkpoints and snapshots of a run take together at its end, or less.

    Args:
        wall_s: how long the run takes, since there is a checkpoint every few seconds; None where
            nobody knows yet.
    """
    checkpoint, snapshot = checkpoint_bytes(config), snapshot_bytes(config)
    train = config.train
    n_saves = train.max_iters if wall_s is None else 1 + int(wall_s / MIN_CHECKPOINT_INTERVAL_S)
    n_checkpoints = 2 * n_saves  # the last state, and the best where it is another
    n_snapshots = min(train.max_iters + 1, train.max_iters.bit_length() + 1 + train.n_estimates)
    return (
        _within(budget.checkpoint_mib * 2**20, n_checkpoints, checkpoint)
        + _within(budget.snapshot_mib * 2**20, n_snapshots, snapshot)
    ) / 2**20


def _within(budget_bytes: float, n_files: int, file_bytes: int) -> float:
    """What so many files take when they are thinned to a budget; two of them stay."""
    return min(n_files * file_bytes, max(budget_bytes, min(n_files, 2) * file_bytes))


def checkpoint_bytes(config: RunConfig) -> int:
    """The last checkpoint of a run: weights, and what the optimiser remembers of each."""
    model = config.model
    # AdamW has two moments for each weight, Muon one for those of the blocks.
    in_blocks = 12 * model.n_layer * model.n_embd**2 if config.train.optimizer == "muon" else 0
    numbers = 3 * _n_dense(config) - in_blocks + sum(table_sizes(model))
    rows = _stored_rows(config) * (_FLOAT_BYTES * model.vocab_size + _INDEX_BYTES)
    return _FLOAT_BYTES * numbers + rows + _beside(config)


def snapshot_bytes(config: RunConfig) -> int:
    """The last snapshot of a run: its weights, the large ones in half precision."""
    rows = _stored_rows(config) * (_HALF_BYTES * config.model.vocab_size + _INDEX_BYTES)
    return _HALF_BYTES * _n_dense(config) + rows + _beside(config)


def _beside(config: RunConfig) -> int:
    return _FILE_BYTES + config.model.n_layer * _LAYER_BYTES


def _n_dense(config: RunConfig) -> int:
    """The parameters but for those of n-gram tables."""
    return count_params(config.model) - sum(table_sizes(config.model)) * config.model.vocab_size


def _stored_rows(config: RunConfig) -> int:
    """Rows of tables that are stored: of large ones, those that the run comes by, if they are few.

    As `core.storage.empty_rows` has it.
    """
    train, model = config.train, config.model
    n_tokens = train.max_iters * train.batch_size * model.block_size
    return sum(
        n_tokens if n_rows * model.vocab_size >= LARGE and n_tokens <= n_rows / 2 else n_rows
        for n_rows in table_sizes(model)
    )
