"""How good a model is on a text: its mean loss over every target. Knows models and tokens alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

from core.models import LanguageModel

MAX_LOGITS = 2**26
"""A batch of an evaluation has no more than this: 256 MiB."""


@contextmanager
def evaluating(model: LanguageModel) -> Iterator[None]:
    """Forward passes without dropout and gradients inside; afterwards the model is as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def split_loss(model: LanguageModel, tokens: Tensor, windows_per_batch: int = 64) -> float:
    """Mean loss over a whole split, in nats per character; changes nothing.

    The split is read in consecutive windows of block_size, the short last one too: every character
    but the first is a target once, and the context starts anew with each window.

    Args:
        tokens: the split (N,), int64, on the model's device; N at least 2.
        windows_per_batch: forward passes take so many windows at once, or fewer where the logits
            (windows, T, V) would be more than `MAX_LOGITS`.

    Raises ZeroDivisionError for a split without a target.
    """
    T, V = model.config.block_size, model.config.vocab_size
    windows_per_batch = max(1, min(windows_per_batch, MAX_LOGITS // (T * V)))
    n_targets = len(tokens) - 1
    n_windows = n_targets // T
    inputs = tokens[: n_windows * T].view(n_windows, T)
    targets = tokens[1 : n_windows * T + 1].view(n_windows, T)
    total = 0.0
    with evaluating(model):
        for start in range(0, n_windows, windows_per_batch):
            x = inputs[start : start + windows_per_batch]
            y = targets[start : start + windows_per_batch]
            total += float(cross_entropy(model(x), y)) * y.numel()
        if n_targets > n_windows * T:
            x, y = tokens[n_windows * T : -1][None], tokens[n_windows * T + 1 :][None]
            total += float(cross_entropy(model(x), y)) * y.numel()
    return total / n_targets


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of -ln p(target): (B, T, V) and (B, T) -> one number, nats per character."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())
