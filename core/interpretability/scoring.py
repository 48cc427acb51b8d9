"""One text read by a model: what each character cost it, and what it would rather have seen.

The context of a character is everything before it that the block size holds. So the first
block_size guesses come out of one forward pass, and each one after them has a window of its own:
none starts anew in the middle of a text, as the windows of an evaluation do.

Shapes: N characters of a text, N - 1 guesses, T = block_size, V = vocabulary size, P places.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from core.models import LanguageModel
from core.training.evaluation import evaluating

_CHARACTERS_PER_PASS = 1024
"""More would leave a CPU's caches."""
ENOUGH_SHARE = 0.9
"""A context does what a longer one does when it gains so much of what that one gains."""


@dataclass(frozen=True, eq=False)
class Score:
    """What a model makes of the characters of a text from the second on: (N - 1,) each."""

    nats: Tensor
    """-ln of the probability that the model gave the character that came; float64."""
    guesses: Tensor
    """The token that it thought likeliest there, int64."""
    guess_probabilities: Tensor
    """And how likely, float64."""

    @property
    def bits(self) -> Tensor:
        """The surprisal of each character in bits: (N - 1,), float64."""
        return self.nats / math.log(2)


def score(model: LanguageModel, tokens: Tensor) -> Score:
    """Read a text (N,) of at least two tokens, on the model's device; changes nothing.

    The mean of `nats` over the first T guesses is the loss of that window.
    """
    pieces: list[tuple[Tensor, Tensor, Tensor]] = []
    first = 1  # the character that the next row is about
    for rows in _log_probabilities(model, tokens):
        came = rows.gather(1, tokens[first : first + len(rows), None])[:, 0]
        likeliest, guesses = rows.max(dim=1)
        pieces.append((-came, guesses, likeliest.exp()))
        first += len(rows)
    return Score(*map(torch.cat, zip(*pieces)))


def _log_probabilities(model: LanguageModel, tokens: Tensor) -> Iterator[Tensor]:
    """What the model thinks of every character at each place, in pieces (…, V), float64."""
    T = model.config.block_size
    with evaluating(model):
        if model.config.looks_ahead:  # it may not even be shown what it is to guess
            for place in range(1, len(tokens)):
                yield _as_log(model(tokens[None, max(0, place - T) : place])[:, -1])
            return
        yield _as_log(model(tokens[None, :-1][:, :T])[0])
        if len(tokens) - 1 > T:
            later = tokens[1:-1].unfold(0, T, 1)  # N - 1 - T, T: the window before each place
            for windows in torch.split(later, max(1, _CHARACTERS_PER_PASS // T)):
                yield _as_log(model(windows)[:, -1])


def _as_log(logits: Tensor) -> Tensor:
    return logits.double().log_softmax(dim=-1)


# --- how much context it took ---------------------------------------------------------------------


def context_lengths(longest: int) -> list[int]:
    """Lengths of context to try: each up to 8, then four in every doubling, and the longest."""
    lengths, length = [], 1
    while length < longest:
        lengths.append(length)
        length += max(1, 2 ** (length.bit_length() - 1) // 4)
    return [*lengths, longest]


def costs_by_context(
    model: LanguageModel, tokens: Tensor, places: Sequence[int]
) -> list[dict[int, float]]:
    """What the characters at some places of a text (N,) cost with less and more context, in nats.

    For each place, from 1, a dict of length of context to cost: the last `length` characters before
    the place are all that the model sees. The lengths are `context_lengths`, as far as the text and
    the block size reach. Changes nothing.
    """
    T = model.config.block_size
    found: list[dict[int, float]] = [{} for _ in places]
    lengths = {min(place, T): None for place in places}
    wanted = sorted({n for longest in lengths for n in context_lengths(longest)})
    with evaluating(model):
        for n in wanted:
            having = [i for i, place in enumerate(places) if n <= place]
            windows = torch.stack([tokens[places[i] - n : places[i]] for i in having])
            targets = torch.stack([tokens[places[i]] for i in having])
            costs = -_as_log(model(windows)[:, -1]).gather(1, targets[:, None])[:, 0]
            for i, nats in zip(having, cast(list[float], costs.tolist())):
                found[i][n] = nats
    return found


def enough_context(costs: dict[int, float]) -> int:
    """The shortest context that gains `ENOUGH_SHARE` of what the whole gains over one character.

    Of what `costs_by_context` returns for a place; 1 where more context gains nothing.
    """
    alone, whole = costs[min(costs)], costs[max(costs)]
    if whole >= alone:
        return min(costs)
    bound = alone - ENOUGH_SHARE * (alone - whole)
    return next(n for n in sorted(costs) if costs[n] <= bound)
