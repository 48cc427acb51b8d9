"""One character as it was drawn, stage by stage: logits, temperature, top-k, top-p, the dice.

The stages are the sampler's own (`core.generation.sampling`), asked with fewer of its settings each
time, and the dice are those that it throws.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.generation.decoding import decoder_of
from core.generation.numpy_layers import Array
from core.generation.sampling import sampling_probabilities, starting_prompt
from core.models import LanguageModel
from core.settings.config import SampleConfig
from core.text.corpus import Vocabulary


@dataclass(frozen=True, eq=False)
class Stages:
    """How a character came to be drawn. All arrays are (V,)."""

    logits: Array
    tempered: Array
    """Probabilities after the temperature."""
    after_top_k: Array
    after_top_p: Array
    """What the draw was made from."""
    dice: float
    """From 0 to 1: where the draw fell on the probabilities laid end to end."""

    @property
    def token(self) -> int:
        """The character on which the dice fell."""
        up_to = self.after_top_p.cumsum()
        return int(up_to.searchsorted(self.dice * up_to[-1], side="right"))


def stages_of(
    model: LanguageModel, vocabulary: Vocabulary, prompt: str, added: str, config: SampleConfig
) -> Stages:
    """How the character after `prompt` and `added`, which the model wrote to it, is drawn.

    The model sees the last `block_size` characters. Raises PromptError for characters outside the
    vocabulary.
    """
    text = (prompt or starting_prompt(vocabulary)) + added
    tokens = vocabulary.encode(text)[-model.config.block_size :]
    logits = decoder_of(model).read(tokens.numpy()[None])[0].astype(np.float64)
    throws = np.random.default_rng(config.seed).random(len(added) + 1)
    return Stages(
        logits=logits,
        tempered=sampling_probabilities(logits, replace(config, top_k=0, top_p=1.0)),
        after_top_k=sampling_probabilities(logits, replace(config, top_p=1.0)),
        after_top_p=sampling_probabilities(logits, config),
        dice=float(throws[-1]),
    )
