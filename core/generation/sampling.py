"""How a model writes: one character at a time, each drawn from what it thinks comes next.

Knows a model as tokens in and logits out, and the vocabulary; nothing of runs or screens. How the
logits of the next character come about quickly is `core.generation.decoding`'s.

Shapes: B texts side by side, V = vocabulary size.

Sources: top-k, Fan et al. 2018, https://arxiv.org/abs/1805.04833; top-p (nucleus), Holtzman et al.
2020, https://arxiv.org/abs/1904.09751.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np

from core.generation.decoding import Decoder, decoder_of
from core.generation.numpy_layers import Array
from core.models import LanguageModel
from core.settings.config import SampleConfig, TrainConfig, sample_while_training
from core.text.corpus import Vocabulary

N_CANDIDATES = 5
"""How many of the likeliest characters a record names."""
_COLDEST = 1e-6
"""Below this, temperature is 0: logits divided by less could leave what a float can hold."""


class Candidate(NamedTuple):
    """A character that could have been written, and with which probability."""

    character: str
    probability: float


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """One character as it was chosen."""

    token: int
    character: str
    probability: float
    """What the model gave it, before temperature, top-k and top-p."""
    rank: int
    """1 for the character that the model thought likeliest."""
    believed: tuple[Candidate, ...] = ()
    """The likeliest characters by the model alone, the likeliest first."""
    offered: tuple[Candidate, ...] = ()
    """The likeliest after temperature, top-k and top-p: what the draw was made from."""


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
    together = generate_together(model, vocabulary, prompt, config, n_texts=1)
    return (record for (record,) in together)


def generate_together(
    model: LanguageModel, vocabulary: Vocabulary, prompt: str, config: SampleConfig, n_texts: int
) -> Iterator[tuple[TokenRecord, ...]]:
    """Continue `prompt` in several ways at once; yields the next character of each text.

    Text number i draws from the seed `config.seed + i`, so the first is what `generate` writes.
    Raises as `generate` does.
    """
    tokens = np.tile(_begun(model, vocabulary, prompt), (n_texts, 1))
    return (
        tuple(map(_record, draw.tokens, _softmax(draw.logits), draw.offered, repeat(vocabulary)))
        for draw in _draws(decoder_of(model, n_texts), tokens, config)
    )


def write(model: LanguageModel, vocabulary: Vocabulary, prompt: str, config: SampleConfig) -> str:
    """What the model adds to `prompt`, as one text: what `generate` writes, and nothing about it.

    Raises as `generate` does.
    """
    return _text(decoder_of(model), vocabulary, _begun(model, vocabulary, prompt), config)


def write_sample(
    model: LanguageModel, vocabulary: Vocabulary, train: TrainConfig, prompt: str = ""
) -> str:
    """What a run writes at its estimates: always the same way, and in a hurry.

    Whenever the window is full, its older half is forgotten at once; `write` lets one character
    go at a time. So a model sees at least half of a window, and the sample costs little.
    """
    decoder = decoder_of(model)
    decoder.n_kept = max(1, model.config.block_size // 2)
    config = sample_while_training(train)
    return _text(decoder, vocabulary, _begun(model, vocabulary, prompt), config)


class _Draw(NamedTuple):
    """The next token of each text, and what it was drawn from."""

    tokens: list[int]
    logits: Array
    offered: Array
    """The probabilities of the draw: both (B, V)."""


def _draws(decoder: Decoder, tokens: Array, config: SampleConfig) -> Iterator[_Draw]:
    """Continue tokens (B, T), one character of each text at a time."""
    dice = [np.random.default_rng(config.seed + i) for i in range(len(tokens))]
    for _ in range(config.max_new_tokens):
        logits = decoder.read(tokens).astype(np.float64)  # B, V
        offered = sampling_probabilities(logits, config)
        drawn = [_draw(p, rng) for p, rng in zip(offered, dice)]
        yield _Draw(drawn, logits, offered)
        tokens = np.array(drawn)[:, None]


def _begun(model: LanguageModel, vocabulary: Vocabulary, prompt: str) -> Array:
    """What the model sees of a prompt, (1, T). Raises PromptError as `generate` does."""
    tokens = vocabulary.encode(prompt or starting_prompt(vocabulary))[-model.config.block_size :]
    seen: Array = tokens.numpy()[None]
    return seen


def _text(decoder: Decoder, vocabulary: Vocabulary, tokens: Array, config: SampleConfig) -> str:
    characters = vocabulary.characters
    return "".join(characters[draw.tokens[0]] for draw in _draws(decoder, tokens, config))


def sampling_probabilities(logits: Array, config: SampleConfig) -> Array:
    """Logits (…, V) to the probabilities (…, V) that the next character is drawn from.

    Temperature first, then top-k, then top-p, each on what the one before left, as in nanoGPT and
    Hugging Face. Temperature 0 puts everything on the likeliest character.
    """
    V = logits.shape[-1]
    if config.temperature < _COLDEST:
        likeliest: Array = np.eye(V)[logits.argmax(axis=-1)]
        return likeliest
    logits = logits / config.temperature
    if 0 < config.top_k < V:
        kth = np.partition(logits, V - config.top_k)[..., V - config.top_k, None]
        logits = np.where(logits < kth, -math.inf, logits)
    probabilities = _softmax(logits)
    if config.top_p < 1.0:
        order = np.argsort(-probabilities, axis=-1, kind="stable")
        ordered = np.take_along_axis(probabilities, order, axis=-1)
        # A character stays if those likelier than it do not yet hold top_p: the first always does.
        kept = ordered.cumsum(axis=-1) - ordered < config.top_p
        np.put_along_axis(probabilities, order, np.where(kept, ordered, 0.0), axis=-1)
        probabilities /= probabilities.sum(axis=-1, keepdims=True)
    return probabilities


def _softmax(logits: Array) -> Array:
    # The reductions by their own names: numpy's methods cost as much again for so few numbers.
    exponentials = np.exp(logits - np.maximum.reduce(logits, axis=-1, keepdims=True))
    shares: Array = exponentials / np.add.reduce(exponentials, axis=-1, keepdims=True)
    return shares


def _draw(probabilities: Array, rng: np.random.Generator) -> int:
    """One token, as often as it is probable (V,)."""
    up_to = np.add.accumulate(probabilities)
    return int(up_to.searchsorted(rng.random() * up_to[-1], side="right"))


def _record(token: int, believed: Array, offered: Array, vocabulary: Vocabulary) -> TokenRecord:
    """What there is to say about a draw from `offered` (V,) by a model that `believed` (V,)."""
    # One order for both: temperature, top-k and top-p never put a character before a likelier one.
    likeliest = np.argsort(-believed)[:N_CANDIDATES]
    characters = [vocabulary.characters[token] for token in likeliest.tolist()]
    probability = believed.item(token)
    return TokenRecord(
        token,
        vocabulary.characters[token],
        probability,
        int(np.count_nonzero(believed > probability)) + 1,
        tuple(map(Candidate, characters, believed[likeliest].tolist())),
        tuple(Candidate(c, p) for c, p in zip(characters, offered[likeliest].tolist()) if p),
    )
