"""Large tables of which few rows were ever touched: stored without the rows that are all zero.

A run with n-gram tables has a row for every context that there could be, and has seen few of them:
most of what its files would hold are zeros. Such a table is stored as torch's sparse tensor, rows
and their numbers, and is whole again when it is read: bit for bit, but for the sign of a zero.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

LARGE = 2**20
"""Numbers from which it is worth looking for empty rows."""
MAX_UNPACKED_BYTES = 2**28
"""What all such tables of one file take together when they are whole; more stay as they are. A file
that claims more was not written here: it would fill the memory with zeros from a few bytes."""


def without_empty_rows(content: dict[str, Any]) -> dict[str, Any]:
    """The content of a file, its large tables without their empty rows where most are empty."""
    packed: dict[str, Any] = _Packer().packed(content)
    return packed


def with_empty_rows(content: dict[str, Any]) -> dict[str, Any]:
    """What `without_empty_rows` was given.

    Raises ValueError where the tables would be larger than any that were stored so.
    """
    whole: dict[str, Any] = _Packer().unpacked(content)
    return whole


class _Packer:
    """Goes through what a file holds, dictionaries in dictionaries, and keeps count."""

    def __init__(self) -> None:
        self._n_bytes = 0

    def packed(self, content: Any) -> Any:
        if isinstance(content, dict):
            return {name: self.packed(part) for name, part in content.items()}
        if not isinstance(content, Tensor) or content.dim() != 2 or content.numel() < LARGE:
            return content
        if content.is_sparse:
            return content
        touched = content.any(dim=1)
        if int(touched.count_nonzero()) > len(content) / 2 or not self._fits(content):
            return content
        rows = touched.nonzero()[:, 0]
        return torch.sparse_coo_tensor(
            rows[None], content[rows], content.shape, check_invariants=True, is_coalesced=True
        )

    def unpacked(self, content: Any) -> Any:
        if isinstance(content, dict):
            return {name: self.unpacked(part) for name, part in content.items()}
        if not isinstance(content, Tensor) or not content.is_sparse:
            return content
        if not self._fits(content):
            raise ValueError(f"tables of more than {MAX_UNPACKED_BYTES >> 20} MiB")
        return content.to_dense()

    def _fits(self, tensor: Tensor) -> bool:
        """Whether there is room for one more, and if so, take it."""
        n_bytes = tensor.shape.numel() * tensor.element_size()
        if self._n_bytes + n_bytes > MAX_UNPACKED_BYTES:
            return False
        self._n_bytes += n_bytes
        return True
