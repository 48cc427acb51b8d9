"""What attention heads have a habit of, by stated rules, measured on many places of a text.

A habit is a kind of place to look at: the character before, a vowel, the start of a word. For each
habit two shares are compared: how much of its weight a head gives to such places, and how much it
would give them by spreading evenly over all that it may see. One typed sentence is too short for
that; here the shares are means over many windows.

The rules, in their order. A head whose weight is spread almost evenly is `even`. Else a habit
counts if the head gives such places at least `MIN_TIMES` the even share; a single place (the one
before, itself, the first of the window) must also get `SINGLE_SHARE` of the weight, and for
`recent` nearly all the weight is enough. Of those that count the head is named after the one that
says most about it, which is where the two shares differ most as chances of a yes (Kullback-Leibler
divergence); but after `recent`, the bluntest, only where nothing else says at least `SHARP_NATS`.
What says less than `MIN_NATS` is no habit. A share is a mean over the characters that have such a
place to look at.

Shapes: L layers, B windows, H heads, T characters in a window. Layers and heads count from 1 where
people see them.

Sources: induction heads, Olsson et al. 2022, https://arxiv.org/abs/2209.11895; heads named after
what they attend to, Clark et al. 2019, https://arxiv.org/abs/1906.04341.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from core.errors import ConfigError
from core.interpretability.parts import Part, without
from core.models import LanguageModel
from core.text.corpus import Corpus, Vocabulary
from core.text.windows import sample_windows
from core.training.evaluation import evaluating, windows_loss
from core.training.preflight import flops_per_token

LOOK_WINDOWS, LOOK_WEIGHTS, LOOK_FLOPS = 64, 2**25, 3_000_000_000_000
"""What `windows_to_look_at` gives at most: windows, attention weights, and work of training."""

Habit = Literal[
    "previous", "itself", "recent", "first", "same", "after_same", "spaces", "word_starts",
    "vowels", "capitals",
]  # fmt: skip
"""Kinds of places, as seen from the character that looks: the one just before; itself; the last
`RECENT` with itself; the first of the window; the same character earlier; what followed the same
character the last time (induction); spaces and line ends; first letters of words; vowels; capitals.
"""
HABITS: tuple[Habit, ...] = get_args(Habit)
Name = Habit | Literal["even", "none"]
"""`even`: the head spreads its weight almost evenly. `none`: no habit is strong enough."""

RECENT = 8
NEARLY_EVEN = 0.97
"""A head is even when its entropy reaches this share of what spreading evenly would give."""
MIN_TIMES, SINGLE_SHARE, NEARLY_ALL = 1.8, 0.4, 0.8
MIN_NATS, SHARP_NATS = 0.04, 0.1
"""16 % of the weight where even spreading gives 7 % say 0.05 nats; 40 % for 20 %, 0.1."""
_WEIGHTS_PER_PASS = 2**24


@dataclass(frozen=True, kw_only=True)
class HeadHabits:
    """What one head does, on the mean over many places. Shares go from 0 to 1."""

    layer: int
    head: int
    name: Name
    score: float
    """Share of its weight for the habit it is named after; of the strongest, where it has no name;
    and of the even entropy, where it is even."""
    times_even: float
    """The score over what spreading evenly would give."""
    entropy_nats: float
    """How much its weight is spread out: 0 for all of it on one character."""
    shares: Mapping[Habit, float]
    even_shares: Mapping[Habit, float]


def windows_to_look_at(model: LanguageModel, corpus: Corpus) -> Tensor:
    """Windows (B, block_size + 1) of the validation text for a look inside a model.

    The same on pages and on the command line, so that a head has one name. As many as are read once
    for each head in some seconds, and looked at whole in one: 64, and of a large model fewer.
    """
    config = model.config
    n_heads = max(1, config.n_layer * config.n_head)
    per_window = max(1, flops_per_token(config) * config.block_size)
    n_windows = min(
        LOOK_WINDOWS,
        LOOK_WEIGHTS // (n_heads * config.block_size**2),
        LOOK_FLOPS // (n_heads * per_window),
    )
    return sample_windows(corpus, config.block_size, max(4, n_windows))[1]


@torch.inference_mode()
def head_habits(model: LanguageModel, vocabulary: Vocabulary, windows: Tensor) -> list[HeadHabits]:
    """The habits of all heads on windows (B, T) of tokens, T from 2 to block_size.

    By layer, then by head; none for a model without attention.
    """
    config, (B, T) = model.config, windows.shape
    if not config.n_head:
        return []
    kinds = _kinds_of_characters(vocabulary)
    per_pass = max(1, _WEIGHTS_PER_PASS // (config.n_layer * config.n_head * T * T))
    with evaluating(model):
        sums = [_sums(model, batch, kinds) for batch in torch.split(windows, per_pass)]
    weight, even, n_looking, entropy = (torch.stack(parts).sum(dim=0) for parts in zip(*sums))
    n_looking = n_looking.clamp_min(1)
    shares, even, entropy = weight / n_looking, even / n_looking, entropy / (B * (T - 1))
    most = even_entropy_nats(T)
    return [
        _named(layer, head, shares[layer, head], even, float(entropy[layer, head]), most)
        for layer in range(config.n_layer)
        for head in range(config.n_head)
    ]


def even_entropy_nats(n_characters: int) -> float:
    """The mean entropy of a head that spreads evenly in windows of so many characters, 2 or more.

    It is the mean of ln 2, …, ln T: the first character has no choice, and is left out.
    """
    return math.lgamma(n_characters + 1) / (n_characters - 1)


def _sums(model: LanguageModel, batch: Tensor, kinds: Mapping[Habit, Tensor]) -> list[Tensor]:
    """Of windows (B, T): the weight on each kind of place, (L, H, K); what even spreading would put
    there, (K,); how many characters have such a place, (K,); and the heads' entropy, (L, H)."""
    weights = model.trace(batch).attention[..., 1:, :]  # L, B, H, T-1, T: the first has no choice
    places = habit_places(batch, kinds)[..., 1:, :].to(weights.dtype)  # K, B, T-1, T
    n_seen = torch.arange(2, batch.shape[1] + 1)
    return [
        torch.einsum("lbhts,kbts->lhk", weights, places).double(),
        (places.sum(dim=-1) / n_seen).sum(dim=(1, 2)).double(),
        places.amax(dim=-1).sum(dim=(1, 2)).double(),
        torch.special.entr(weights).sum(dim=(1, 3, 4)).double(),
    ]


