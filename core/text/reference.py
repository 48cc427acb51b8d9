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

from core.text.corpus import Corpus


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
    return add_one(bigram_counts(tokens, vocab_size))


def unigram_loss(train: Tensor, val: Tensor, vocab_size: int) -> float:
    """Loss of the character frequencies, one added to every count so that none is impossible."""
    counts = torch.bincount(train, minlength=vocab_size).to(torch.float64) + 1.0
    return float(-(counts / counts.sum()).log()[val[1:]].mean())


def counts_after(tokens: Tensor, vocab_size: int, kept: Tensor) -> Tensor:
    """The rows of some characters (K,) in `bigram_counts`, made without the rest: (K, V), int64."""
    row_of = torch.full((vocab_size,), -1)
    row_of[kept] = torch.arange(len(kept))
    rows, then = row_of[tokens[:-1]], tokens[1:]
    is_kept = rows >= 0
    pairs = rows[is_kept] * vocab_size + then[is_kept]
    return torch.bincount(pairs, minlength=len(kept) * vocab_size).view(len(kept), vocab_size)


def add_one(counts: Tensor) -> Tensor:
    """Counts (K, V) as probabilities with one added to each: (K, V), float64, rows sum to 1."""
    smoothed = counts.to(torch.float64) + 1.0
    return smoothed / smoothed.sum(dim=1, keepdim=True)


def bigram_loss(train: Tensor, val: Tensor, vocab_size: int) -> float:
    """Loss of the counted transition matrix."""
    return float(bigram_nats(train, val, vocab_size).mean())


def bigram_nats(train: Tensor, tokens: Tensor, vocab_size: int) -> Tensor:
    """What each target tokens[1:] costs by the counted transition matrix: (N - 1,), float64.

    Without the matrix itself where it is large: then most of it is empty.
    """
    wanted = _pairs(tokens, vocab_size)
    if vocab_size <= _SMALL_VOCABULARY:
        times = bigram_counts(train, vocab_size).flatten()[wanted].to(torch.float64)
    else:
        pairs, counts = torch.unique(_pairs(train, vocab_size), return_counts=True)
        times = _at(counts, _find(pairs, wanted))
    followed = torch.bincount(train[:-1], minlength=vocab_size).to(torch.float64)
    return -((times + 1.0) / (followed[tokens[:-1]] + vocab_size)).log()


_SMALL_VOCABULARY = 1024


def _pairs(tokens: Tensor, vocab_size: int) -> Tensor:
    """Each two neighbours as one number: (N - 1,)."""
    return tokens[:-1] * vocab_size + tokens[1:]


def ngram_losses(train: Tensor, val: Tensor, vocab_size: int, longest: int) -> dict[int, float]:
    """Losses of the Witten-Bell n-grams, for n from 1 to `longest`.

    The first targets of the split have less than n - 1 characters before them and are predicted
    from what there is.

    Contexts go by their number among those of the training split, so that a context and the
    character after it are one number below N V, however many characters there are.
    """
    p = torch.full((len(val) - 1,), 1.0 / vocab_size, dtype=torch.float64)  # M
    # What stands before each character, as far as the n-gram reaches: at first nothing.
    before_train, before_val = torch.zeros_like(train), torch.zeros_like(val)
    n_contexts = 1
    losses = {}
    for n in range(1, longest + 1):
        keys = before_train * vocab_size + train[n - 1 :]
        grams, gram_of, times = torch.unique(keys, return_inverse=True, return_counts=True)
        known = before_val >= 0
        wanted = _find(grams, torch.where(known, before_val * vocab_size + val[n - 1 :], -1))

        count = _at(times, wanted)  # count(h c)
        context_count = _at(torch.bincount(before_train, minlength=n_contexts), before_val)
        kinds = _at(torch.bincount(grams // vocab_size, minlength=n_contexts), before_val)  # t(h)
        first = max(0, n - 2)  # the first target with a whole context; target i is val[i + 1]
        if n == 1:  # val[0] is no target
            count, context_count, kinds = count[1:], context_count[1:], kinds[1:]
        mixed = (count + kinds * p[first:]) / (context_count + kinds).clamp(min=1)
        p[first:] = torch.where(context_count > 0, mixed, p[first:])

        losses[n] = float(-p.log().mean())
        before_train, before_val, n_contexts = gram_of[:-1], wanted[:-1], len(grams)
    return losses


def ngram_sizes(train: Tensor, vocab_size: int, longest: int) -> dict[int, int]:
    """How many counts an n-gram has to keep, for n from 1 to `longest`.

    One for each distinct stretch of 1 to n characters in the training split: of its own length, and
    of the shorter ones to which it gives way.
    """
    before, n_counts, sizes = torch.zeros_like(train), 0, {}
    for n in range(1, longest + 1):
        keys = before * vocab_size + train[n - 1 :]
        grams, gram_of = torch.unique(keys, return_inverse=True)
        n_counts += len(grams)
        sizes[n] = n_counts
        before = gram_of[:-1]
    return sizes


def _find(keys: Tensor, wanted: Tensor) -> Tensor:
    """The place of each of `wanted` among sorted keys, -1 where it is not among them."""
    if not len(keys):
        return torch.full_like(wanted, -1)
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(keys[place] == wanted, place, -1)


def _at(values: Tensor, places: Tensor) -> Tensor:
    """`values` at these places, 0 where a place is -1, float64."""
    if not len(values):
        return torch.zeros(len(places), dtype=torch.float64)
    return torch.where(places >= 0, values[places.clamp(min=0)], 0).to(torch.float64)


@lru_cache(maxsize=16)
def reference_lines(corpus: Corpus) -> tuple[ReferenceLine, ...]:
    """Uniform, unigram, bigram, 3-gram, 4-gram and 5-gram, best last; counted once per text.

    Only uniform where the validation split has less than two characters, since then there is
    nothing to predict.
    """
    train, val, vocab_size = corpus.train, corpus.val, len(corpus.vocabulary)
    longer = ngram_losses(train, val, vocab_size, longest=5)
    lines = (
        ReferenceLine("uniform", math.log(vocab_size)),
        ReferenceLine("unigram", unigram_loss(train, val, vocab_size)),
        ReferenceLine("bigram", bigram_loss(train, val, vocab_size)),
        *(ReferenceLine(f"{n}-gram", longer[n]) for n in (3, 4, 5)),
    )
    return tuple(line for line in lines if math.isfinite(line.loss_nats))
