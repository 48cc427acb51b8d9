"""The three models, as a curriculum: `bigram`, `attention`, `transformer`; each adds one idea.

The transformer comes in three variants, by its block: `classic` as GPT-2's, `modern` as one would
build it today, and `ladder` with any set of the ideas that lie between the three models.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from core.models.attention import AttentionModel
from core.models.base import LanguageModel, Trace
from core.models.bigram import BigramModel
from core.models.ladder import LadderModel
from core.models.modern import ModernTransformer
from core.models.transformer import Transformer
from core.settings.config import Block, ModelConfig, ModelKind

__all__ = [
    "LanguageModel",
    "Trace",
    "build_model",
    "count_params",
    "model_from_weights",
    "weight_shapes",
]

MODELS: dict[tuple[ModelKind, Block], type[LanguageModel]] = {
    ("bigram", "classic"): BigramModel,
    ("attention", "classic"): AttentionModel,
    ("transformer", "classic"): Transformer,
    ("transformer", "modern"): ModernTransformer,
    ("transformer", "ladder"): LadderModel,
}
"""Every model with every block that it comes with."""


def build_model(config: ModelConfig, seed: int) -> LanguageModel:
    """A new model with random weights that depend on the seed alone.

    torch's global generator is left as it was: a model that is built for a page must not change
    the numbers of a run that trains meanwhile.
    """
    model = _skeleton(config, "cpu")
    model.init_weights(torch.Generator().manual_seed(seed))
    return model


def model_from_weights(config: ModelConfig, weights: dict[str, Any]) -> LanguageModel:
    """A model with the given weights (a state_dict), ready to be looked at."""
    model = _skeleton(config)
    model.load_state_dict(weights, assign=True)
    return model.eval()


@functools.lru_cache(maxsize=256)
def count_params(config: ModelConfig) -> int:
    """Learned numbers of a model, without making it."""
    return _skeleton(config).n_params


def weight_shapes(config: ModelConfig) -> dict[str, torch.Size]:
    """Names and shapes of a model's weights, without making it."""
    return {name: weight.shape for name, weight in _skeleton(config).state_dict().items()}


def _skeleton(config: ModelConfig, device: str = "meta") -> LanguageModel:
    """The modules with their shapes; what stands in them is nothing yet, on meta not even that."""
    with torch.device(device), _WithoutInit():
        return MODELS[config.model, config.block](config)


class _WithoutInit(TorchFunctionMode):
    """Leaves out the numbers that torch gives new modules.

    They would be overwritten, they would draw from torch's global generator, and on meta drawing
    them loads torch's compiler: seconds, before a run has taken its first step.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)
