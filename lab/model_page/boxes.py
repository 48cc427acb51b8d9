"""The parts of a model as boxes of a map: name, shape, and how much each has learned. Pure.

A part's key is its kind, with the number of its layer where it has one: "mlp:2". Parameters are
counted in the model's own modules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.models import weight_shapes
from core.models.modern import n_pair_rows
from core.settings.config import ModelConfig
from lab.wording.words import count


@dataclass(frozen=True)
class Box:
    """One part of a model."""

    key: str
    title: str
    detail: str
    """Shape and parameters."""


@dataclass(frozen=True)
class Boxes:
    """A model from the characters that come in to the guess that goes out."""

    ways_in: tuple[Box, ...]
    stream: Box | None
    """What runs past all layers; None in a bigram table."""
    layers: tuple[tuple[Box, ...], ...]
    ways_out: tuple[Box, ...]

    def all(self) -> list[Box]:
        stream = (self.stream,) if self.stream else ()
        return [*self.ways_in, *stream, *(b for row in self.layers for b in row), *self.ways_out]


def boxes_of(config: ModelConfig) -> Boxes:
    """The parts of a model of this shape, in the order in which a text passes them."""
    V, C, T = config.vocab_size, config.n_embd, config.block_size
    guess = Box("probabilities", "Probabilities", f"softmax over {V} characters")
    if config.model == "bigram":
        table = _box(config, "table", "Table", f"{V} × {V}", r"table\.")
        return Boxes((table,), None, (), (guess,))
    shape = f"{V} × {C}"
    if n_pairs := n_pair_rows(config):
        shape += f", pairs {n_pairs:,} × {C}"
    what = _box(config, "characters", "What: characters", shape, r"(token|pair)_embedding")
    where: tuple[Box, ...] = ()
    if config.block == "modern":
        where = (Box("rotation", "Where: rotation", "of queries and keys · nothing learned"),)
    elif config.has("positions"):
        where = (_box(config, "positions", "Where: positions", f"{T} × {C}", "position_embedding"),)
    layers = tuple(_layer(config, layer) for layer in range(1, config.n_layer + 1))
    return Boxes((what, *where), _stream(config), layers, (*_ways_out(config), guess))


def _layer(config: ModelConfig, layer: int) -> tuple[Box, ...]:
    H, D, C = config.n_head, config.head_size, config.n_embd
    inside = "" if config.model == "attention" else rf"blocks\.{layer - 1}\."
    reads = rf"{inside}(attention|norm_1)\."
    heads = f"{H} head{'s' * (H > 1)} × {D}"
    attention = _box(config, f"attention:{layer}", f"Attention {layer}", heads, reads)
    if not config.has("mlp"):
        return (attention,)
    thinks = rf"{inside}(mlp|norm_2|widen|output)\."
    wide = f"{C} → {4 * C} → {C}"
    return attention, _box(config, f"mlp:{layer}", f"MLP {layer}", wide, thinks)


def _stream(config: ModelConfig) -> Box:
    if not config.has("residual"):
        return Box("stream", "Vectors", f"{config.n_embd} numbers for each character")
    return Box("stream", "Residual stream", f"{config.n_embd} numbers for each character")


def _ways_out(config: ModelConfig) -> list[Box]:
    shape = f"{config.n_embd} × {config.vocab_size}"
    boxes = [_box(config, "logits", "Head: logits", shape, r"(norm|head)\.")]
    if config.has("tied"):
        boxes = [Box("logits", "Norm and head: logits", f"{shape} · the characters' own, turned")]
    if config.ngrams:
        n = config.ngrams - 1
        said = f"{n} table{'s' * (n > 1)} of 2 to {config.ngrams} characters"
        boxes.append(_box(config, "tables", "n-gram tables", said, r"tables\."))
    return boxes


def _box(config: ModelConfig, key: str, title: str, shape: str, weights: str) -> Box:
    """A box whose parameters are in the weights of these names."""
    n_params = sum(
        size.numel() for name, size in weight_shapes(config).items() if re.match(weights, name)
    )
    return Box(key, title, f"{shape} · {count(n_params)}")
