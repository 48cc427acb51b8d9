"""One small run for every way in which the lab trains: models, recipes, optimisers, schedules."""

from __future__ import annotations

from typing import Any

from core.settings.config import RunConfig
from core.settings.presets import resolve
from tests.helpers import SMALL

N_ITERS = 240

RUNS: dict[str, dict[str, Any]] = {
    "bigram": dict(model="bigram", schedule="constant"),
    "attention": dict(model="attention", schedule="linear", dropout=0.2),
    "classic": dict(model="transformer", schedule="cosine", dropout=0.2),
    "ladder": dict(
        model="transformer", block="ladder", ideas="attention,positions,mlp,residual", dropout=0.2
    ),
    "classic with muon": dict(model="transformer", optimizer="muon", schedule="linear"),
    "fast": dict(model="transformer", recipe="fast"),
    "fast with adamw": dict(model="transformer", recipe="fast", optimizer="adamw", dropout=0.2),
    "fastest": dict(model="transformer", recipe="fastest", ngrams=3, n_layer=1),
}


def config_of(name: str, vocab_size: int, **changes: Any) -> RunConfig:
    """The settings of one of them, small."""
    how = RUNS[name] | changes
    model, recipe = how.pop("model"), how.pop("recipe", "classic")
    flags = SMALL | {"max_iters": N_ITERS, "eval_interval": 40, "dropout": 0.0} | how
    shape = {"bigram": {"n_layer", "n_head", "n_embd", "dropout"}, "attention": {"n_layer"}}
    flags = {k: v for k, v in flags.items() if k not in shape.get(model, set())}
    return resolve(model, vocab_size, None, flags, recipe)
