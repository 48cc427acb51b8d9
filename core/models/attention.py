"""Second model: every character may look at all the characters before it.

What is new since the bigram: a character is no longer a row of logits but a vector, made of what
it is and where it stands, and one layer of multi-head causal self-attention mixes these vectors.
Each head asks a question (query), every earlier character offers an answer to look for (key) and
something to take (value).

Source: Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762,
equation 1 and section 3.2.2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from core.config import ModelConfig
from core.models.base import LanguageModel, Trace
from core.models.kernels import attend, drop


class CausalSelfAttention(nn.Module):
    """softmax(Q K^T / sqrt(D)) V, in H heads side by side, blind to the future."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.dropout = config.dropout
        self.query_key_value = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.output = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C), without the weights that `explained` gives."""
        mixed = attend(*self._heads(x), self.dropout if self.training else 0.0)
        return drop(self.output(self._merge(mixed)), self.dropout, self.training)

    def weights(self, x: Tensor) -> Tensor:
        """How much each character takes from each: (B, T, C) -> (B, H, T, T), rows sum to 1."""
        q, k, _ = self._heads(x)
        T, D = q.shape[-2:]
        scores = q @ k.transpose(-2, -1) / math.sqrt(D)  # B, H, T, T
        future = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(diagonal=1)
        return scores.masked_fill(future, -math.inf).softmax(dim=-1)

    def explained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The layer written out: its output (B, T, C), and the weights (B, H, T, T) behind it."""
        weights = self.weights(x)
        _, _, v = self._heads(x)
        return self.output(self._merge(weights @ v)), weights

    def _heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, H, T, D)."""
        B, T, C = x.shape
        qkv = self.query_key_value(x).view(B, T, 3, self.n_head, C // self.n_head)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # 3, B, H, T, D
        return q, k, v

    def _merge(self, heads: Tensor) -> Tensor:
        """Put the heads next to each other again: (B, H, T, D) -> (B, T, C)."""
        return heads.transpose(1, 2).flatten(2)


class AttentionModel(LanguageModel):
    """Embeddings of what and where, one layer of attention, and a head that turns it to logits."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding = nn.Embedding(config.block_size, config.n_embd)
        self.attention = CausalSelfAttention(config)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, idx: Tensor) -> Tensor:
        logits: Tensor = self.head(self.attention(self._embed(idx)))  # B, T, V
        return logits

    def trace(self, idx: Tensor) -> Trace:
        mixed, weights = self.attention.explained(self._embed(idx))
        return Trace(self.head(mixed), attention=weights.unsqueeze(0))

    def _embed(self, idx: Tensor) -> Tensor:
        T = idx.shape[1]
        x: Tensor = self.token_embedding(idx) + self.position_embedding.weight[:T]  # B, T, C
        return drop(x, self.config.dropout, self.training)
