"""Where the attention heads of a model look in a text, and what all of them are worth.

Reads models and never changes them. Shapes: L layers, H heads, T characters looked at, N tokens of
a text.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.interpretability.parts import attention_of, without
from core.models import LanguageModel
from core.text.corpus import Vocabulary
from core.training.evaluation import split_loss


@torch.inference_mode()
def attention_weights(model: LanguageModel, vocabulary: Vocabulary, text: str) -> Tensor:
    """How much each character of a text takes from each: (L, H, T, T), rows sum to 1.

    T is the length of the text, at most block_size: of a longer text the model sees the end.
    Row t is the character that looks. L is 0 for a model without attention.

    Raises PromptError for characters outside the vocabulary.
    """
    seen = text[-model.config.block_size :]
    tokens = vocabulary.encode(seen)[None]  # 1, T
    return model.trace(tokens).attention[:, 0]


@dataclass(frozen=True, kw_only=True, slots=True)
class AttentionWorth:
    """The loss of a model on a text as it is, and with its attention left out."""

    with_nats: float
    without_nats: float
    n_guesses: int
    """One for each character of the text but the first."""


def attention_worth(model: LanguageModel, tokens: Tensor) -> AttentionWorth:
    """Measure a model on a text (N,) with and without its attention. Leaves the model alone.

    Raises ConfigError for a model that has no attention.
    """
    deprived = without(model, attention_of(model))
    return AttentionWorth(
        with_nats=split_loss(model, tokens),
        without_nats=split_loss(deprived, tokens),
        n_guesses=len(tokens) - 1,
    )
