"""One attention weight worked out: from a query and a key to what the head takes for it.

A weight is one cell in the map of a head: the character of its row looks at that of its column. The
numbers are those of a real forward pass: what the layer reads is listened to while a copy of the
model runs, and everything after it is computed by the model's own parts.

Layers, heads and places count from 1, as everywhere that people see them. Shapes: T characters
looked at, D numbers of a head.

Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, equation 1.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from core.errors import ConfigError
from core.interpretability.parts import attention_layers
from core.models import LanguageModel
from core.models.attention import CausalSelfAttention, attend, attention_scores, causal_weights
from core.models.ladder import FixedMixing, SwitchedAttention
from core.models.modern import ModernAttention, rms_norm
from core.text.corpus import Vocabulary

StageName = Literal["projected", "normalised", "turned"]


@dataclass(frozen=True)
class Cell:
    """Which weight: of which head of which layer, in which row and column of its map."""

    layer: int
    head: int
    query_place: int
    """The character that looks."""
    key_place: int
    """The character that is looked at."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A query and a key on their way to each other: (D,) each."""

    name: StageName
    query: Tensor
    key: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class CellArithmetic:
    """All that one weight is made of, and what becomes of it, in the order of the computation."""

    cell: Cell
    stages: tuple[Stage, ...]
    """From the projection to the query and the key that meet. The classic block has the first
    alone; the modern one normalises both, and turns each by its position."""
    products: Tensor
    """Number by number, query times key: (D,)."""
    dot: float
    """Their sum."""
    scale: float
    """What it is multiplied by: 1 / sqrt(D)."""
    scores: Tensor
    """The whole row, (T,): before the mask, so of the future too."""
    weights: Tensor
    """The row after mask and softmax, (T,)."""
    value: Tensor
    """What the character that is looked at has to give, (D,)."""
    contribution: Tensor
    """What is taken of it: weight times value, (D,)."""
    output: Tensor
    """What the head takes from all characters together, (D,)."""
    has_gate: bool
    opening: float
    """How much of the output its gate lets through, from 0 to 2; 1 where it has none."""

    @property
    def query(self) -> Tensor:
        return self.stages[-1].query

    @property
    def key(self) -> Tensor:
        return self.stages[-1].key

    @property
    def is_allowed(self) -> bool:
        """Whether the mask lets this character see that one: nobody looks ahead."""
        return self.cell.key_place <= self.cell.query_place

    @property
    def score(self) -> float:
        return float(self.scores[self.cell.key_place - 1])

    @property
    def weight(self) -> float:
        return float(self.weights[self.cell.key_place - 1])

    @property
    def share_of_output(self) -> float:
        """How far the contribution goes the output's way; over all characters it sums to 1.

        It can be below 0 or above 1, where contributions point apart.
        """
        length = float(self.output @ self.output)
        return float(self.contribution @ self.output) / length if length else 0.0


@torch.inference_mode()
def cell_arithmetic(
    model: LanguageModel, vocabulary: Vocabulary, text: str, cell: Cell
) -> CellArithmetic:
    """Work out one weight of a model on a text. Leaves the model alone.

    Of a text longer than block_size the model sees the end, and places count from there.

    Raises PromptError for characters outside the vocabulary, ConfigError for a cell that is not
    there.
    """
    seen = text[-model.config.block_size :]
    _check(model, cell, T=len(seen))
    attention, read = _what_a_layer_reads(model, vocabulary.encode(seen)[None], cell.layer)
    q, k, v = (x[0, cell.head - 1] for x in attention.heads(*read))  # T, D each
    row, column = cell.query_place - 1, cell.key_place - 1
    weights = causal_weights(q, k)[row]
    products = q[row] * k[column]
    return CellArithmetic(
        cell=cell,
        stages=(
            *_stages_before(attention, read[0], cell),
            _last_stage(attention, q[row], k[column]),
        ),
        products=products,
        dot=float(products.sum()),
        scale=1 / math.sqrt(len(products)),
        scores=attention_scores(q, k)[row],
        weights=weights,
        value=v[column],
        contribution=weights[column] * v[column],
        output=attend(q[None, None], k[None, None], v[None, None], attention.dropout)[0, 0, row],
        has_gate=model.config.head_gates,
        opening=_opening(attention, read[0], cell),
    )


def _check(model: LanguageModel, cell: Cell, T: int) -> None:
    config, n_layers = model.config, len(attention_layers(model))
    if not n_layers:
        raise ConfigError(f"The {config.model} model has no attention, so no cell to work out.")
    for name, place, last in (
        ("layer", cell.layer, n_layers),
        ("head", cell.head, config.n_head),
        ("query place", cell.query_place, T),
        ("key place", cell.key_place, T),
    ):
        if not 1 <= place <= last:
            raise ConfigError(f"There is no {name} {place} here: they go from 1 to {last}.")


def _what_a_layer_reads(
    model: LanguageModel, tokens: Tensor, layer: int
) -> tuple[CausalSelfAttention | ModernAttention, tuple[Any, ...]]:
    """The attention of a layer, and what it is called with in a forward pass over (1, T) tokens."""
    listened_to = copy.deepcopy(model).eval()  # others may be using the model
    attention = attention_layers(listened_to)[layer - 1]
    if isinstance(attention, FixedMixing):
        raise ConfigError("This model mixes in fixed shares: it has no queries and no keys.")
    if isinstance(attention, SwitchedAttention) and not attention.is_masked:
        raise ConfigError("This model looks ahead too: its weights have no causal mask.")
    read: list[tuple[Any, ...]] = []
    attention.register_forward_pre_hook(lambda module, given: read.append(given))
    listened_to(tokens)
    return attention, read[0]


def _opening(attention: CausalSelfAttention | ModernAttention, x: Tensor, cell: Cell) -> float:
    if isinstance(attention, CausalSelfAttention):
        return 1.0
    return float(attention.openings(x)[0, cell.head - 1, cell.query_place - 1])


def _stages_before(
    attention: CausalSelfAttention | ModernAttention, x: Tensor, cell: Cell
) -> list[Stage]:
    """What the modern block's query and key are before they are turned; nothing in the classic."""
    if isinstance(attention, CausalSelfAttention):
        return []
    T = x.shape[1]
    projected = attention.query_key_value(x).view(T, 3, attention.n_head, -1)[:, :, cell.head - 1]
    query, key = projected[cell.query_place - 1, 0], projected[cell.key_place - 1, 1]  # D each
    return [Stage("projected", query, key), Stage("normalised", rms_norm(query), rms_norm(key))]


def _last_stage(
    attention: CausalSelfAttention | ModernAttention, query: Tensor, key: Tensor
) -> Stage:
    name: StageName = "projected" if isinstance(attention, CausalSelfAttention) else "turned"
    return Stage(name, query, key)
