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
def transition_logits(model: LanguageModel, kept: Tensor | None = None) -> Tensor:
    """The scores that a model gives what may follow each single character: (V, V), before softmax.

    With `kept` (K,) only the rows of these characters, (K, V). For the bigram table they are its
    own numbers, and all there is to know. Any other model is asked after one character with nothing
    before it.
    """
    if kept is None:
        kept = torch.arange(model.config.vocab_size)
    return torch.cat([logits for _, logits in _after_each(model, kept)])


@torch.inference_mode()
def transition_probabilities(model: LanguageModel, kept: Tensor | None = None) -> Tensor:
    """What a model expects after each single character: as `transition_logits`, rows sum to 1."""
    return transition_logits(model, kept).softmax(dim=-1)


@torch.inference_mode()
def transition_loss(model: LanguageModel, tokens: Tensor) -> float:
    """Loss on the targets `tokens[1:]` of a text (N,) when all but the last character is hidden.

    In nats per character. It is the loss itself for the bigram table, which sees no more.
    """
    before, targets = tokens[:-1], tokens[1:]
    total = 0.0
    for first, logits in _after_each(model, torch.arange(model.config.vocab_size)):
        after = logits.log_softmax(dim=-1)
        here = (before >= first) & (before < first + len(after))
        total -= float(after[before[here] - first, targets[here]].sum(dtype=torch.float64))
    return total / len(targets)


def _after_each(model: LanguageModel, tokens: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Logits of what follows each of `tokens`, (rows, V), a part of them at a time.

    Each part comes with the place of its first token.
    """
    n_rows = max(1, MAX_LOGITS // model.config.vocab_size)
    for first in range(0, len(tokens), n_rows):
        logits: Tensor = model(tokens[first : first + n_rows, None])  # rows, 1, V
        yield first, logits[:, 0]