def habit_places(tokens: Tensor, kinds: Mapping[Habit, Tensor]) -> Tensor:
    """Which places are of which kind: tokens (B, T) to (K, B, T, T), in the order of `HABITS`.

    Row t is the character that looks; nothing after it is of any kind.
    """
    B, T = tokens.shape
    place = torch.arange(T)
    distance = place[:, None] - place[None, :]  # T, T
    earlier_same = (tokens[:, :, None] == tokens[:, None, :]) & (distance > 0)
    last_same = earlier_same & (earlier_same.flip(-1).cumsum(dim=-1).flip(-1) == 1)
    after_same = last_same.roll(1, dims=-1) & (distance > 0)
    found: dict[Habit, Tensor] = {
        "previous": (distance == 1).expand(B, T, T),
        "itself": (distance == 0).expand(B, T, T),
        "recent": (distance < RECENT).expand(B, T, T),
        "first": (place == 0).expand(B, T, T),
        "same": earlier_same,
        "after_same": after_same,
    }
    for habit in ("spaces", "vowels", "capitals"):
        found[habit] = kinds[habit][tokens][:, None, :].expand(B, T, T)
    letters = kinds["word_starts"][tokens]  # letters; a word starts where none stands before one
    starts = letters & ~torch.cat((torch.zeros(B, 1, dtype=torch.bool), letters[:, :-1]), dim=1)
    found["word_starts"] = starts[:, None, :].expand(B, T, T)
    return torch.stack([found[habit] for habit in HABITS]) & (distance >= 0)


