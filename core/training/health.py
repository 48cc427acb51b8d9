"""Signs of health of a model in training: is it learning, and with all of its parts?

Reads models and never changes them. Knows nothing of runs, of disks or of screens, and draws no
random numbers, so that a run that is measured trains exactly as one that is not.

Sources:

* Change of the weights in one step, as a share of their size: CS231n, "Ratio of weights:updates",
  https://cs231n.github.io/neural-networks-3/#ratio (norms, as here); with standard deviations
  instead: Karpathy, https://github.com/karpathy/nn-zero-to-hero (`makemore_part3_bn.ipynb`).
* Dead units, in language models: Voita et al. 2023, https://arxiv.org/abs/2309.04827.
* Entropy of attention, and its collapse: Zhai et al. 2023, https://arxiv.org/abs/2303.06296.
* Norm of the gradient: Pascanu et al. 2013, https://arxiv.org/abs/1211.5063.

Shapes as in `core/models/base.py`: L layers, B sequences, H heads, T characters.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn

from core.models import LanguageModel
from core.models.modern import ModernBlock
from core.models.transformer import MLP
from core.training.evaluation import evaluating

Kind = Literal["grad_norm", "update_ratio", "dead_units", "attention_entropy"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What can be read. The norm of the gradient is not read here: every `StepRecord` has it."""

HEALTHY_UPDATE_RATIO = 1e-3
"""The rule of thumb: a step changes a layer's weights by about a thousandth of their size."""

HEALTHY: dict[Kind, str] = {
    "grad_norm": (
        "Quiet after the first steps: it may drift up or down, but it seldom jumps, and the loss "
        "does not jump with it."
    ),
    "update_ratio": (
        "As a rule of thumb near 1e-3, and falling with the learning rate; several times more is "
        "usual early on, and ten times more under Muon and in layers that started at zero."
    ),
    "dead_units": (
        "Close to 0 and level: a share that keeps growing can mean that steps are too large, "
        "though on a small batch units that answer only rarely count as dead too."
    ),
    "attention_entropy": (
        "Starts at 1 or a little below, where heads look evenly, and falls as they find something "
        "to look at, each to a level of its own; many heads near 0 can mean that steps are too "
        "large."
    ),
}
"""What a healthy line looks like, in one sentence."""

Value = TypeVar("Value")
_LAYER = re.compile(r"layer (\d+)")


@dataclass(frozen=True, slots=True)
class Reading:
    """One number about one part of a model.

    `name` is the kind and the part, with a slash between: `update_ratio/token embedding`,
    `dead_units/layer 1`, `attention_entropy/layer 1 head 2`. Layers and heads count from 1.
    """

    name: str
    value: float
    """A share or a ratio, without a unit."""


def by_kind(named: Mapping[str, Value]) -> dict[str, dict[str, Value]]:
    """Take names of readings apart: {kind/part: value} -> {kind: {part: value}}, in their order.

    A name without a slash is a kind of which there is only one; its part is the empty text.
    """
    kinds: dict[str, dict[str, Value]] = {}
    for name, value in named.items():
        kind, _, part = name.partition("/")
        kinds.setdefault(kind, {})[part] = value
    return kinds


def layer_number(part: str) -> int | None:
    """The layer of a part as `Reading` names them, from 1; None for what belongs to no layer."""
    found = _LAYER.match(part)
    return int(found[1]) if found else None


# --- on a fixed batch -----------------------------------------------------------------------------


def measure(model: LanguageModel, tokens: Tensor) -> list[Reading]:
    """Dead units of each layer and the entropy of each head, on tokens (B, T). Changes nothing.

    Tokens are on the model's device. A model without hidden units or without attention has no
    readings of that kind; and where T is 1, no character has a choice where to look.
    """
    with evaluating(model), _dead_shares(model) as dead:
        attention = model.trace(tokens).attention
    readings = [Reading(f"dead_units/layer {n}", float(share)) for n, share in enumerate(dead, 1)]
    for n, heads in enumerate(entropy_shares(attention).tolist(), 1):
        for head, share in enumerate(heads, 1):
            readings.append(Reading(f"attention_entropy/layer {n} head {head}", share))
    return readings


