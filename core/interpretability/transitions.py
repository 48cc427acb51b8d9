"""What a model thinks follows each single character: its transition matrix, and the loss of that.

Reads models and never changes them. Shapes: V = vocabulary size, K characters kept, N tokens of a
text.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from core.models import LanguageModel
from core.training.evaluation import MAX_LOGITS


@torch.inference_mode()
def transition_probabilities(model: LanguageModel, kept: Tensor | None = None) -> Tensor:
    """What a model expects after each single character: (V, V), rows sum to 1.

    With `kept` (K,) only the rows and columns of these characters, (K, K), and no memory for more
    than V of them at a time. For the bigram table that is all there is to know. Any other model is
    asked for its guess after one character with nothing before it.
    """
    if kept is None:
        kept = torch.arange(model.config.vocab_size)
    rows = [after[:, kept] for _, after in _after_each(model, kept)]
    return torch.cat(rows).exp()


@torch.inference_mode()
def transition_loss(model: LanguageModel, tokens: Tensor) -> float:
    """Loss on the targets `tokens[1:]` of a text (N,) when all but the last character is hidden.

    In nats per character. It is the loss itself for the bigram table, which sees no more.
    """
    before, targets = tokens[:-1], tokens[1:]
    total = 0.0
    for first, after in _after_each(model, torch.arange(model.config.vocab_size)):
        here = (before >= first) & (before < first + len(after))
        total -= float(after[before[here] - first, targets[here]].sum(dtype=torch.float64))
    return total / len(targets)


def mean_divergence(counted: Tensor, learned: Tensor, tokens: Tensor) -> float:
    """How far a learned matrix is from the counted one, both (V, V), in nats per character.

    The Kullback-Leibler divergence of each row, averaged over the characters of a text (N,): what
    guessing by the learned rows costs more than by the counted ones, where those are right.
    """
    counted, learned = counted.double(), learned.double()
    tiny = torch.finfo(torch.float64).tiny
    rows = (counted * (counted.clamp_min(tiny).log() - learned.clamp_min(tiny).log())).sum(dim=1)
    often = torch.bincount(tokens, minlength=len(counted)).double()
    return float((rows * often).sum() / often.sum())


def _after_each(model: LanguageModel, tokens: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Log-probabilities of what follows each of `tokens`, (rows, V), a part of them at a time.

    Each part comes with the place of its first token.
    """
    n_rows = max(1, MAX_LOGITS // model.config.vocab_size)
    for first in range(0, len(tokens), n_rows):
        logits: Tensor = model(tokens[first : first + n_rows, None])  # rows, 1, V
        yield first, logits[:, 0].log_softmax(dim=-1)
