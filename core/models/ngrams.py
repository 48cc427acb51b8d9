"""Tables of logits looked up by the last 2, 3, 4, … characters: bigrams with a longer memory.

Each context length has a table of its own whose rows are added up to the logits. There are far more
contexts than rows, so a context's row is found by hashing it; two that share a row share what they
learn. All rows start at zero and are learned by gradient, like any other parameter: nothing is
counted. A step touches only the rows of the contexts in its batch, which
`core.training.row_adagrad` makes use of.

Source of the idea: hash embeddings for n-grams, Joulin et al. 2017 (fastText),
https://arxiv.org/abs/1607.01759; beside a transformer, Roy et al. 2022,
https://arxiv.org/abs/2207.06366.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.settings.config import ModelConfig

MAX_ROWS = 2**16
_PRIME = 1_000_003
_MASK = 2**40 - 1
"""Keys are kept below this, so that the products of hashing fit into 63 bits."""


Tokens = TypeVar("Tokens", Tensor, npt.NDArray[np.int64])


class NgramTables(nn.Module):
    """One table for each context length from 2 to `config.ngrams` characters."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self._vocab_size, self._sizes = config.vocab_size, table_sizes(config)
        self.tables = nn.ModuleList(
            nn.Embedding(size, config.vocab_size, sparse=True) for size in table_sizes(config)
        )

    def forward(self, idx: Tensor) -> Tensor:
        """Tokens (B, T) to the sum of the tables' logits (B, T, V)."""
        looked_up = [table(rows) for table, rows in zip(self.tables, self.rows(idx))]
        return torch.stack(looked_up).sum(dim=0)

    def rows(self, idx: Tensor) -> list[Tensor]:
        """For each table the row of each position (B, T).

        A context is what a position and those before it hold; before the beginning there is
        token 0.
        """
        T = idx.shape[1]
        earlier = [F.pad(idx, (n, 0))[:, :T] for n in range(len(self.tables) + 1)]
        return rows_of(earlier, self._sizes, self._vocab_size)

    def init_weights(self) -> None:
        """All zero: at first the tables say nothing."""
        for table in self.tables:
            assert isinstance(table, nn.Embedding)
            nn.init.zeros_(table.weight)


def table_sizes(config: ModelConfig) -> list[int]:
    """Rows of each table, the one with the shortest context first."""
    return [min(MAX_ROWS, config.vocab_size**n) for n in range(2, config.ngrams + 1)]


def rows_of(earlier: Sequence[Tokens], n_rows: Sequence[int], vocab_size: int) -> list[Tokens]:
    """The row in each table of the context that ends with `earlier[0]`.

    `earlier[n]` holds the tokens n places before, in any shape; tensors and numpy arrays alike.
    """
    key, found = earlier[0], []
    for n, (before, size) in enumerate(zip(earlier[1:], n_rows), start=2):
        if size == vocab_size**n:  # every context has a row of its own
            key = key + before * vocab_size ** (n - 1)
            found.append(key)
        else:
            key = (key * _PRIME + before + n) & _MASK
            found.append(_scatter(key) % size)
    return found


def _scatter(key: Tokens) -> Tokens:
    """Mix the bits of each key, so that similar contexts get unrelated rows."""
    key = ((key ^ (key >> 17)) * 0x2C1B3C) & _MASK
    key = ((key ^ (key >> 13)) * 0x297A2D) & _MASK
    return key ^ (key >> 19)
