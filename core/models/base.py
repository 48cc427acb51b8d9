"""What a language model is, for everything else in the lab: tokens in, logits out.

Knows nothing of text, of training or of how any one model works inside.

Shapes, in all files of this folder:
    B  sequences in a batch          C  n_embd, the width of a character inside
    T  characters in a sequence      H  n_head, heads in a layer
    V  vocabulary size               D  C / H, the width of one head
    L  layers with attention (0 for the bigram table)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.settings.config import ModelConfig


@dataclass(frozen=True)
class Trace:
    """A model's insides for one batch.

    `logits` (B, T, V) are those that `forward` returns. `attention` (L, B, H, T, T) holds the
    attention weights: row t says how much character t takes from each character up to itself.
    `stream` (L, B, T, C) is the residual stream after each layer; `unembed` makes logits of it.
    """

    logits: Tensor
    attention: Tensor
    stream: Tensor


class LanguageModel(nn.Module, ABC):
    """Predicts the next character at every position of every sequence at once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, idx: Tensor) -> Tensor:
        """The forward pass: tokens (B, T), T at most block_size, to logits (B, T, V)."""

    @abstractmethod
    def trace(self, idx: Tensor) -> Trace:
        """The same computation written out, with what `forward` keeps to itself."""

    def unembed(self, x: Tensor, idx: Tensor) -> Tensor:
        """The way out: what a layer left (B, T, C), and the tokens (B, T), to logits (B, T, V).

        In a model without layers nothing was left, and the tokens are all there is.
        """
        logits: Tensor = self(idx)
        return logits

    @property
    def n_params(self) -> int:
        """Learned numbers, each counted once."""
        return sum(p.numel() for p in self.parameters())

    def init_weights(self, generator: torch.Generator) -> None:
        """GPT-2's start: small normal matrices, zero biases, LayerNorms that change nothing."""
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02, generator=generator)
            if isinstance(module, nn.LayerNorm):
                nn.init.ones_(module.weight)
            if isinstance(module, (nn.Linear, nn.LayerNorm)) and module.bias is not None:
                nn.init.zeros_(module.bias)
