"""Tables of logits looked up by the last 2, 3, 4, … characters: bigrams with a longer memory.

Each context length has a table of its own whose rows are added up to the logits. There are far more
contexts than rows, so a context's row is found by hashing it; two that share a row share what they
learn. All rows start at zero and are learned by gradient, like any other parameter: nothing is
counted. A step touches only the rows of the contexts in its batch, which `core.row_adagrad` makes
use of.

Source of the idea: hash embeddings for n-grams, Joulin et al. 2017 (fastText),
https://arxiv.org/abs/1607.01759; beside a transformer, Roy et al. 2022,
https://arxiv.org/abs/2207.06366.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.config import ModelConfig

MAX_ROWS = 2**16
_PRIME = 1_000_003
_MASK = 2**40 - 1
"""Keys are kept below this, so that the products of hashing fit into 63 bits."""


class NgramTables(nn.Module):
    """One table for each context length from 2 to `config.ngrams` characters."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.tables = nn.ModuleList(
            nn.Embedding(min(MAX_ROWS, config.vocab_size**n), config.vocab_size, sparse=True)
            for n in range(2, config.ngrams + 1)
        )

    def forward(self, idx: Tensor) -> Tensor:
        """Tokens (B, T) to the sum of the tables' logits (B, T, V)."""
        return torch.stack([table(rows) for table, rows in zip(self.tables, self.rows(idx))]).sum(
            dim=0
        )

    def rows(self, idx: Tensor) -> list[Tensor]:
        """For each table the row of each position (B, T).

        A context is what a position and those before it hold; before the beginning there is
        token 0.
        """
        key = idx
        found = []
        for n, table in enumerate(self.tables, start=2):
            before = F.pad(idx, (n - 1, 0))[:, : idx.shape[1]]  # the token n - 1 places earlier
            assert isinstance(table, nn.Embedding)
            if self._exact(table, n):
                key = key + before * table.embedding_dim ** (n - 1)
                found.append(key)
            else:
                key = (key * _PRIME + before + n) & _MASK
                found.append(_scatter(key) % table.num_embeddings)
        return found

    def init_weights(self) -> None:
        """All zero: at first the tables say nothing."""
        for table in self.tables:
            assert isinstance(table, nn.Embedding)
            nn.init.zeros_(table.weight)

    @staticmethod
    def _exact(table: nn.Embedding, n: int) -> bool:
        """Whether every context has a row of its own."""
        return bool(table.num_embeddings == table.embedding_dim**n)


def _scatter(key: Tensor) -> Tensor:
    """Mix the bits of each key, so that similar contexts get unrelated rows."""
    key = ((key ^ (key >> 17)) * 0x2C1B3C) & _MASK
    key = ((key ^ (key >> 13)) * 0x297A2D) & _MASK
    return key ^ (key >> 19)
