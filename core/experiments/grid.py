"""A grid of settings: two of them go over values, and all else stays as it is.

Pure: settings in, settings out, and what they will cost. The runs of a grid are
`core.experiments.sweep`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import ConfigError
from core.settings.config import MODEL_SETTINGS, ModelKind, RunConfig
from core.settings.presets import adapt, min_lr_for
from core.text.corpus import Corpus
from core.training.preflight import check_fits

MAX_CELLS = 64
ESTIMATES = 4
"""Of the loss, in a small run, after the first one before it has learned anything."""
SWEPT: dict[str, type] = {
    "block_size": int, "n_head": int, "n_layer": int, "n_embd": int,
    "batch_size": int, "learning_rate": float, "dropout": float,
}  # fmt: skip
"""The settings that a sweep can go over, and what kind of number each is."""
PAIRS: tuple[tuple[str, str], ...] = (
    ("block_size", "n_head"),
    ("n_layer", "n_embd"),
    ("learning_rate", "batch_size"),
    ("learning_rate", "block_size"),
    ("block_size", "n_layer"),
    ("block_size", "batch_size"),
)
"""Pairs of settings worth a look: the first goes across, the second up."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One of the two settings, and the values that it takes, ascending."""

    name: str
    values: tuple[float, ...]
    hold_characters: bool = False
    """Of block_size: a step reads as many characters in every cell, in fewer, longer sequences."""

    @classmethod
    def of(cls, name: str, values: Iterable[float], *, hold_characters: bool = False) -> Axis:
        """The axis with these values in order, each once. Raises ConfigError if it cannot be."""
        if name not in SWEPT:
            raise ConfigError(f"A sweep goes over {', '.join(SWEPT)}, not over {name!r}.")
        kind = SWEPT[name]
        given = sorted(set(values))
        if not given:
            raise ConfigError(f"A sweep over {name} needs at least one value of it.")
        for value in given:
            if not math.isfinite(value) or (kind is int and value != int(value)):
                what = "a whole number" if kind is int else "a number"
                raise ConfigError(f"{name} is {what}, not {value:g}.")
        if hold_characters and name != "block_size":
            raise ConfigError(
                f"The characters of a step can be held where block_size is swept over, not {name}."
            )
        return cls(name, tuple(kind(value) for value in given), hold_characters)


@dataclass(frozen=True, slots=True)
class Planned:
    """One place in a grid that is not entered yet: its settings, or why it cannot be."""

    x: float
    y: float
    config: RunConfig | None
    why_not: str = ""


def pairs_for(model: ModelKind) -> list[tuple[str, str]]:
    """The pairs of settings that change something in this model."""
    return [pair for pair in PAIRS if _settings_of(model).issuperset(pair)]


def cell_config(base: RunConfig, settings: Mapping[str, Any]) -> RunConfig:
    """`base` with other values; where the rate is another, the schedule keeps its shape.

    Raises ConfigError for values that cannot be.
    """
    changes = dict(settings)
    if (rate := changes.get("learning_rate")) is not None:
        changes["min_lr"] = min_lr_for(base.train, rate)
    return adapt(base, changes)


def plan_sweep(base: RunConfig, corpus: Corpus, x: Axis, y: Axis) -> list[Planned]:
    """Every cell of a grid, row by row, and for those that cannot be the reason.

    Raises ConfigError for two axes that cannot be a grid.
    """
    if x.name == y.name:
        raise ConfigError(f"A sweep needs two settings; both were {x.name}.")
    n_cells = len(x.values) * len(y.values)
    if n_cells > MAX_CELLS:
        raise ConfigError(
            f"A sweep has at most {MAX_CELLS} cells; {len(x.values)} values of {x.name} and "
            f"{len(y.values)} of {y.name} make {n_cells}."
        )
    kind = base.model.model
    for axis in (x, y):
        if axis.name not in _settings_of(kind):
            raise ConfigError(f"The {kind} model has no {axis.name} to sweep over.")
    held = x.hold_characters or y.hold_characters
    if held and "batch_size" in (x.name, y.name):
        raise ConfigError(
            "A sweep over block_size and batch_size cannot hold the characters of a step: their "
            "number is the product of the two."
        )
    return [
        _plan_cell(base, corpus, {x.name: across, y.name: up}, held) for up in y.values
        for across in x.values
    ]  # fmt: skip


def small(config: RunConfig, max_iters: int) -> RunConfig:
    """The settings for cells of a sweep: so many steps, the schedule with them, and few estimates.

    A grid has many small runs, and what is looked at is how each of them ends.
    """
    every = max(1, max_iters // ESTIMATES)
    return adapt(config, {"max_iters": max_iters, "eval_interval": every})


def _settings_of(model: ModelKind) -> set[str]:
    return {*MODEL_SETTINGS[model], "batch_size", "learning_rate"}


def characters_per_step(config: RunConfig) -> int:
    """How many characters one training step reads."""
    return config.train.batch_size * config.model.block_size


def _batch_that_holds(base: RunConfig, block_size: int) -> int:
    """The batch_size with which a step reads as many characters as in `base`.

    Raises ConfigError where there is none.
    """
    n_characters = characters_per_step(base)
    n_sequences, rest = divmod(n_characters, block_size)
    if rest:
        fits = math.lcm(base.model.block_size, block_size) // base.model.block_size
        other = -(-base.train.batch_size // fits) * fits
        raise ConfigError(
            f"A step reads {n_characters:,} characters, which is no whole number of sequences of "
            f"block_size {block_size:,}. A batch_size of {other:,} would make it one."
        )
    return n_sequences


def _plan_cell(base: RunConfig, corpus: Corpus, settings: Mapping[str, Any], held: bool) -> Planned:
    across, up = settings.values()
    try:
        if held:
            n_sequences = _batch_that_holds(base, settings["block_size"])
            settings = {**settings, "batch_size": n_sequences}
        config = cell_config(base, settings)
        corpus.check_long_enough(config.model.block_size)
        check_fits(config)
    except ConfigError as error:
        return Planned(across, up, None, str(error))
    return Planned(across, up, config)
