"""Everything between the three models: a model that has any set of the ideas that separate them.

The bigram table knows one character. Give it vectors instead of rows, let them look at each other,
tell them where they stand, let them think, add instead of replace, keep them at one length, repeat:
that is the transformer. Here each of these is a switch, so that one can be added to a smaller
model, or left out of the whole, and nothing else changes. `core.settings.ideas` names them.

The parts are those of the models themselves (`CausalSelfAttention`, `MLP`), in the order in which
those make them: with the ideas of one of them, and the same seed, the numbers are the same
(`tests/core/models/test_ladder.py`). Shapes as in `core.models.base`.

Sources: those of `core.models.attention` and `core.models.transformer`. The model of no layers is
the "zero-layer transformer" of Elhage et al. 2021, https://transformer-circuits.pub/2021/framework;
the average of the past is the first step of https://github.com/karpathy/ng-video-lecture.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.models.attention import CausalSelfAttention
from core.models.base import LanguageModel, Trace
from core.models.dropout import Dropout
from core.models.transformer import MLP
from core.settings.config import ModelConfig


class SwitchedAttention(CausalSelfAttention):
    """Self-attention of which the causal mask or the 1 / sqrt(D) may be left out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.is_masked, self.is_scaled = config.has("mask"), config.has("scale")

    def forward(self, x: Tensor) -> Tensor:
        if self.is_masked:
            return super().forward(x)
        q, k, v = self.heads(x)
        weights: Tensor = self.dropout(_weights_without_mask(q, k))  # B, H, T, T
        y: Tensor = self.dropout(self.output(self._merge(weights @ v)))
        return y

    def explained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.is_masked:
            return super().explained(x)
        q, k, v = self.heads(x)
        weights = _weights_without_mask(q, k)
        return self.output(self._merge(weights @ v)), weights

    def heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = super().heads(x)
        if not self.is_scaled:
            q = q * math.sqrt(q.shape[-1])  # by which the weights divide it again
        return q, k, v


def _weights_without_mask(q: Tensor, k: Tensor) -> Tensor:
    """`causal_weights` without its mask: each character also sees those it is to guess."""
    return ((q / math.sqrt(q.shape[-1])) @ k.mT).softmax(dim=-1)  # B, H, T, T


class FixedMixing(nn.Module):
    """Where a layer of attention would stand: values, mixed in shares that nothing is learned for.

    With `average` each character takes as much from every one up to itself, else all from itself.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.averages = config.has("average")
        self.value = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.output = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C)."""
        mixed = self.value(x)
        if self.averages:
            mixed = self._shares(x) @ mixed  # T, T times B, T, C
        y: Tensor = self.dropout(self.output(mixed))
        return y

    def explained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `CausalSelfAttention.explained` gives: all heads have the same weights here."""
        B, T, _ = x.shape
        shares = self._shares(x)
        return self.output(shares @ self.value(x)), shares.expand(B, self.n_head, T, T)

    def _shares(self, x: Tensor) -> Tensor:
        """How much each character takes from each: (T, T), rows sum to 1."""
        T = x.shape[1]
        if not self.averages:
            return torch.eye(T, dtype=x.dtype, device=x.device)
        up_to_itself = torch.ones(T, T, dtype=x.dtype, device=x.device).tril()
        return up_to_itself / up_to_itself.sum(dim=1, keepdim=True)


class LadderBlock(nn.Module):
    """`Block` of the transformer, with those of its parts that the ideas name."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.adds = config.has("residual")
        self.norm_1 = _norm(config)
        self.attention: SwitchedAttention | FixedMixing = (
            SwitchedAttention(config) if config.has("attention") else FixedMixing(config)
        )
        self.mlp: MLP | None = None
        if config.has("mlp"):
            self.norm_2 = _norm(config)
            self.mlp = MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = self._joined(x, self.attention(self.norm_1(x)))  # B, T, C
        return self._thought(x)

    def explained(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block written out: its output (B, T, C) and its attention weights (B, H, T, T)."""
        found, weights = self.attention.explained(self.norm_1(x))
        return self._thought(self._joined(x, found)), weights

    def _thought(self, x: Tensor) -> Tensor:
        """What the MLP makes of it (B, T, C), where there is one."""
        return x if self.mlp is None else self._joined(x, self.mlp(self.norm_2(x)))

    def _joined(self, x: Tensor, found: Tensor) -> Tensor:
        """What a part found, added to what it read; without the residual stream, in its place."""
        return x + found if self.adds else found


class LadderModel(LanguageModel):
    """Embeddings, n_layer blocks (none is a number too) and a head, by the ideas of its config."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.position_embedding: nn.Embedding | None = None
        if config.has("positions"):
            self.position_embedding = nn.Embedding(config.block_size, config.n_embd)
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(LadderBlock(config) for _ in range(config.n_layer))
        self.norm = _norm(config)
        self.head: nn.Linear | None = None
        if not config.has("tied"):
            self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, idx: Tensor) -> Tensor:
        x = self._embed(idx)
        for block in self.blocks:
            x = block(x)
        return self.unembed(x, idx)

    def trace(self, idx: Tensor) -> Trace:
        B, T = idx.shape
        x = self._embed(idx)
        nothing = x.new_zeros
        weights, stream = [nothing(0, B, self.config.n_head, T, T)], [nothing(0, *x.shape)]
        for block in self.blocks:
            assert isinstance(block, LadderBlock)
            x, layer = block.explained(x)
            weights.append(layer[None])
            stream.append(x[None])
        return Trace(self.unembed(x, idx), torch.cat(weights), torch.cat(stream))

    def unembed(self, x: Tensor, idx: Tensor) -> Tensor:
        weight = self.token_embedding.weight if self.head is None else self.head.weight
        return F.linear(self.norm(x), weight)  # B, T, V

    def _embed(self, idx: Tensor) -> Tensor:
        x = self.token_embedding(idx)
        if self.position_embedding is not None:
            x = x + self.position_embedding.weight[: idx.shape[1]]
        y: Tensor = self.dropout(x)
        return y  # B, T, C

    def init_weights(self, generator: torch.Generator) -> None:
        """As in the models: only where blocks add does what they add start small."""
        super().init_weights(generator)
        std = 0.02 / math.sqrt(2 * max(1, self.config.n_layer))
        for block in self.blocks:
            assert isinstance(block, LadderBlock)
            if not block.adds:
                continue
            nn.init.normal_(block.attention.output.weight, std=std, generator=generator)
            if block.mlp is not None:
                nn.init.normal_(block.mlp.output.weight, std=std, generator=generator)


def _norm(config: ModelConfig) -> nn.Module:
    """A LayerNorm where the ideas name it; else nothing happens."""
    if config.has("norm"):
        return nn.LayerNorm(config.n_embd, bias=config.bias)
    return nn.Identity()