@contextmanager
def _dead_shares(model: LanguageModel) -> Iterator[list[Tensor]]:
    """Inside, each pass through an MLP adds its share of dead units to the list, a layer at a time.

    A unit is dead when its input to the nonlinearity is above 0 for no character. With ReLU squared
    it then gives nothing and learns nothing from the batch; with GELU a little.
    """
    shares: list[Tensor] = []

    def look(widen: nn.Module, seen: tuple[Any, ...], inputs: Tensor) -> None:
        strongest = inputs.amax(dim=(0, 1))  # B, T, 4C -> 4C
        shares.append((strongest <= 0).float().mean())

    layers = [m.widen for m in model.modules() if isinstance(m, (MLP, ModernBlock))]
    hooks = [widen.register_forward_hook(look) for widen in layers]
    try:
        yield shares
    finally:
        for hook in hooks:
            hook.remove()


def entropy_shares(attention: Tensor) -> Tensor:
    """How evenly each head looks: weights (L, B, H, T, T) -> (L, H), from 0 to 1.

    0: all of it at one character; 1: evenly at all that there is to see. It is the entropy,
    averaged over the characters, as a share of what even weights would have. The first character
    can only look at itself and is left out; where there is no other, there are no heads either.
    """
    L, T = len(attention), attention.shape[-1]
    if T < 2:
        return attention.new_zeros(L, 0)
    entropies = torch.special.entr(attention[..., 1:, :]).sum(dim=-1)  # L, B, H, T - 1; nats
    even = torch.arange(2, T + 1, device=attention.device).log()  # T - 1; nats
    shares: Tensor = entropies.mean(dim=(1, 3)) / even.mean()
    return shares


# --- on one step ----------------------------------------------------------------------------------


class UpdateProbe:
    """The weights as they are before a step, to be compared with those after it.

    Costs a copy of all weights, so it is for one step now and then.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._weights = dict(model.named_parameters())
        self._before = {name: w.detach().clone() for name, w in self._weights.items()}

    @torch.no_grad()
    def readings(self) -> list[Reading]:
        """For each layer how much its weights have changed, as a share of what they were.

        Norms are taken over all numbers of a layer together. A layer that was all zero has no
        ratio and is left out: some start like that.
        """
        sizes: dict[str, list[float]] = defaultdict(list)
        changes: dict[str, list[float]] = defaultdict(list)
        for name, (size, change) in zip(self._before, self._norms()):
            sizes[layer_of(name)].append(size)
            changes[layer_of(name)].append(change)
        return [
            Reading(
                f"update_ratio/{layer}", math.hypot(*changes[layer]) / math.hypot(*sizes[layer])
            )
            for layer in sizes
            if any(sizes[layer])
        ]

    def _norms(self) -> list[list[float]]:
        """The norms of each parameter and of its change."""
        norm = torch.linalg.vector_norm
        sizes = [norm(before) for before in self._before.values()]
        changes = [norm(self._weights[name] - before) for name, before in self._before.items()]
        norms: list[list[float]] = torch.stack([*sizes, *changes]).view(2, -1).T.tolist()
        return norms


def layer_of(parameter: str) -> str:
    """The layer that a parameter belongs to, from its name in `named_parameters`.

    Blocks are layers, counted from 1, and so is the one attention of the second model. What stands
    outside goes by its own name: table, token embedding, last norm, head, tables. A tied head is
    the token embedding.
    """
    room, *inside = parameter.split(".")
    if room == "blocks":
        return f"layer {int(inside[0]) + 1}"
    return {"attention": "layer 1", "norm": "last norm"}.get(room, room.replace("_", " "))
