"""The transition matrix that a model has in use: its guesses averaged over real contexts.

A model that sees many characters has no table of what follows what. But the mean of its guesses at
all places where a character stands is such a row: what the model thinks follows this character when
one forgets what came before it. A model that is right at every place must come out at the counts of
the text, since averaging the probabilities of what follows a context over all contexts that end in
a character gives those after the character alone. And how far its single guesses stray from that
mean is what the context told them.

Reads models and never changes them. Shapes: B windows, T = block_size, V = vocabulary size, K
characters kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.interpretability.divergence import row_entropies
from core.models import LanguageModel
from core.training.evaluation import evaluating

_CHARACTERS_PER_PASS = 1024


@dataclass(frozen=True, eq=False, kw_only=True)
class AveragedTransitions:
    """The mean guess after each character over all places of some windows."""

    probabilities: Tensor
    """(K, V), float64. Rows sum to 1; that of a character that comes nowhere is NaN."""
    followed: Tensor
    """How often each character really followed at these places, (K, V), int64."""
    n_windows: int
    context_nats: float
    """How far a single guess is from the mean of its row, on average over the places: the
    Kullback-Leibler divergence, which is 0 for a model that looks at one character alone."""
    loss_nats: float
    """What the single guesses cost on average: the loss at these places."""

    @property
    def n_places(self) -> Tensor:
        """At how many places each character stands, (K,), int64."""
        return self.followed.sum(dim=1)

    def loss_of(self, table: Tensor) -> float:
        """What the rows of a table (K, V) of probabilities would cost at the same places."""
        costs = torch.where(self.followed > 0, -table.double().log() * self.followed, 0.0)
        return float(costs.sum() / self.followed.sum().clamp_min(1))


def averaged_transitions(
    model: LanguageModel, windows: Tensor, kept: Tensor | None = None
) -> AveragedTransitions:
    """Mean of the model's guesses over all places of windows (B, T + 1), by the character there.

    T is at most block_size; the last token of a window is a target only. The first places of a
    window have little context, as in training. With `kept` (K,) only the rows of these characters.
    """
    V, T = model.config.vocab_size, windows.shape[1] - 1
    kept = torch.arange(V) if kept is None else kept
    row_of = torch.full((V,), -1)
    row_of[kept] = torch.arange(len(kept))
    total = torch.zeros(len(kept), V, dtype=torch.float64)
    followed = torch.zeros(len(kept) * V, dtype=torch.int64)
    entropy, cost = 0.0, 0.0  # of the single guesses, summed
    with evaluating(model):
        for batch in torch.split(windows, max(1, _CHARACTERS_PER_PASS // T)):
            rows, targets = row_of[batch[:, :-1].flatten()], batch[:, 1:].flatten()
            is_kept = rows >= 0
            rows, targets = rows[is_kept], targets[is_kept]
            logits = model(batch[:, :-1]).flatten(0, 1)[is_kept]
            guesses = logits.softmax(dim=-1).double()  # places, V
            total.index_add_(0, rows, guesses)
            followed += torch.bincount(rows * V + targets, minlength=len(followed))
            entropy += float(row_entropies(guesses).sum())
            cost += float(F.cross_entropy(logits.double(), targets, reduction="sum"))
    counts = followed.view(len(kept), V)
    n_places = counts.sum(dim=1)
    means = total / n_places[:, None]  # 0 / 0 is NaN: not known
    of_means = float((row_entropies(means).nan_to_num() * n_places).sum())
    n = max(1, int(n_places.sum()))
    return AveragedTransitions(
        probabilities=means, followed=counts, n_windows=len(windows),
        context_nats=(of_means - entropy) / n, loss_nats=cost / n,
    )  # fmt: skip
