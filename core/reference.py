"""What counting alone can do: the grey lines that every loss curve is read against.

All are counted from the training split and measured on the validation split, in nats per
character, over every target `val[1:]`:

* uniform: every character equally likely, ln V.
* unigram: how often each character occurs.
* bigram: how often each follows another, one added to every count (Laplace). This is what the
  bigram model can at best become.
* n-grams of 3 to 5: counts of longer contexts, smoothed after Witten and Bell (1991, "The
  zero-frequency problem", IEEE Trans. Inf. Theory 37(4)), method C:

      P(c | h) = (count(h c) + t(h) P(c | h')) / (count(h) + t(h))

  where h is the context, h' the same without its oldest character, and t(h) the number of distinct
  characters that were seen after h. A context never seen gives way to h' altogether.

Shapes: N training tokens, M validation targets, V = vocabulary size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from core.corpus import Corpus


@dataclass(frozen=True)
class ReferenceLine:
    """One loss that needs no training: its name, and its value in nats per character."""

    name: str
    loss_nats: float


def bigram_counts(tokens: Tensor, vocab_size: int) -> Tensor:
    """How often character j follows character i: (V, V), int64, row i, column j."""
    pairs = tokens[:-1] * vocab_size + tokens[1:]
    return torch.bincount(pairs, minlength=vocab_size**2).view(vocab_size, vocab_size)


def bigram_probabilities(tokens: Tensor, vocab_size: int) -> Tensor:
    """The counted transition matrix with one added to every count: (V, V), rows sum to 1."""
    counts = bigram_counts(tokens, vocab_size).to(torch.float64) + 1.0
    return counts / counts.sum(dim=1, keepdim=True)


def unigram_loss(train: Tensor, val: Tensor, vocab_size: int) -> float:
    """Loss of the character frequencies, one added to every count so that none is impossible."""
    counts = torch.bincount(train, minlength=vocab_size).to(torch.float64) + 1.0
    return float(-(counts / counts.sum()).log()[val[1:]].mean())


def bigram_loss(train: Tensor, val: Tensor, vocab_size: int) -> float:
    """Loss of the counted transition matrix."""
    return float(-bigram_probabilities(train, vocab_size).log()[val[:-1], val[1:]].mean())


def ngram_losses(train: Tensor, val: Tensor, vocab_size: int, longest: int) -> dict[int, float]:
    """Losses of the Witten-Bell n-grams, for n from 1 to `longest`.

    The first targets of the split have less than n - 1 characters before them and are predicted
    from what there is.
    """
    p = torch.full((len(val) - 1,), 1.0 / vocab_size, dtype=torch.float64)  # M
    losses = {}
    for n in range(1, longest + 1):
        first = max(0, n - 2)  # the first target with a whole context; target i is val[i + 1]
        grams = _gram_keys(val, n, vocab_size)[1 if n == 1 else 0 :]
        p[first:] = _interpolate(_gram_keys(train, n, vocab_size), grams, p[first:], vocab_size)
        losses[n] = float(-p.log().mean())
    return losses


def _gram_keys(tokens: Tensor, n: int, vocab_size: int) -> Tensor:
    """Each run of n tokens as one number in base V: (N - n + 1,), the last token the lowest digit.

    Fits int64 for n up to 5 as long as V is at most 1,000 (10^15), which the library sees to.
    """
    n_grams = len(tokens) - n + 1
    keys = torch.zeros(max(0, n_grams), dtype=torch.int64)
    for offset in range(n):
        keys = keys * vocab_size + tokens[offset : offset + len(keys)]
    return keys


def _interpolate(seen: Tensor, wanted: Tensor, p_shorter: Tensor, vocab_size: int) -> Tensor:
    """One step of the recursion, for all targets at once: P(c | h) from P(c | h'), (M,)."""
    grams, gram_counts = torch.unique(seen, return_counts=True)
    contexts, kinds_after = torch.unique_consecutive(grams // vocab_size, return_counts=True)
    context_of_gram = torch.repeat_interleave(torch.arange(len(contexts)), kinds_after)
    context_counts = torch.zeros(len(contexts), dtype=torch.int64)
    context_counts.index_add_(0, context_of_gram, gram_counts)

    count = _look_up(grams, gram_counts, wanted)  # count(h c)
    context_count = _look_up(contexts, context_counts, wanted // vocab_size)  # count(h)
    kinds = _look_up(contexts, kinds_after, wanted // vocab_size)  # t(h)
    mixed = (count + kinds * p_shorter) / (context_count + kinds).clamp(min=1)
    return torch.where(context_count > 0, mixed, p_shorter)


def _look_up(keys: Tensor, values: Tensor, wanted: Tensor) -> Tensor:
    """`values` of the sorted `keys` at `wanted`, 0 where a key is missing, float64."""
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(keys[place] == wanted, values[place], 0).to(torch.float64)


@lru_cache(maxsize=16)
def reference_lines(corpus: Corpus) -> tuple[ReferenceLine, ...]:
    """Uniform, unigram, bigram, 3-gram, 4-gram and 5-gram, best last; counted once per text.

    All but uniform are NaN where the validation split has less than two characters, since then
    there is nothing to predict.
    """
    train, val, vocab_size = corpus.train, corpus.val, len(corpus.vocabulary)
    longer = ngram_losses(train, val, vocab_size, longest=5)
    return (
        ReferenceLine("uniform", math.log(vocab_size)),
        ReferenceLine("unigram", unigram_loss(train, val, vocab_size)),
        ReferenceLine("bigram", bigram_loss(train, val, vocab_size)),
        *(ReferenceLine(f"{n}-gram", longer[n]) for n in (3, 4, 5)),
    )
