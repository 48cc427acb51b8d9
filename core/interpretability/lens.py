"""The logit lens: what each layer would guess if it were the last.

Between two layers a model holds a vector for each character, in the residual stream. The way out
(norm and head) turns the last of them into logits; here it is asked after every layer, and so one
sees where in the stack a guess comes up.

Source: nostalgebraist 2020, "interpreting GPT: the logit lens",
https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru/interpreting-gpt-the-logit-lens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.errors import ConfigError
from core.models import LanguageModel


@torch.inference_mode()
def layer_logits(model: LanguageModel, idx: Tensor) -> Tensor:
    """Each layer's own logits for what follows each token: (B, T) to (L, B, T, V).

    The last layer's are the model's. Raises ConfigError for a model without layers.
    """
    stream = model.trace(idx).stream  # L, B, T, C
    if not len(stream):
        what = " is one table" if model.config.model == "bigram" else ""
        what = f"The {model.config.model} model{what}"
        raise ConfigError(f"{what}: it has no layers to ask.")
    return torch.stack([model.unembed(x, idx) for x in stream])
