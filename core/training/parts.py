"""A model taken apart: the learned numbers that each part holds, and its share of the arithmetic.

What `core.training.preflight` counts for a whole model is the sum over these parts. Knows shapes
alone: no runs, no clock, no screen. Sources: those of `core.training.preflight`.

Of time it says nothing. What `core.training.preflight` estimates a step to take could be split up
too, but a block's attention took 43 to 74 % of its time where that split says 38 to 51 %, and the
arithmetic 38 to 71 %: the exact count is also the better guess.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from core.models import weight_shapes
from core.models.modern import GATE_WIDTH
from core.settings.config import ModelConfig, RunConfig
from core.training.optim import MUON_STEPS

PartName = Literal["table", "embeddings", "attention", "mlp", "head", "tables"]
"""`table` is all of a bigram. Characters come in by the `embeddings`; `attention` and `mlp` are
those of all layers together, each with the norm before it; the `head` is the way out to logits (in
the classic block it is the embeddings turned round, whose numbers count there); `tables` are those
of n-grams."""

_MUON_CUBES: dict[PartName, int] = {"attention": 20, "mlp": 36}
"""Newton-Schulz takes 4 r² c + 2 r³ for a matrix of r x c: so many C³ for C x 3C and C x C, and for
twice C x 4C."""


def parts_of(config: ModelConfig) -> tuple[PartName, ...]:
    """The parts of a model, from the characters that come in to the guess that goes out."""
    if config.model == "bigram":
        return ("table",)
    attention: tuple[PartName, ...] = ("attention",) if config.n_layer else ()
    mlp: tuple[PartName, ...] = ("mlp",) if config.has("mlp") else ()
    tables: tuple[PartName, ...] = ("tables",) if config.ngrams else ()
    return ("embeddings", *attention, *mlp, "head", *tables)


@functools.lru_cache(maxsize=256)
def params_by_part(config: ModelConfig) -> Mapping[PartName, int]:
    """How many learned numbers each part holds, counted in the model's own modules."""
    counts = dict.fromkeys(parts_of(config), 0)
    for name, shape in weight_shapes(config).items():
        counts[_part_of(name)] += shape.numel()
    return MappingProxyType(counts)


def flops_by_part(config: ModelConfig) -> dict[PartName, int]:
    """Of a training step for one character: 6 for every weight in a matrix product, 12 L C T for
    attention; look-ups cost none. Where nothing is learned about who looks at whom, only values and
    the output are multiplied."""
    C, L, T, V = config.n_embd, config.n_layer, config.block_size, config.vocab_size
    attention = 24 * L * C * C + 12 * L * C * T
    if config.head_gates:
        attention += 6 * L * min(GATE_WIDTH, C) * config.n_head
    if not config.has("attention"):  # then there are no queries and no keys
        attention = 12 * L * C * C + 6 * L * C * T * config.has("average")
    flops: dict[PartName, int] = {
        "attention": attention, "mlp": 48 * L * C * C, "head": 6 * C * V,
    }  # fmt: skip
    return {name: flops.get(name, 0) for name in parts_of(config)}


def step_flops_by_part(config: RunConfig) -> dict[PartName, int]:
    """Of one whole training step: that of its characters, and Muon's own."""
    model = config.model
    n_characters = config.train.batch_size * model.block_size
    flops = {name: n * n_characters for name, n in flops_by_part(model).items()}
    if config.train.optimizer == "muon":
        for name, n_cubes in _MUON_CUBES.items():
            flops[name] += MUON_STEPS * model.n_layer * n_cubes * model.n_embd**3
    return flops


def _part_of(weight: str) -> PartName:
    """The part that a weight belongs to, by its name in the model."""
    first, *rest = weight.split(".")
    if first in ("table", "tables"):
        return "table" if first == "table" else "tables"
    if first == "attention" or "attention" in rest or "norm_1" in rest:
        return "attention"
    if first == "blocks":
        return "mlp"
    return "embeddings" if first.endswith("embedding") else "head"
