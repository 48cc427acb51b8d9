"""How a model writes: one character at a time, each drawn from what it thinks comes next.

Knows a model as tokens in and logits out, and the vocabulary; nothing of runs or screens.

Sources: top-k, Fan et al. 2018, https://arxiv.org/abs/1805.04833; top-p (nucleus), Holtzman et al.
2020, https://arxiv.org/abs/1904.09751.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.config import SampleConfig
from core.corpus import Vocabulary
from core.models import LanguageModel

_COLDEST = 1e-6
"""Below this, temperature is 0: logits divided by less could leave what a float32 can hold."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """One character as it was chosen."""

    token: int
    character: str
    probability: float
    """What the model gave it, before temperature, top-k and top-p."""
    rank: int
    """1 for the character that the model thought likeliest."""


def starting_prompt(vocabulary: Vocabulary) -> str:
    """What to begin with when nobody says: a new line, else the first character there is."""
    return "\n" if "\n" in vocabulary.characters else vocabulary.characters[0]


def generate(
    model: LanguageModel, vocabulary: Vocabulary, prompt: str, config: SampleConfig
) -> Iterator[TokenRecord]:
    """Continue `prompt`; yields each new character as soon as it is chosen.

    The model sees the last `block_size` characters. Same model, prompt and config: same text. The
    model must be in eval mode, and is not changed. An empty prompt begins with a new line.

    Raises PromptError, before anything is written, for characters outside the vocabulary.
    """
    tokens = vocabulary.encode(prompt or starting_prompt(vocabulary))
    return _continue(model, vocabulary, tokens, config)


def _continue(
    model: LanguageModel, vocabulary: Vocabulary, tokens: Tensor, config: SampleConfig
) -> Iterator[TokenRecord]:
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(config.seed)
    block_size = model.config.block_size
    for _ in range(config.max_new_tokens):
        with torch.inference_mode():
            window = tokens[-block_size:].to(device)[None]  # 1, T
            logits = model(window)[0, -1].float().cpu()  # V
            probabilities = sampling_probabilities(logits, config)
            token = int(torch.multinomial(probabilities, 1, generator=generator))
            believed = logits.softmax(dim=-1)
            rank = int((believed > believed[token]).sum()) + 1
            tokens = torch.cat([tokens[-block_size:], torch.tensor([token])])
        yield TokenRecord(token, vocabulary.characters[token], float(believed[token]), rank)


def write(model: LanguageModel, vocabulary: Vocabulary, prompt: str, config: SampleConfig) -> str:
    """What the model adds to `prompt`, as one text."""
    return "".join(record.character for record in generate(model, vocabulary, prompt, config))


def sampling_probabilities(logits: Tensor, config: SampleConfig) -> Tensor:
    """Logits (V,) to the probabilities (V,) that the next character is drawn from.

    Temperature first, then top-k, then top-p, each on what the one before left, as in nanoGPT and
    Hugging Face. Temperature 0 puts everything on the likeliest character.
    """
    if config.temperature < _COLDEST:
        return torch.nn.functional.one_hot(logits.argmax(), len(logits)).to(logits.dtype)
    logits = logits / config.temperature
    if 0 < config.top_k < len(logits):
        kth = logits.topk(config.top_k).values[-1]
        logits = logits.masked_fill(logits < kth, -math.inf)
    probabilities = logits.softmax(dim=-1)
    if config.top_p < 1.0:
        ordered, order = probabilities.sort(descending=True, stable=True)
        # A character stays if those likelier than it do not yet hold top_p: the first always does.
        dropped = order[ordered.cumsum(0) - ordered >= config.top_p]
        probabilities[dropped] = 0.0
        probabilities /= probabilities.sum()
    return probabilities
