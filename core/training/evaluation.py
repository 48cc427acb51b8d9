"""How good a model is on a text: its mean loss over every target. Knows models and tokens alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

from core.models import LanguageModel

_CHARACTERS_PER_PASS = {"cpu": 1024}
"""What one forward pass reads. On a CPU more would only leave its caches: a batch of 16 windows of
64 characters takes 0.87 of the time that 64 windows take."""
_MOST_CHARACTERS_PER_PASS = 2**16
MAX_LOGITS = 2**26
"""256 MiB."""


@contextmanager
def evaluating(model: LanguageModel) -> Iterator[None]:
    """Forward passes without dropout and gradients inside; afterwards the model is as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(was_training)


def split_loss(model: LanguageModel, tokens: Tensor) -> float:
    """Mean loss over a whole split, in nats per character; changes nothing.

    The split is read in consecutive windows of block_size, the short last one too: every character
    but the first is a target once, and the context starts anew with each window.

    Args:
        tokens: the split (N,), int64, on the model's device; N at least 2.

    Raises ZeroDivisionError for a split without a target.
    """
    T = model.config.block_size
    n_targets = len(tokens) - 1
    n_whole = n_targets // T * T  # targets in whole windows
    total = 0.0
    if n_whole:
        windows = tokens[: n_whole + 1].unfold(0, T + 1, T)
        total += windows_loss(model, windows) * n_whole
    if n_targets > n_whole:
        total += windows_loss(model, tokens[None, n_whole:]) * (n_targets - n_whole)
    return total / n_targets


def windows_loss(model: LanguageModel, windows: Tensor) -> float:
    """Mean loss over windows of one length, in nats per character; changes nothing.

    Args:
        windows: tokens (B, T + 1), int64, on the model's device: inputs, and targets one further.
    """
    T, V = windows.shape[1] - 1, model.config.vocab_size
    at_once = _CHARACTERS_PER_PASS.get(windows.device.type, _MOST_CHARACTERS_PER_PASS)
    total = 0.0
    with evaluating(model):
        for batch in torch.split(windows, max(1, min(at_once, MAX_LOGITS // V) // T)):
            inputs, targets = batch[:, :-1], batch[:, 1:]
            total += float(cross_entropy(model(inputs), targets)) * len(batch)
    return total / len(windows)


def loss_given_the_past(model: LanguageModel, windows: Tensor) -> float:
    """Mean loss where each target is guessed from the characters before it, and no others are read.

    A causal model is asked about a whole window at once, since what comes later changes nothing:
    for it this is `windows_loss`, at T / 2 times the cost. A model that sees what it is to guess
    shows here what it can do without.

    Args:
        windows: as for `windows_loss`.
    """
    T = windows.shape[1] - 1
    with evaluating(model):
        losses = [
            float(cross_entropy(model(windows[:, :t])[:, -1:], windows[:, t : t + 1]))
            for t in range(1, T + 1)
        ]
    return sum(losses) / T


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of -ln p(target): (B, T, V) and (B, T) -> one number, nats per character."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())
