"""Good values to start from, and how a run's settings are put together from them.

Source of the two `nanogpt-*` presets: https://github.com/karpathy/nanoGPT
(`config/train_shakespeare_char.py` and the README's CPU recipe), but for the batches of an
estimate: its 200 on the GPU take half as long as the training does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from core.errors import ConfigError
from core.settings.config import MODEL_KINDS, MODEL_SETTINGS, ModelKind, RunConfig, TrainConfig

DEFAULTS: dict[ModelKind, dict[str, Any]] = {
    # A table needs many characters and a large rate, and has nothing that could overfit.
    "bigram": dict(
        block_size=64, batch_size=32, max_iters=2000, learning_rate=1e-2, weight_decay=0.0,
    ),
    "attention": dict(
        block_size=64, n_head=4, n_embd=128, dropout=0.0,
        batch_size=12, max_iters=2000, learning_rate=1e-2,
    ),
    "transformer": dict(
        block_size=64, n_layer=4, n_head=4, n_embd=128, dropout=0.0, bias=False,
        batch_size=12, max_iters=2000, learning_rate=1e-3,
    ),
}  # fmt: skip
"""Sensible settings of each model: what `train --model M` takes with no other flag."""

_FAST: dict[str, Any] = dict(
    block="modern", optimizer="muon", schedule="flat", learning_rate=1e-2, min_lr=0.0, muon_lr=2e-2,
    warmup_iters=0, beta1=0.8, beta2=0.95, weight_decay=0.0, grad_clip=0.0,
)  # fmt: skip

PRESETS: dict[str, dict[ModelKind, dict[str, Any]]] = {
    # Each model well under a minute on a laptop's CPU, so that all three can race at once.
    "quick": {
        "bigram": dict(block_size=32, batch_size=16, max_iters=1000),
        "attention": dict(
            block_size=32, n_embd=64, batch_size=16, max_iters=1000, learning_rate=3e-2
        ),
        "transformer": dict(
            block_size=32, n_layer=3, n_embd=64, batch_size=16, max_iters=1000, learning_rate=3e-3
        ),
    },
    # The small models keep their own learning rates: at 1e-3 they would still be far from done.
    "nanogpt-cpu": {
        "bigram": dict(block_size=64, batch_size=12, max_iters=2000),
        "attention": dict(block_size=64, n_head=4, n_embd=128, batch_size=12, max_iters=2000),
        "transformer": dict(
            block_size=64, n_layer=4, n_head=4, n_embd=128, dropout=0.0, bias=False,
            batch_size=12, max_iters=2000, learning_rate=1e-3, min_lr=1e-4, warmup_iters=100,
            lr_decay_iters=2000, weight_decay=0.1, beta1=0.9, beta2=0.99, grad_clip=1.0,
            eval_interval=250,
        ),
    },
    "nanogpt-gpu": {
        "bigram": dict(block_size=256, batch_size=64, max_iters=5000),
        "attention": dict(block_size=256, n_head=6, n_embd=384, batch_size=64, max_iters=5000),
        "transformer": dict(
            block_size=256, n_layer=6, n_head=6, n_embd=384, dropout=0.2, bias=False,
            batch_size=64, max_iters=5000, learning_rate=1e-3, min_lr=1e-4, warmup_iters=100,
            lr_decay_iters=5000, weight_decay=0.1, beta1=0.9, beta2=0.99, grad_clip=1.0,
            eval_interval=250,
        ),
    },
    # The best found for a quarter of an hour on two cores; what was tried: tests/bench/README.md.
    "laptop-best": {
        "bigram": dict(block_size=256, batch_size=32, max_iters=2000),
        "attention": dict(block_size=256, n_head=4, n_embd=128, batch_size=8, max_iters=5000),
        "transformer": _FAST | dict(
            block_size=256, n_layer=4, n_head=4, n_embd=256, dropout=0.03, bias=False, ngrams=4,
            logit_cap=7.0, head_gates=True, pair_embedding=True, table_lr=0.1, batch_size=8,
            max_iters=1400,
        ),
    },
}  # fmt: skip
"""Named settings, by model; a model's own defaults fill what a preset leaves open."""

RECIPES: dict[str, dict[str, Any]] = {
    "classic": {},
    "fast": _FAST | dict(max_iters=150),
    "fastest": _FAST | dict(max_iters=1000, n_layer=2, ngrams=5, table_lr=0.1),
}
"""Ways to train a transformer: they win over the preset and give way to flags.

`fast` is the modern block, Muon and a flat schedule; `fastest` adds n-gram tables.
"""

_MAX_EVAL_WINDOWS = 160
"""An estimate reads no more windows of a split: they are chosen to be as hard as the split, and
more would come no nearer to it (`core.text.windows`)."""

_FOLLOWING = {
    "max_iters": {"warmup_iters", "lr_decay_iters", "eval_interval", "eval_iters"},
    "batch_size": {"eval_iters"},
    "learning_rate": {"min_lr"},
}
"""Settings that follow from another one, where nobody named them."""

_TRAIN_DEFAULTS: dict[str, Any] = {
    f.name: f.default for f in fields(TrainConfig) if isinstance(f.default, (int, float, str))
}


