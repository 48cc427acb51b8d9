"""Third model: attention again and again, with time to think in between.

What is new since the single attention layer: a stream of vectors, one per character, runs through
n_layer blocks: the residual stream. Each block reads it (LayerNorm), adds what its attention found,
reads again and adds what a small network (MLP) makes of each character on its own. Since blocks
only add (residual connections), the gradient reaches every one of them undiminished in the backward
pass, and a deep stack still learns. The head is the token embedding turned round (tied weights).

The arithmetic and the number of parameters are nanoGPT's.

Sources: Radford et al. 2019 (GPT-2), "Language Models are Unsupervised Multitask Learners";
https://github.com/karpathy/nanoGPT (`model.py`). Residual connections: He et al. 2016,
https://arxiv.org/abs/1512.03385; the stream that they make: Elhage et al. 2021,
https://transformer-circuits.pub/2021/framework. Tied head: Press and Wolf 2017,
https://arxiv.org/abs/1608.05859.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.models.attention import CausalSelfAttention
from core.models.base import LanguageModel, Trace
from core.models.dropout import Dropout
from core.settings.config import ModelConfig


class MLP(nn.Module):
    """Four times as wide inside, GELU between: each character is worked on by itself."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.widen = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.output = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.output(F.gelu(self.widen(x)))  # B, T, C -> B, T, 4C -> B, T, C
        y = self.dropout(y)
        return y


class Block(nn.Module):
    """Look around, then think: both read the residual stream normalised and add to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.attention = CausalSelfAttention(config)
        self.norm_2 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.mlp = MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm_1(x))  # B, T, C
        x = x + self.mlp(self.norm_2(x))  # B, T, C
        return x

    def explained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block written out: its output (B, T, C) and its attention weights (B, H, T, T)."""
        found, weights = self.attention.explained(self.norm_1(x))
        x = x + found
        return x + self.mlp(self.norm_2(x)), weights


class Transformer(LanguageModel):
    """Embeddings of what and where, a stack of blocks, a last LayerNorm, and the tied head."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Embedding(config.block_size, config.n_embd)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.n_embd, bias=config.bias)

    def forward(self, idx: Tensor) -> Tensor:
        x = self._embed(idx)
        for block in self.blocks:
            x = block(x)
        return self.unembed(x, idx)

    def trace(self, idx: Tensor) -> Trace:
        x = self._embed(idx)
        weights, stream = [], []
        for block in self.blocks:
            assert isinstance(block, Block)
            x, layer = block.explained(x)
            weights.append(layer)
            stream.append(x)
        return Trace(self.unembed(x, idx), torch.stack(weights), torch.stack(stream))

    def _embed(self, idx: Tensor) -> Tensor:
        T = idx.shape[1]
        x: Tensor = self.dropout(self.token_embedding(idx) + self.position_embedding.weight[:T])
        return x  # B, T, C

    def unembed(self, x: Tensor, idx: Tensor) -> Tensor:
        return F.linear(self.norm(x), self.token_embedding.weight)  # B, T, V

    def init_weights(self, generator: torch.Generator) -> None:
        """As GPT-2: what blocks add starts small, so that the residual stream stays as wide."""
        super().init_weights(generator)
        std = 0.02 / math.sqrt(2 * self.config.n_layer)
        for block in self.blocks:
            assert isinstance(block, Block)
            nn.init.normal_(block.attention.output.weight, std=std, generator=generator)
            nn.init.normal_(block.mlp.output.weight, std=std, generator=generator)
