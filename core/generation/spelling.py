"""How much of what a model wrote is words: characters that stand in words of its corpus.

A small language model learns to spell long before it makes sense, so the share is a number to watch
beside the loss. Words of one or two letters do not count, since chance writes those too; nor do
words that the corpus has only once. A text has to be long: over 1,000 characters the share rises as
the loss falls, over 120 it goes up and down with the dice
(`tests/core/generation/test_spelling.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from core.generation.sampling import write
from core.models import LanguageModel
from core.settings.config import SampleConfig
from core.text.corpus import Corpus
from core.text.reference import bigram_probabilities
from core.text.words import words_in

WRITTEN_LENGTH = 1_000
"""Characters of the text that words are counted in."""
LEAST_LETTERS, LEAST_TIMES = 3, 2
LEAST_CORPUS_SHARE = 0.25
"""A corpus with less of it in words is not written in such words: nothing is said of it."""
TEMPERATURE = 0.8
"""As for the samples that runs write at their estimates."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The words of a corpus, and what their share is without any model. Shares are from 0 to 1."""

    lexicon: frozenset[str]
    pairs_share: float
    """Of a text drawn from the counted pairs of characters."""
    corpus_share: float
    """Of the validation part of the corpus."""


@dataclass(frozen=True, slots=True)
class WrittenWords:
    """The share of what a model wrote that stands in words, beside two others; from 0 to 1."""

    share: float
    pairs_share: float
    corpus_share: float


def lexicon_of(text: str) -> frozenset[str]:
    """The words that a text has more than once, in small letters."""
    found = Counter(words_in(text))
    return frozenset(
        word for word, n in found.items() if n >= LEAST_TIMES and len(word) >= LEAST_LETTERS
    )


def share_in_words(text: str, lexicon: AbstractSet[str]) -> float:
    """How many of a text's characters stand in words of the lexicon, from 0 to 1."""
    found = words_in(text)
    return sum(len(word) for word in found if word in lexicon) / len(text) if text else 0.0


def yardstick_of(corpus: Corpus) -> Yardstick | None:
    """What to hold a model's text against; None for a corpus that is not written in words."""
    lexicon = lexicon_of(corpus.text)
    of_corpus = share_in_words(corpus.vocabulary.decode(corpus.val), lexicon)
    if of_corpus < LEAST_CORPUS_SHARE:
        return None
    return Yardstick(lexicon, share_in_words(text_of_pairs(corpus, 10_000), lexicon), of_corpus)


def text_of_pairs(corpus: Corpus, length: int, seed: int = 1337) -> str:
    """What counted pairs of characters write, drawn at the temperature of the samples."""
    counted = bigram_probabilities(corpus.train, len(corpus.vocabulary)).numpy()  # V, V
    warm = counted ** (1.0 / TEMPERATURE)
    up_to = np.cumsum(warm / warm.sum(axis=1, keepdims=True), axis=1)
    rng, token, drawn = np.random.default_rng(seed), int(corpus.train[0]), []
    for dice in rng.random(length):
        token = min(int(up_to[token].searchsorted(dice, side="right")), len(up_to) - 1)
        drawn.append(corpus.vocabulary.characters[token])
    return "".join(drawn)


def written_words_of(
    model: LanguageModel, corpus: Corpus, yardstick: Yardstick, seed: int = 1337
) -> WrittenWords:
    """Let a model in eval mode write, and count: takes about as long as a few training steps."""
    sample = SampleConfig(max_new_tokens=WRITTEN_LENGTH, seed=seed, temperature=TEMPERATURE)
    text = write(model, corpus.vocabulary, "", sample)
    share = share_in_words(text, yardstick.lexicon)
    return WrittenWords(share, yardstick.pairs_share, yardstick.corpus_share)
