"""Second model: every character may look at all the characters before it.

What is new since the bigram: a character is no longer a row of logits but a vector, made of what
it is and where it stands, and one layer of multi-head causal self-attention mixes these vectors.
Each head asks a question (query), every earlier character offers an answer to look for (key) and
something to take (value).

Top to bottom: how well queries match keys (`attention_scores`), the weights that mask and softmax
make of it (`causal_weights`), the mix of values (`attend`), the layer around them with its
projections (`CausalSelfAttention`), the model (`AttentionModel`). Shapes as in `core.models.base`.
Where torch computes the whole of `attend` at once it applies the same mask itself: on a GPU, and on
a CPU in float32 without dropout (`core.models.kernels`). So does the decoder that writes, in numpy.

Source: Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762,
equation 1 and section 3.2.2.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from core.models.base import LanguageModel, Trace
from core.models.dropout import Dropout
from core.models.kernels import fused_attention, is_written_out
from core.settings.config import ModelConfig


def attention_scores(q: Tensor, k: Tensor) -> Tensor:
    """Q K^T / sqrt(D), how well each query matches each key: twice (B, H, T, D) to (B, H, T, T)."""
    D = q.shape[-1]
    return (q / math.sqrt(D)) @ k.mT


def causal_weights(q: Tensor, k: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(D)), blind to the future: twice (B, H, T, D) to (B, H, T, T).

    Row t says how much character t takes from each; rows sum to 1. The causal mask adds -inf above
    the diagonal, where softmax then gives 0.
    """
    scores = attention_scores(q, k)  # B, H, T, T
    T = scores.shape[-1]
    mask = scores.new_full((T, T), -math.inf).triu(diagonal=1)  # T, T
    return (scores + mask).softmax(dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, dropout: Dropout) -> Tensor:
    """Each character's mix of values: three times (B, H, T, D) to (B, H, T, D)."""
    if is_written_out(v.device, v.dtype, dropout.rate):
        weights: Tensor = dropout(causal_weights(q, k))  # B, H, T, T
        return weights @ v
    return fused_attention(q, k, v, dropout.rate)  # the same, in one kernel


class CausalSelfAttention(nn.Module):
    """softmax(Q K^T / sqrt(D)) V, in H heads side by side, blind to the future."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.query_key_value = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.output = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        mixed = attend(*self.heads(x), self.dropout)  # B, H, T, D
        y: Tensor = self.dropout(self.output(self._merge(mixed)))
        return y

    def explained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The layer written out: its output (B, T, C), and the weights (B, H, T, T) behind it."""
        q, k, v = self.heads(x)
        weights = causal_weights(q, k)
        return self.output(self._merge(weights @ v)), weights

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
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
        self.dropout = Dropout(config.dropout)
        self.attention = CausalSelfAttention(config)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, idx: Tensor) -> Tensor:
        return self.unembed(self.attention(self._embed(idx)), idx)

    def trace(self, idx: Tensor) -> Trace:
        mixed, weights = self.attention.explained(self._embed(idx))
        logits = self.unembed(mixed, idx)
        return Trace(logits, attention=weights.unsqueeze(0), stream=mixed.unsqueeze(0))

    def unembed(self, x: Tensor, idx: Tensor) -> Tensor:
        logits: Tensor = self.head(x)  # B, T, V
        return logits

    def _embed(self, idx: Tensor) -> Tensor:
        T = idx.shape[1]
        x: Tensor = self.dropout(self.token_embedding(idx) + self.position_embedding.weight[:T])
        return x  # B, T, C
