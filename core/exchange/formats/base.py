"""What all formats share: a model that came from a file, and whom only some formats can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from core.errors import ExchangeError, quoted
from core.settings.config import MOST_STEPS, ModelConfig
from core.text.corpus import Vocabulary

MISSING_ELSEWHERE: tuple[tuple[str, str], ...] = (
    ("bigram", "the bigram table"),
    ("attention", "a single attention layer without blocks around it"),
    ("ngrams", "n-gram tables"),
    ("ladder", "a model of the ladder, which has only some of the classic block's ideas"),
    ("modern", "the modern block (rotary positions, RMS norm, norm on queries and keys, token "
               "shift, ReLU squared, an untied head)"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A model from a file. What the file did not say is None, or not in `settings`."""

    config: ModelConfig
    weights: dict[str, Tensor]
    step: int
    vocabulary: Vocabulary | None = None
    corpus: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    """How it was trained, by the names of TrainConfig."""


def check_is_gpt2(config: ModelConfig, format_name: str) -> None:
    """Raise ExchangeError, naming the ingredient, for a model that is no GPT-2."""
    has = {
        "bigram": config.model == "bigram",
        "attention": config.model == "attention",
        "ngrams": config.ngrams > 0,
        "ladder": config.block == "ladder",
        "modern": config.block == "modern",
    }
    for key, ingredient in MISSING_ELSEWHERE:
        if has[key]:
            raise ExchangeError(
                f"The {format_name} format is GPT-2's, which has no place for {ingredient}. "
                "The safetensors format holds every model of the lab."
            )


def step_of(path: Path, given: Any) -> int:
    """The step that a file says its model is of. Raises ExchangeError when that is no step."""
    if type(given) is not int or not 0 <= given <= MOST_STEPS:
        raise ExchangeError(
            f"The step that {path.name} says its model is of is no whole number from 0 to "
            f"{MOST_STEPS:,}: {quoted(given)}."
        )
    return given
