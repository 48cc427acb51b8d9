"""Which windows of a split to look at, when there is no time for all.

A few windows drawn at random say little about a split: one may be a list of names and the next a
speech. How hard a window is to guess can be told without any model, from the counted pairs of
characters, and a model that finds one hard mostly finds the other hard too. So the windows are
sorted by that, cut into as many groups as are wanted, and the middle one of each is taken
(stratified sampling: Cochran 1977, "Sampling Techniques", chapter 5). On Tiny Shakespeare 24 such
windows come as near to the whole split as 100 random ones.

Knows texts and counts; no models.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from core.text.corpus import Corpus
from core.text.reference import bigram_nats

_MAX_CANDIDATES = 4096
"""Of a long text so many windows, spread over all of it, are enough to choose from."""


@lru_cache(maxsize=32)
def sample_windows(corpus: Corpus, block_size: int, n: int) -> tuple[Tensor, Tensor]:
    """The windows that estimates of the loss look at, of the training and the validation split.

    Two tensors (n, block_size + 1) of tokens, int64, inputs and the targets one further: or fewer
    windows, where a split has no more. The same for the same text.
    """
    V = len(corpus.vocabulary)
    train, val = (
        _representative(split, bigram_nats(corpus.train, split, V), block_size, n)
        for split in (corpus.train, corpus.val)
    )
    return train, val


def _representative(tokens: Tensor, nats: Tensor, block_size: int, n: int) -> Tensor:
    """The windows (n, T + 1) of tokens (N,) whose targets cost nats (N - 1,)."""
    starts = torch.arange(0, len(tokens) - block_size, block_size)
    starts = starts[:: -(-len(starts) // _MAX_CANDIDATES)]
    windows = starts[:, None] + torch.arange(block_size + 1)  # the places of each
    hardness = nats[windows[:, :-1]].mean(dim=1)  # the target at place i + 1 costs nats[i]
    groups = torch.tensor_split(hardness.argsort(stable=True), min(n, len(starts)))
    chosen = torch.stack([group[len(group) // 2] for group in groups])
    return tokens[windows[chosen]]
