"""First model: the next character depends on the last one, and on nothing else.

One table of V x V numbers. Row i holds the logits of what follows character i; softmax over a row
gives probabilities. There is nothing in between, so the table itself is the whole model, and the
best it can become are the counts of `core.text.reference`.

Source: the first model of https://github.com/karpathy/ng-video-lecture (`bigram.py`).
"""

from __future__ import annotations

from torch import Tensor, nn

from core.models.base import LanguageModel, Trace
from core.settings.config import ModelConfig


class BigramModel(LanguageModel):
    """One row of logits for each character."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.table = nn.Embedding(config.vocab_size, config.vocab_size)

    def forward(self, idx: Tensor) -> Tensor:
        logits: Tensor = self.table(idx)  # B, T -> B, T, V
        return logits

    def trace(self, idx: Tensor) -> Trace:
        B, T = idx.shape
        nothing = self.table.weight.new_zeros
        return Trace(self(idx), attention=nothing(0, B, 0, T, T), stream=nothing(0, B, T, 0))
