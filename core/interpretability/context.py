"""What context buys: the loss by how many characters a model could see, which is its place.

The first guess of a window is made from one character, the last from as many as block_size says. So
the loss at each place says what one more character of context was worth, and where a model has
stopped to gain from more.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from core.errors import CorpusError
from core.models import LanguageModel
from core.text.corpus import Corpus
from core.text.reference import ngram_losses
from core.training.evaluation import evaluating

_CHARACTERS_PER_PASS = 4096
LONGEST_COUNTED = 4
"""Characters of context up to which counted n-grams are worth comparing with."""


def loss_by_context(model: LanguageModel, tokens: Tensor) -> Tensor:
    """Mean loss in nats at each place of the full windows of a text (N,): (T,), float64.

    Place i, from 0, is guessed from i + 1 characters. Windows follow each other without overlap;
    the last short one is left out. Raises CorpusError for a text shorter than one window.
    """
    T = model.config.block_size
    windows = tokens[: (len(tokens) - 1) // T * T + 1]
    if len(windows) <= T:
        raise CorpusError(f"The text has less than one whole window of {T:,} characters.")
    total = torch.zeros(T, dtype=torch.float64)
    rows = windows.unfold(0, T + 1, T)
    with evaluating(model):
        for batch in torch.split(rows, max(1, _CHARACTERS_PER_PASS // T)):
            logits = model(batch[:, :-1]).flatten(0, 1)
            losses = F.cross_entropy(logits, batch[:, 1:].flatten(), reduction="none")
            total += losses.view(len(batch), T).sum(dim=0, dtype=torch.float64)
    return total / len(rows)


def counted_by_context(corpus: Corpus) -> list[float]:
    """Losses in nats of counted n-grams that see 1, 2, …, LONGEST_COUNTED characters.

    Over the validation split, smoothed as `core.text.reference` says.
    """
    losses = ngram_losses(
        corpus.train, corpus.val, len(corpus.vocabulary), longest=LONGEST_COUNTED + 1
    )
    return [losses[n] for n in range(2, LONGEST_COUNTED + 2)]
