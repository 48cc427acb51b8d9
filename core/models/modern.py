"""The transformer again, as one would build it today: the same idea, better ingredients.

What changes since `transformer`, and where each comes from:

* Rotary positions: queries and keys are turned by an angle that grows with the position, so that
  what a head sees depends on the distance. Su et al. 2021, https://arxiv.org/abs/2104.09864.
* RMS norm without learned scales: only the length of a vector is normalised. Zhang and Sennrich
  2019, https://arxiv.org/abs/1910.07467.
* Norm on queries and keys: no head can become arbitrarily sure early on. Henry et al. 2020,
  https://arxiv.org/abs/2010.04245.
* Token shift: half of what a layer reads comes from the character before, so that no head has to
  learn to look one character back. Peng et al. 2023 (RWKV), https://arxiv.org/abs/2305.13048.
* ReLU squared instead of GELU: cheaper, and at least as good. So et al. 2021 (Primer),
  https://arxiv.org/abs/2109.08668.
* Outputs that start at zero: at first every block adds nothing. Zhang et al. 2019 (Fixup),
  https://arxiv.org/abs/1901.09321.
* An untied head: it too starts at zero, so the first guess is exactly uniform.
* Where `head_gates` says so, a gate behind each head: from what the layer reads, the head works out
  how much of what it has mixed it lets through. Qiu et al. 2025, https://arxiv.org/abs/2505.06708.
* Where `pair_embedding` says so, a vector for each pair of characters beside that of the character,
  so that the first layer need not find out what stands before. Huang et al. 2025,
  https://arxiv.org/abs/2501.16975.
* Where `logit_cap` says so, logits bent by c tanh(z / c), so that none leaves (-c, c). Gemma Team
  2024 (Gemma 2), https://arxiv.org/abs/2408.00118.

Together they were tried in https://github.com/KellerJordan/modded-nanogpt.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.models.attention import attend, causal_weights
from core.models.base import LanguageModel, Trace
from core.models.dropout import Dropout
from core.models.fused import Rotation, relu_squared, rotated_norm, shifted_norm
from core.models.ngrams import NgramTables, Tokens, rows_of
from core.settings.config import ModelConfig

ROTARY_BASE = 1000.0
"""The fastest pair turns by one radian in a character, the slowest in about this many of them.

Su et al. take 10,000; modded-nanogpt takes 1,024, and the lab's windows are shorter still: within
a few hundred characters the slowest pairs of a base of 10,000 would hardly turn. It matters little:
in one run of the fast recipe at block_size 64 the two came within 0.003 nats of each other."""

GATE_WIDTH = 12
"""A gate reads so many numbers of the character's own: all of them would make it a matrix as large
as that of the values, and modded-nanogpt found these to do."""
MAX_PAIR_ROWS = 2**13
"""Pairs have a row each while there are no more of them, which is up to 90 characters."""


def rms_norm(x: Tensor) -> Tensor:
    """Vectors of the last dimension at length sqrt(their size)."""
    return F.rms_norm(x, (x.shape[-1],))


def token_shift(x: Tensor) -> Tensor:
    """(B, T, C): the second half of each vector is taken from the character before."""
    half = x.shape[-1] // 2
    before = F.pad(x[:, :-1, half:], (0, 0, 1, 0))
    return torch.cat((x[..., :half], before), dim=-1)


def rotation(T: int, D: int, device: torch.device) -> Rotation:
    """Slow and fast clocks: pair i of position t is turned by t / ROTARY_BASE^(2i / D)."""
    pairs = torch.arange(0, D, 2, device=device, dtype=torch.float32)
    positions = torch.arange(T, device=device, dtype=torch.float32)
    angles = torch.outer(positions, ROTARY_BASE ** (-pairs / D))  # T, D / 2
    return angles.cos(), angles.sin()


def rotate(x: Tensor, by: Rotation) -> Tensor:
    """Turn each pair of numbers of x (…, T, D) by its angle; lengths stay."""
    cos, sin = by
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class ModernAttention(nn.Module):
    """Causal self-attention with rotary positions and normalised queries and keys.

    After the norm queries and keys have length sqrt(D), so that a score, which is still divided by
    sqrt(D), lies between -sqrt(D) and sqrt(D): a head can become sure, but not without bound. Henry
    et al. take length 1 and learn the scale; a fixed one is also what
    https://github.com/karpathy/nanochat has (`gpt.py`). Without any, scores between -1 and 1, one
    run of the fast recipe ended 0.014 nats higher.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.query_key_value = nn.Linear(config.n_embd, 3 * config.n_embd, bias=False)
        self.output = nn.Linear(config.n_embd, config.n_embd, bias=False)
        width = min(GATE_WIDTH, config.n_embd)
        self.gate = nn.Linear(width, config.n_head, bias=False) if config.head_gates else None
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, by: Rotation) -> Tensor:
        mixed = attend(*self.heads(x, by), self.dropout)  # B, H, T, D
        if self.gate is not None:
            mixed = mixed * self.openings(x)[..., None]
        y: Tensor = self.output(mixed.transpose(1, 2).flatten(2))  # B, T, C
        return y

    def weights(self, x: Tensor, by: Rotation) -> Tensor:
        """The attention weights written out: (B, H, T, T), rows sum to 1."""
        q, k, _ = self.heads(x, by)
        return causal_weights(q, k)

    def openings(self, x: Tensor) -> Tensor:
        """How far each head's gate is open at each character: (B, H, T), from 0 to 2.

        1 where there are no gates, and at the start of training.
        """
        if self.gate is None:
            return x.new_ones(x.shape[0], self.n_head, x.shape[1])
        asked: Tensor = self.gate(x[..., : self.gate.in_features])  # B, T, H
        return 2 * asked.sigmoid().mT

    def heads(self, x: Tensor, by: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, H, T, D)."""
        B, T, C = x.shape
        qkv = self.query_key_value(x).view(B, T, 3, self.n_head, C // self.n_head)
        heads = qkv.permute(2, 0, 3, 1, 4)  # 3, B, H, T, D
        q, k = rotated_norm(heads[:2], by)
        return q, k, heads[2]


class ModernBlock(nn.Module):
    """Attention and MLP: each reads the residual stream, shifted and normalised, and adds to it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = ModernAttention(config)
        self.widen = nn.Linear(config.n_embd, 4 * config.n_embd, bias=False)
        self.output = nn.Linear(4 * config.n_embd, config.n_embd, bias=False)
        self.dropout = Dropout(config.dropout)

    def forward(self, x: Tensor, by: Rotation) -> Tensor:
        x = x + self.dropout(self.attention(shifted_norm(x), by))
        thought = self.output(relu_squared(self.widen(shifted_norm(x))))
        x = x + self.dropout(thought)
        return x


