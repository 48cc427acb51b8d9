"""What a trained model does inside: where its heads look, and what it thinks follows a character.

Reads models and never changes them. Knows nothing of runs, of files or of screens.

Shapes: L layers, H heads, T characters looked at, V = vocabulary size, N tokens of a text.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from core.errors import ConfigError
from core.models import LanguageModel
from core.models.attention import CausalSelfAttention
from core.models.fast import FastAttention
from core.runs.lab import LoadedModel
from core.training.trainer import split_loss

Pattern = Literal["even", "previous", "itself", "first", "nearby", "mixed"]

STRONG_SHARE = 0.4
"""A head is named after the one place that gets at least this much of its weight on average."""
NEARLY_EVEN = 0.97
"""A head is even when its entropy reaches this share of what spreading evenly would give."""
NEARBY = 0.5
"""A head stays nearby when it looks at most this share as far back as spreading evenly would."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadSummary:
    """What one head does on one text, averaged over all characters that have a choice.

    The first character can only look at itself, so it is left out. Shares go from 0 to 1.
    """

    previous: float
    """Share of the weight on the character just before."""
    itself: float
    first: float
    """Share on the first character of the text."""
    mean_distance: float
    """How far back the head looks, in characters, each weighed by its share."""
    entropy_nats: float
    """How much the weight is spread out: 0 for all of it on one character."""


@torch.inference_mode()
def attention_weights(loaded: LoadedModel, text: str) -> Tensor:
    """How much each character of a text takes from each: (L, H, T, T), rows sum to 1.

    T is the length of the text, at most block_size: of a longer text the model sees the end.
    Row t is the character that looks. L is 0 for a model without attention.

    Raises PromptError for characters outside the vocabulary.
    """
    seen = text[-loaded.model.config.block_size :]
    tokens = loaded.vocabulary.encode(seen)[None]  # 1, T
    return loaded.model.trace(tokens).attention[:, 0]


def even_weights(n_characters: int) -> Tensor:
    """What a head does that has learned nothing, spread over all that it may see: (T, T)."""
    allowed = torch.ones(n_characters, n_characters).tril()
    return allowed / allowed.sum(dim=1, keepdim=True)


def head_summary(weights: Tensor) -> HeadSummary:
    """Sum up the attention weights (T, T) of one head.

    Raises ValueError when there are less than two characters, so that none has a choice.
    """
    T = len(weights)
    if T < 2:
        raise ValueError(f"a head's habits show from two characters on, not {T}")
    place = torch.arange(T, dtype=weights.dtype)
    distance = place[:, None] - place[None, :]  # T, T
    choosing = weights[1:]
    return HeadSummary(
        previous=float(weights.diagonal(-1).mean()),
        itself=float(weights.diagonal()[1:].mean()),
        first=float(choosing[:, 0].mean()),
        mean_distance=float((choosing * distance[1:]).sum(dim=1).mean()),
        entropy_nats=float(torch.special.entr(choosing).sum(dim=1).mean()),
    )


def name_pattern(head: HeadSummary, even: HeadSummary) -> Pattern:
    """Name what a head does by rules on its summary and on that of `even_weights`.

    In this order: `even`, if its entropy is nearly that of even spreading; the place that gets most
    of its weight, if that is at least STRONG_SHARE and twice what even spreading would give;
    `nearby`, if it looks back at most NEARBY times as far; else `mixed`.
    """
    if head.entropy_nats >= NEARLY_EVEN * even.entropy_nats:
        return "even"
    places: dict[Pattern, tuple[float, float]] = {
        "previous": (head.previous, even.previous),
        "itself": (head.itself, even.itself),
        "first": (head.first, even.first),
    }
    strongest = max(places, key=lambda place: places[place][0])
    share, even_share = places[strongest]
    if share >= max(STRONG_SHARE, 2 * even_share):
        return strongest
    return "nearby" if head.mean_distance <= NEARBY * even.mean_distance else "mixed"


@dataclass(frozen=True, kw_only=True, slots=True)
class AttentionWorth:
    """The loss of a model on a text as it is, and with its attention left out."""

    with_nats: float
    without_nats: float
    n_guesses: int
    """One for each character of the text but the first."""


def attention_worth(model: LanguageModel, tokens: Tensor) -> AttentionWorth:
    """Measure a model on a text (N,) with and without its attention. Leaves the model alone.

    Others may be using the model meanwhile, so a copy of it goes without.
    Raises ConfigError for a model that has no attention.
    """
    with_nats = split_loss(model, tokens)
    deprived = copy.deepcopy(model)
    with without_attention(deprived):
        without_nats = split_loss(deprived, tokens)
    return AttentionWorth(with_nats=with_nats, without_nats=without_nats, n_guesses=len(tokens) - 1)


@contextmanager
def without_attention(model: LanguageModel) -> Iterator[None]:
    """Inside, all attention layers add nothing, and everything else stays: what are they worth?

    Raises ConfigError for a model that has none.
    """
    layers = [m for m in model.modules() if isinstance(m, (CausalSelfAttention, FastAttention))]
    if not layers:
        raise ConfigError(f"The {model.config.model} model has no attention to leave out.")
    hooks = [layer.register_forward_hook(_silence) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _silence(layer: nn.Module, seen: tuple[Any, ...], found: Tensor) -> Tensor:
    return torch.zeros_like(found)


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


_MAX_LOGITS = 2**24


def _after_each(model: LanguageModel, tokens: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Log-probabilities of what follows each of `tokens`, (rows, V), a part of them at a time.

    Each part comes with the place of its first token.
    """
    n_rows = max(1, _MAX_LOGITS // model.config.vocab_size)
    for first in range(0, len(tokens), n_rows):
        logits: Tensor = model(tokens[first : first + n_rows, None])  # rows, 1, V
        yield first, logits[:, 0].log_softmax(dim=-1)
