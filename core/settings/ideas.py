"""The ideas that lie between the models, as a setting: which of them a model of the ladder has.

A bigram table and a transformer differ in a handful of ideas. With `block="ladder"` a model has any
set of them, so that each can be added, or left out, alone. The setting is one text, the names of
the ideas with commas between them, always in the order of `IDEAS`.

Knows no torch: what an idea does is `core.models.ladder`'s.
"""

from __future__ import annotations

from typing import Literal, get_args

from core.errors import ConfigError, quoted

Idea = Literal[
    "average", "attention", "mask", "scale", "positions", "mlp", "residual", "norm", "tied"
]
"""`average`: each layer mixes all characters up to this one, in equal shares. `attention`: in
shares that queries and keys find, of which `mask` hides the future and `scale` divides by sqrt(D);
with neither, each character stays by itself. `positions`: a vector for each place. `mlp`: a network
for each character after the mixing. `residual`: what a layer finds is added to what it read, and
does not replace it. `norm`: LayerNorms. `tied`: the head is the token embedding turned round."""

IDEAS: tuple[Idea, ...] = get_args(Idea)
OF_ATTENTION: frozenset[Idea] = frozenset(("attention", "mask", "scale", "positions"))
"""What makes an `attention` model of one layer."""
OF_TRANSFORMER: frozenset[Idea] = OF_ATTENTION | {"mlp", "residual", "norm", "tied"}
"""What makes a classic `transformer`."""
SEES_AHEAD = "without a causal mask it sees what it is to guess"
"""Why the loss of a model that has `attention` and no `mask` is no measure."""
_OF_LAYERS: tuple[Idea, ...] = ("average", "attention", "mlp", "residual")


def ideas_in(text: str) -> frozenset[Idea]:
    """The ideas that a text names. Raises ConfigError for a name that is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in IDEAS:
            raise ConfigError(f"ideas are some of {', '.join(IDEAS)}, not {quoted(name)}.")
    return frozenset(idea for idea in IDEAS if idea in names)


def ideas_text(ideas: frozenset[Idea]) -> str:
    """The one text that names these ideas; the inverse of `ideas_in`."""
    return ",".join(idea for idea in IDEAS if idea in ideas)


def check_ideas(ideas: frozenset[Idea], n_layer: int) -> None:
    """Raise ConfigError for ideas that cannot be had together, or not in so many layers."""
    if {"average", "attention"} <= ideas:
        raise ConfigError("A layer takes an average of the past or attends to it, not both.")
    if "attention" not in ideas and (parts := ideas & {"mask", "scale"}):
        raise ConfigError(f"{ideas_text(parts)} belongs to attention, which these ideas lack.")
    if n_layer == 0 and (inside := [idea for idea in _OF_LAYERS if idea in ideas]):
        raise ConfigError(f"{inside[0]} stands in layers, and n_layer is 0.")
