"""Figures of a text: how far the past tells what comes, what stands in it twice, its words by rank.

Why entropies of a high order lie: H(c | h), counted and measured on the same text, falls towards 0
as contexts grow, since most contexts then occur once and so are followed by one character only.
That is a text known by heart, and no language. The cross entropy is the honest number: what is
counted on the training split, measured on the validation split (`core.text.reference`).

Sources: Shannon 1951, "Prediction and entropy of printed English"; Zipf 1949, "Human behavior and
the principle of least effort".

Shapes: N tokens of a text, V = vocabulary size.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.text.corpus import Corpus
from core.text.reference import ngram_losses
from core.text.repeats import Repeat, longest_repeats
from core.text.words import words_in

LONGEST_CONTEXT = 5
N_REPEATS = 10
MOST_SEARCHED = 2_000_000
"""Characters of a text, from its beginning, in which repeats are looked for: a few seconds."""
FITTED_RANKS = (10, 1_000)
"""Zipf's line is fitted here: before, a few words have their own ways; after, counts are small."""
LEAST_RANKS = 30
"""With fewer distinct words no line is fitted."""


@dataclass(frozen=True, slots=True)
class Conditional:
    """What n-grams of one order tell about the text in which they were counted."""

    entropy_nats: float
    """H(c | h) in nats per character; NaN for a text that is too short."""
    n_contexts: int
    """Distinct contexts h."""
    n_once: int
    """Those of them that occur once, and so seem to leave no doubt."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the last `context` characters tell about the next, in nats per character."""

    context: int
    train: Conditional
    """Counted and measured on the training split."""
    val: Conditional
    """Counted and measured on the validation split."""
    cross_nats: float
    """Counted on the training split, measured on the validation split; NaN where that is empty."""


@dataclass(frozen=True, slots=True)
class WordCounts:
    """The words of a text by how often they occur, in small letters."""

    by_rank: tuple[tuple[str, int], ...]
    """Word and times, the most frequent first."""

    @property
    def n_words(self) -> int:
        """All words, each as often as it occurs."""
        return sum(times for _, times in self.by_rank)

    @property
    def n_once(self) -> int:
        """Words that occur once."""
        return sum(times == 1 for _, times in self.by_rank)

    @property
    def zipf_exponent(self) -> float | None:
        """s in times ~ 1 / rank**s, as `zipf_line` fits it; None where there are few words."""
        line = zipf_line([times for _, times in self.by_rank])
        return None if line is None else -line[0]


@dataclass(frozen=True, slots=True)
class TextStatistics:
    """Figures of one corpus. The orders are those of 0 to `LONGEST_CONTEXT` characters."""

    orders: tuple[Order, ...]
    repeats: tuple[Repeat, ...]
    """Places are those of the whole text."""
    n_searched: int
    """Characters in which repeats were looked for: all, or the first `MOST_SEARCHED`."""
    words: WordCounts


def statistics_of(corpus: Corpus) -> TextStatistics:
    """All figures; a few seconds for a text of a megabyte."""
    searched = corpus.text[:MOST_SEARCHED]
    return TextStatistics(
        orders=orders_of(corpus),
        repeats=tuple(longest_repeats(searched, N_REPEATS)),
        n_searched=len(searched),
        words=word_counts(corpus.text),
    )


def orders_of(corpus: Corpus) -> tuple[Order, ...]:
    """What 0, 1, … characters of context tell, on both splits and from one to the other."""
    train, val, V = corpus.train, corpus.val, len(corpus.vocabulary)
    in_train, in_val = (conditionals(split, V, LONGEST_CONTEXT) for split in (train, val))
    crossed = ngram_losses(train, val, V, longest=LONGEST_CONTEXT + 1)
    return tuple(
        Order(context, in_train[context], in_val[context], crossed[context + 1])
        for context in range(LONGEST_CONTEXT + 1)
    )


def conditionals(tokens: Tensor, vocab_size: int, longest: int) -> list[Conditional]:
    """H(c | h) of a text (N,), int64, for contexts h of 0 to `longest` characters.

    Over all places that have a whole context. Contexts go by their number, as in `ngram_losses`.
    """
    contexts, found = torch.zeros_like(tokens), []
    for n in range(longest + 1):
        grams, gram_of, times = torch.unique(
            contexts * vocab_size + tokens[n:], return_inverse=True, return_counts=True
        )
        context_times = torch.bincount(contexts)
        of_context = context_times[grams // vocab_size]
        entropy = (times * (of_context / times).double().log()).sum() / times.sum()
        n_contexts = int((context_times > 0).sum())
        found.append(Conditional(float(entropy), n_contexts, int((context_times == 1).sum())))
        contexts = gram_of[:-1]
    return found


def word_counts(text: str) -> WordCounts:
    """The words of a text, the most frequent first, then in the order of the alphabet."""
    counted = Counter(words_in(text)).items()
    return WordCounts(tuple(sorted(counted, key=lambda item: (-item[1], item[0]))))


def zipf_line(times: Sequence[int]) -> tuple[float, float] | None:
    """Slope and height of ln times = slope * ln rank + height, for counts that fall with the rank.

    Least squares over `FITTED_RANKS`, where ranks weigh 1 / rank, so that each stretch of a
    logarithmic axis counts the same. None where there are less than `LEAST_RANKS` words.
    """
    if len(times) < LEAST_RANKS:
        return None
    ranks = np.arange(FITTED_RANKS[0], min(FITTED_RANKS[1], len(times)) + 1)
    x, y = np.log(ranks), np.log(np.asarray(times)[ranks - 1])
    slope, height = np.polyfit(x, y, 1, w=ranks**-0.5)  # polyfit squares its weights
    return float(slope), float(height)


def finite(value: float) -> float | None:
    """A number, or None for one that is none, as JSON has it."""
    return value if math.isfinite(value) else None
