"""What was set differently between two runs, the most telling first. Pure; no disk, no screen."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.settings.config import RunConfig
from core.settings.presets import resolve

TELLING = (
    "model", "block_size", "n_layer", "n_head", "n_embd", "learning_rate", "batch_size",
    "max_iters", "dropout", "block", "ideas", "optimizer", "ngrams", "logit_cap",
    "head_gates", "pair_embedding", "schedule",
)  # fmt: skip
"""These come first, in this order; the others follow in the order of the settings."""
FOLLOWING = ("min_lr", "warmup_iters", "lr_decay_iters", "eval_interval", "eval_iters")
"""These come last, and not at all where they follow from `learning_rate` and `max_iters`."""
_SHARES = {2.0: "twice", 0.5: "half", 0.25: "a quarter of"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting of two runs; None where a run's model does not have it."""

    name: str
    before: Any
    after: Any


def settings_diff(before: RunConfig, after: RunConfig) -> list[Difference]:
    """The settings that differ, but for those that do only because they follow from others."""
    old, new = before.flat(), after.flat()
    names = dict.fromkeys([*TELLING, *(name for name in old | new if name not in FOLLOWING)])
    differences = [Difference(name, old.get(name), new.get(name)) for name in [*names, *FOLLOWING]]
    follow = _that_follow(before) & _that_follow(after)
    return [d for d in differences if d.before != d.after and d.name not in follow]


def difference_text(difference: Difference) -> str:
    """One difference in words: "block_size 32 -> 64"."""
    return f"{difference.name} {_value_text(difference.before)} -> {_value_text(difference.after)}"


def reading_text(before: RunConfig, after: RunConfig) -> str:
    """How much more or less text each step learns from: "twice the characters per step".

    Empty where it is as much: then losses at one step are losses after equal reading.
    """
    old, new = (c.model.block_size * c.train.batch_size for c in (before, after))
    if old == new:
        return ""
    share = f"1/{old // new} of" if old % new == 0 else f"{new / old:.3g} times"
    return f"{_SHARES.get(new / old, share)} the characters per step"


@lru_cache(maxsize=1024)
def _that_follow(config: RunConfig) -> frozenset[str]:
    """The following settings that are what `resolve` gives to a run where nobody named them.

    Remembered: a table of runs asks for each of them, at every look.
    """
    flat = config.flat()
    follow: set[str] = set()
    named = {name: flat[name] for name in ("max_iters", "learning_rate", "batch_size")}
    for name in FOLLOWING:  # each from those before it too: eval_iters from eval_interval
        derived = resolve(config.model.model, config.model.vocab_size, flags=named).flat()
        if flat[name] == derived[name]:
            follow.add(name)
        named[name] = flat[name]
    return frozenset(follow)


def _value_text(value: Any) -> str:
    if value in (None, ""):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