class ModernTransformer(LanguageModel):
    """Embedding, n_layer modern blocks, an untied head, and n-gram tables where there are any."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.token_embedding = nn.Embedding(config.vocab_size, config.n_embd)
        n_pairs = n_pair_rows(config)
        self.pair_embedding = nn.Embedding(n_pairs, config.n_embd) if n_pairs else None
        self.dropout = Dropout(config.dropout)
        self.blocks = nn.ModuleList(ModernBlock(config) for _ in range(config.n_layer))
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.tables = NgramTables(config) if config.ngrams else None
        self.knows_positions = True
        """Set to False, queries and keys are turned nowhere: `core.interpretability.parts` does."""

    def forward(self, idx: Tensor) -> Tensor:
        x, by = self._embed(idx)
        for block in self.blocks:
            x = block(x, by)
        return self.unembed(x, idx)

    def trace(self, idx: Tensor) -> Trace:
        x, by = self._embed(idx)
        weights, stream = [], []
        for block in self.blocks:
            assert isinstance(block, ModernBlock)
            weights.append(block.attention.weights(shifted_norm(x), by))
            x = block(x, by)
            stream.append(x)
        return Trace(self.unembed(x, idx), torch.stack(weights), torch.stack(stream))

    def rotation(self, T: int, device: torch.device) -> Rotation:
        """How far each pair of numbers of a query or a key is turned at each of T positions."""
        angles = rotation(T, self.config.head_size, device)
        if self.knows_positions:
            return angles
        cos, sin = angles
        return torch.ones_like(cos), torch.zeros_like(sin)

    def _embed(self, idx: Tensor) -> tuple[Tensor, Rotation]:
        x = rms_norm(self.token_embedding(idx))  # B, T, C
        if self.pair_embedding is not None:
            before = F.pad(idx, (1, 0))[:, :-1]
            x = x + self.pair_embedding(pair_rows(idx, before, self.config))
        x = self.dropout(x)
        return x, self.rotation(idx.shape[1], idx.device)

    def unembed(self, x: Tensor, idx: Tensor) -> Tensor:
        logits: Tensor = self.head(rms_norm(x))  # B, T, V
        if self.tables is not None:
            logits = logits + self.tables(idx)
        cap = self.config.logit_cap
        return cap * torch.tanh(logits / cap) if cap else logits

    def init_weights(self, generator: torch.Generator) -> None:
        """Unit embeddings, matrices that keep lengths; outputs, gates, pairs and head at zero."""
        nn.init.normal_(self.token_embedding.weight, generator=generator)
        nn.init.zeros_(self.head.weight)
        if self.pair_embedding is not None:
            nn.init.zeros_(self.pair_embedding.weight)
        for block in self.blocks:
            assert isinstance(block, ModernBlock)
            for reads in (block.attention.query_key_value, block.widen):
                nn.init.normal_(reads.weight, std=reads.in_features**-0.5, generator=generator)
            for adds in (block.attention.output, block.output):
                nn.init.zeros_(adds.weight)
            if block.attention.gate is not None:
                nn.init.zeros_(block.attention.gate.weight)
        if self.tables is not None:
            self.tables.init_weights()


def n_pair_rows(config: ModelConfig) -> int:
    """How many rows the pairs of characters have; 0 where there are no vectors for pairs."""
    return min(MAX_PAIR_ROWS, config.vocab_size**2) if config.pair_embedding else 0


def pair_rows(tokens: Tokens, before: Tokens, config: ModelConfig) -> Tokens:
    """The row of each character with the one before it, in the shape of both; before the first
    stands token 0."""
    (rows,) = rows_of([tokens, before], [n_pair_rows(config)], config.vocab_size)
    return rows
