"""The parts of a model that can be switched off, and the model that remains without some of them.

A part is switched off in a copy of the model, by zeros in place of the weights with which it
writes: what it computes then adds nothing to the residual stream, and everything else stays as it
is. So the loss says what the part is worth to the rest, not what a model would learn without it.

Layers and heads count from 1, as everywhere that people see them. Source: Michel et al. 2019, "Are
Sixteen Heads Really Better than One?", https://arxiv.org/abs/1905.10650.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from core.errors import ConfigError
from core.models import LanguageModel
from core.models.attention import CausalSelfAttention
from core.models.ladder import FixedMixing
from core.models.modern import ModernAttention, ModernBlock, ModernTransformer
from core.models.transformer import MLP

PartKind = Literal["head", "attention", "mlp", "positions"]
_HEAD = re.compile(r"(\d+)\.(\d+)")
_LAYER = re.compile(r"(attention|mlp):(\d+)")
HOW_TO_NAME = "A part is a head as layer.head (1.4), attention:LAYER, mlp:LAYER, or positions."


@dataclass(frozen=True)
class Part:
    """One part of a model. `layer` and `head` count from 1; 0 where a part has none.

    `positions` are what tells a character where it stands: the learned vectors, or the rotation of
    queries and keys.
    """

    kind: PartKind
    layer: int = 0
    head: int = 0

    def __str__(self) -> str:
        """As `part_named` reads it."""
        if self.kind == "head":
            return f"{self.layer}.{self.head}"
        return f"{self.kind}:{self.layer}" if self.layer else self.kind


def part_named(text: str) -> Part:
    """The part that a text names. Raises ConfigError for what names none."""
    text = text.strip()
    if match := _HEAD.fullmatch(text):
        return Part("head", int(match[1]), int(match[2]))
    if match := _LAYER.fullmatch(text):
        return Part("mlp" if match[1] == "mlp" else "attention", int(match[2]))
    if text == "positions":
        return Part("positions")
    raise ConfigError(f"{text!r} names no part of a model. {HOW_TO_NAME}")


def parts_of(model: LanguageModel) -> list[Part]:
    """All that can be switched off, layer by layer: heads, the whole attention, the MLP; positions.

    None of a bigram table, which is one part.
    """
    parts = []
    n_mlps = len(mlp_outputs(model))
    for layer in range(1, len(attention_layers(model)) + 1):
        parts += [Part("head", layer, head) for head in range(1, model.config.n_head + 1)]
        parts.append(Part("attention", layer))
        if layer <= n_mlps:
            parts.append(Part("mlp", layer))
    return [*parts, Part("positions")] if parts and _knows_positions(model) else parts


def _knows_positions(model: LanguageModel) -> bool:
    learned = isinstance(getattr(model, "position_embedding", None), nn.Embedding)
    return learned or isinstance(model, ModernTransformer)


def attention_of(model: LanguageModel) -> list[Part]:
    """The attention of every layer. Raises ConfigError for a model that has none."""
    parts = [part for part in parts_of(model) if part.kind == "attention"]
    if not parts:
        raise ConfigError(f"The {model.config.model} model has no attention to leave out.")
    return parts


@torch.no_grad()
def without(model: LanguageModel, parts: Iterable[Part]) -> LanguageModel:
    """A copy of the model in which these parts are switched off. Leaves the model alone.

    Raises ConfigError for a part that the model does not have.
    """
    there, parts = set(parts_of(model)), list(parts)
    for part in parts:
        if part not in there:
            raise ConfigError(_missing(model, part))
    rest = copy.deepcopy(model)
    for part in parts:
        _switch_off(rest, part)
    return rest


def _switch_off(model: LanguageModel, part: Part) -> None:
    if part.kind == "positions":
        if isinstance(model, ModernTransformer):
            model.knows_positions = False
        elif isinstance(embedding := getattr(model, "position_embedding", None), nn.Embedding):
            embedding.weight.zero_()
        return
    if part.kind == "mlp":
        output = mlp_outputs(model)[part.layer - 1]
    else:
        output = attention_layers(model)[part.layer - 1].output
    if part.kind == "head":
        D = model.config.head_size
        output.weight[:, (part.head - 1) * D : part.head * D] = 0.0  # what it reads of this head
        return
    output.weight.zero_()
    if output.bias is not None:
        output.bias.zero_()


def attention_layers(
    model: LanguageModel,
) -> list[CausalSelfAttention | ModernAttention | FixedMixing]:
    """The module of each layer's attention, or what mixes in its place, the first layer first."""
    kinds = (CausalSelfAttention, ModernAttention, FixedMixing)
    return [m for m in model.modules() if isinstance(m, kinds)]


def mlp_outputs(model: LanguageModel) -> list[nn.Linear]:
    """The matrix with which each layer's MLP writes."""
    return [m.output for m in model.modules() if isinstance(m, (MLP, ModernBlock))]


def _missing(model: LanguageModel, part: Part) -> str:
    config, n_layers = model.config, len(attention_layers(model))
    if not n_layers:
        what = "is one table" if config.model == "bigram" else "has no layer"
        return f"The {config.model} model {what}: it has no part that could be switched off."
    heads = f"{n_layers} layer{'s' * (n_layers > 1)} of {config.n_head} heads"
    mlps = "" if mlp_outputs(model) else " and no MLP"
    return f"There is no {part} in this model, which has {heads}{mlps}. {HOW_TO_NAME}"