def _kinds_of_characters(vocabulary: Vocabulary) -> dict[Habit, Tensor]:
    """For each kind of character, which tokens (V,) are of it; `word_starts` has all letters."""
    characters = vocabulary.characters
    plain = [unicodedata.normalize("NFD", c)[0].lower() for c in characters]
    kinds: dict[Habit, list[bool]] = {
        "spaces": [c.isspace() for c in characters],
        "word_starts": [c.isalpha() for c in characters],
        "vowels": [c in "aeiou" for c in plain],
        "capitals": [c.isupper() for c in characters],
    }
    return {habit: torch.tensor(is_one) for habit, is_one in kinds.items()}


def _named(
    layer: int, head: int, shares: Tensor, even: Tensor, entropy_nats: float, even_entropy: float
) -> HeadHabits:
    """The name of one head (from 0), by the rules above."""
    share_of = dict(zip(HABITS, shares.tolist()))
    even_of = dict(zip(HABITS, even.tolist()))
    nats = {h: _divergence(share_of[h], even_of[h]) for h in HABITS if even_of[h] > 0}
    counting = [h for h in nats if _counts(h, share_of[h], even_of[h]) and nats[h] >= MIN_NATS]
    if any(nats[h] >= SHARP_NATS for h in counting if h != "recent"):
        counting = [h for h in counting if h != "recent"]
    best = max(counting or nats, key=lambda habit: nats[habit])
    name: Name = best if counting else "none"
    score, times = share_of[best], share_of[best] / even_of[best]
    if entropy_nats >= NEARLY_EVEN * even_entropy:
        name, score, times = "even", entropy_nats / even_entropy, 1.0
    return HeadHabits(
        layer=layer + 1, head=head + 1, name=name, score=score, times_even=times,
        entropy_nats=entropy_nats, shares=share_of, even_shares=even_of,
    )  # fmt: skip


def _counts(habit: Habit, share: float, even: float) -> bool:
    if habit == "recent" and share >= NEARLY_ALL:
        return True
    least = SINGLE_SHARE if habit in ("previous", "itself", "first") else 0.0
    return share >= max(MIN_TIMES * even, least)


def _divergence(share: float, even: float) -> float:
    """What one look says of `share` against `even`, in nats: both are chances of yes and no."""
    total = 0.0
    for p, q in ((share, even), (1 - share, 1 - even)):
        if p > 0:
            total += p * math.log(p / max(q, 1e-12))
    return total


@dataclass(frozen=True, kw_only=True)
class HeadWorth:
    """The loss of a model with one head switched off, beside that of the whole."""

    layer: int
    head: int
    val_loss_nats: float
    delta_nats: float
    """How much higher the loss is without the head; below 0, the model is better without it."""


def heads_worth(
    model: LanguageModel, windows: Tensor, full_loss_nats: float | None = None
) -> list[HeadWorth]:
    """What each head is worth on windows (B, T + 1), the costliest to lose first.

    `full_loss_nats` is the loss of the whole model on the same windows, measured if not known.
    Raises ConfigError for a model without heads.
    """
    config = model.config
    if not config.n_head:
        raise ConfigError(f"The {config.model} model has no heads.")
    if full_loss_nats is None:
        full_loss_nats = windows_loss(model, windows)
    found = []
    for layer in range(1, config.n_layer + 1):
        for head in range(1, config.n_head + 1):
            loss = windows_loss(without(model, [Part("head", layer, head)]), windows)
            found.append(
                HeadWorth(
                    layer=layer, head=head, val_loss_nats=loss, delta_nats=loss - full_loss_nats
                )
            )
    return sorted(found, key=lambda worth: -worth.delta_nats)