def resolve(
    model: ModelKind,
    vocab_size: int,
    preset: str | None = None,
    flags: Mapping[str, Any] | None = None,
    recipe: str = "classic",
) -> RunConfig:
    """Put a run's settings together: flag before recipe before preset before the model's defaults.

    Rates and intervals that nobody named follow from those that somebody did: `min_lr` is a tenth
    of `learning_rate`, warm-up takes 5 % of the steps, and the schedule ends with the run. There is
    an estimate after each tenth of the steps, of so many batches that all of them together take a
    small share of the time (`_eval_iters_for`).

    Raises ConfigError for an unknown model or preset, for a flag that the model does not have, and
    for values that cannot be.
    """
    if model not in MODEL_KINDS:
        raise ConfigError(f"model is one of {', '.join(MODEL_KINDS)}, not {model!r}.")
    if preset is not None and preset not in PRESETS:
        raise ConfigError(f"preset is one of {', '.join(PRESETS)}, not {preset!r}.")
    if recipe not in RECIPES:
        raise ConfigError(f"recipe is one of {', '.join(RECIPES)}, not {recipe!r}.")
    if RECIPES[recipe] and model != "transformer":
        raise ConfigError(f"The {recipe} recipe is for the transformer; there is none for {model}.")
    flags = dict(flags or {})
    _check_flags(model, flags)
    named: dict[str, Any] = {}
    for layer in (
        DEFAULTS[model],
        PRESETS[preset][model] if preset else {},
        RECIPES[recipe],
        flags,
    ):
        named = _without_outdated(named, layer) | layer
    _check_used(model, named, flags)
    return _completed(_TRAIN_DEFAULTS | named | {"model": model, "vocab_size": vocab_size})


def adapt(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """Other values for some settings; rates and intervals that were made for the old ones follow.

    With nothing changed it is `config`. Raises ConfigError for values that cannot be.
    """
    flat = config.flat()
    changes = {name: value for name, value in changes.items() if flat.get(name) != value}
    if not changes:
        return config
    _check_flags(config.model.model, changes)
    _check_used(config.model.model, flat | changes, changes)
    return _completed(_without_outdated(flat, changes) | changes)


def min_lr_for(train: TrainConfig, learning_rate: float) -> float:
    """Where a schedule of the same shape ends at another rate.

    A tenth stays a tenth, as `resolve` has it; whatever else was chosen keeps its proportion.
    """
    if learning_rate == train.learning_rate:
        return train.min_lr
    if train.min_lr == train.learning_rate / 10:
        return learning_rate / 10
    return min(learning_rate, train.min_lr * learning_rate / train.learning_rate)


def _completed(values: dict[str, Any]) -> RunConfig:
    """Fill in what follows from the rest."""
    values.setdefault("min_lr", values["learning_rate"] / 10)
    values.setdefault("warmup_iters", values["max_iters"] // 20)
    values.setdefault("lr_decay_iters", values["max_iters"])
    values.setdefault("eval_interval", max(1, values["max_iters"] // 10))
    if "eval_iters" not in values:
        plan = RunConfig.from_flat(values | {"eval_iters": 1}).train
        values["eval_iters"] = _eval_iters_for(plan)
    return RunConfig.from_flat(values)


def _eval_iters_for(train: TrainConfig) -> int:
    """Batches of an estimate, so that all estimates read a sixth of what the training reads.

    A batch is read for each of the two splits. Without a backward pass it takes about a quarter of
    a step, so that this is 4 % of the time of training.
    """
    fitting = -(-train.max_iters // (12 * train.n_estimates))
    return min(fitting, -(-_MAX_EVAL_WINDOWS // train.batch_size))


def _check_flags(model: ModelKind, flags: Mapping[str, Any]) -> None:
    """Raise ConfigError for a flag that the model does not have."""
    allowed = {*MODEL_SETTINGS[model], *(f.name for f in fields(TrainConfig))}
    for name in flags:
        if name not in allowed:
            raise ConfigError(
                f"The {model} model has no {name}; its own settings are "
                f"{', '.join(MODEL_SETTINGS[model])}."
            )


def _without_outdated(named: dict[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """What was named so far, but for values that were made for another length, batch or rate."""
    outdated: set[str] = set()
    for name, following in _FOLLOWING.items():
        if layer.get(name, named.get(name)) != named.get(name):
            outdated |= following
    # What is 0 is meant to be: no warm-up is right for any length.
    outdated = {name for name in outdated if named.get(name)}
    return {name: value for name, value in named.items() if name not in outdated}


def _check_used(model: ModelKind, named: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
    """Raise ConfigError for a flag that would change nothing beside the other settings."""
    muon = named.get("optimizer") == "muon"
    if muon and model != "transformer":
        raise ConfigError(f"muon is for the matrices of a transformer's blocks; {model} has none.")
    if muon and named.get("block") == "ladder":
        raise ConfigError("The rungs of the ladder are trained with adamw, so that they compare.")
    for name, used, needs in (
        ("muon_lr", muon, "the optimizer muon"),
        ("table_lr", bool(named.get("ngrams")), "n-gram tables (ngrams 2 or more)"),
    ):
        if name in flags and not used:
            raise ConfigError(f"{name} needs {needs}; without it, it would change nothing.")
