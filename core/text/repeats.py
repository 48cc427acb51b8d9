"""What stands more than once: within one text, or in two.

Lengths and places are in characters. A passage is *maximal* when it cannot be made longer at either
end without ceasing to stand where it stands.

Sources: the order of all suffixes by windows of doubled length, Manber and Myers 1990, "Suffix
arrays: a new method for on-line string searches"; that only equal windows are put in order again,
Larsson and Sadakane 2007, "Faster suffix sorting". Nothing rests on a hash alone.

Shapes: N characters of a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 20
"""Characters from which a passage that stands elsewhere too is worth naming: of Tiny Shakespeare's
validation split, which is new text of the same kind, a tenth stands in the training split in
passages of 16 characters or more, and 1.5 % in those of 20."""
_Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of one text that stands in another, in characters."""

    start: int
    """Where it begins in the text that was searched for."""
    length: int
    at: int
    """Where it begins in the other, at the first place of several."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A stretch that stands at several places of one text."""

    length: int
    places: tuple[int, ...]
    """All of them, ascending; they may overlap."""


# --- one text in another --------------------------------------------------------------------------


def verbatim_passages(text: str, source: str, least: int = LEAST) -> list[Passage]:
    """The maximal passages of `text` that stand verbatim in `source`, the longest first.

    Only those of at least `least` characters; of equally long ones the earlier first. They may
    overlap: the end of one can be the beginning of another that goes on elsewhere.
    """
    may_stand = _may_stand(text, source, least)
    passages: list[Passage] = []
    end = 0  # of the last passage: one that reaches no further lies within it
    for start in np.flatnonzero(may_stand).tolist():
        needed = max(least, end + 1 - start)
        last = start + needed - least
        if last >= len(may_stand) or not may_stand[last]:
            continue
        at = source.find(text[start : start + needed])
        if at >= 0:
            passages.append(_grown(text, source, Passage(start, needed, at)))
            end = start + passages[-1].length
    return sorted(passages, key=lambda passage: (-passage.length, passage.start))


def _grown(text: str, source: str, passage: Passage) -> Passage:
    """The longest passage that begins where this one does. A longer one stands no earlier."""
    start, length, at = passage.start, passage.length, passage.at
    while True:
        while text[start + length : start + length + 1] == source[at + length : at + length + 1]:
            if start + length == len(text):
                return Passage(start, length, at)
            length += 1
        further = source.find(text[start : start + length + 1], at + 1)
        if start + length == len(text) or further < 0:
            return Passage(start, length, at)
        length, at = length + 1, further


def _may_stand(text: str, source: str, least: int) -> NDArray[np.bool_]:
    """For each window of `least` characters whether it stands in `source`, or, hardly ever, a false
    alarm: so that the search, which reads all of `source`, is made for few."""
    wanted, there = (_window_keys(_codes(each), least) for each in (text, source))
    if not len(wanted) or not len(there):
        return np.zeros(len(wanted), dtype=bool)
    keys = np.unique(wanted)
    place = np.searchsorted(keys, there)
    found = keys[np.unique(place[keys[np.minimum(place, len(keys) - 1)] == there])]
    return np.isin(wanted, found)


def _window_keys(codes: _Integers, length: int) -> NDArray[np.uint64]:
    """A number for each window of `length` characters: the same for the same characters.

    A window is two shorter ones, which may overlap, so that few passes are enough.
    """
    keys, size = codes.astype(np.uint64), 1
    if len(codes) < length:
        return keys[:0]
    while size < length:
        step = min(size, length - size)
        keys = keys[:-step] * np.uint64(0x9E3779B97F4A7C15) + keys[step:]
        keys ^= keys >> np.uint64(29)
        size += step
    return keys


def _codes(text: str) -> _Integers:
    raw = text.encode("utf-32-le", errors="surrogatepass")
    return np.frombuffer(raw, dtype=np.uint32).astype(np.int64)


def covered_share(passages: Sequence[Passage], length: int) -> float:
    """How much of a text of that length lies in one of the passages at least, from 0 to 1."""
    inside = np.zeros(length, dtype=bool)
    for passage in passages:
        inside[passage.start : passage.start + passage.length] = True
    return float(inside.mean()) if length else 0.0


def repeated_share(text: str, least: int = LEAST) -> float:
    """How much of a text stands in it before already, from 0 to 1.

    A character counts when it lies in a window of `least` characters that is the same as one which
    began earlier.
    """
    repeated = np.zeros(len(text), dtype=bool)
    seen: set[str] = set()
    for start in range(len(text) - least + 1):
        window = text[start : start + least]
        if window in seen:
            repeated[start : start + least] = True
        seen.add(window)
    return float(repeated.mean()) if text else 0.0


# --- one text in itself ---------------------------------------------------------------------------


def longest_repeats(text: str, n: int, least: int = LEAST) -> list[Repeat]:
    """The `n` longest maximal stretches that stand in a text more than once, the longest first.

    Only those of at least `least` characters; of equally long ones in the order of the alphabet.
    """
    if len(text) < 2:
        return []
    codes = np.unique(_codes(text), return_inverse=True)[1] + 1
    ranks = _ranks(codes)
    order = np.argsort(ranks[max(ranks)])
    shared = _shared_lengths(order, ranks, codes)
    found: dict[tuple[int, int], Repeat] = {}
    long_enough = np.flatnonzero(shared >= least)
    for i in long_enough[np.argsort(-shared[long_enough], kind="stable")].tolist():
        if len(found) == n:
            break
        length = int(shared[i])
        first, last = _run_around(shared, i)
        places = np.sort(order[first : last + 2])
        before = codes[places[places > 0] - 1]
        if places[0] == 0 or (before != before[0]).any():  # else it begins earlier
            found[length, first] = Repeat(length, tuple(places.tolist()))
    return list(found.values())


def _ranks(codes: _Integers) -> dict[int, _Integers]:
    """By the length of a window, the rank of the one that begins at each place: (N,).

    Equal windows have one rank, that of the first of them in the order of all; lengths double until
    no two are equal. Over the end of the text there are blanks, 0, which come before every
    character. Only windows that still are like another have to be put in order again.
    """
    N, blank = len(codes), int(codes.max()) + 1
    size = 1
    while blank ** (size + 1) < 2**62:  # as many characters as one number holds
        size += 1
    padded = np.concatenate((codes, np.zeros(size, dtype=np.int64)))
    keys = np.zeros(N, dtype=np.int64)
    for i in range(size):
        keys = keys * blank + padded[i : i + N]
    rank = _ranked(keys, np.zeros(N, dtype=np.int64))
    ranks = {size: rank}
    while len(alike := np.flatnonzero(np.bincount(rank)[rank] > 1)):
        after = alike + size
        following = np.where(after < N, rank[np.minimum(after, N - 1)] + 1, 0)
        rank, before = rank.copy(), rank[alike]
        rank[alike] = _ranked(before * (N + 1) + following, before)
        size *= 2
        ranks[size] = rank
    return ranks


def _ranked(keys: _Integers, before: _Integers) -> _Integers:
    """Ranks after `keys` of what had the ranks `before`; keys keep the order that there was."""
    order = np.argsort(keys)
    ranked = np.empty_like(before)
    ranked[order] = before[order] + _group_starts(keys[order]) - _group_starts(before[order])
    return ranked


def _group_starts(ordered: _Integers) -> _Integers:
    """For each place in ordered numbers the first place that has the same number."""
    begins = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    return np.maximum.accumulate(np.where(begins, np.arange(len(ordered)), 0))


def _shared_lengths(
    order: _Integers, ranks: Mapping[int, _Integers], codes: _Integers
) -> _Integers:
    """How many characters each suffix in the order begins with that the next one has too."""
    N, one, other = len(order), order[:-1], order[1:]
    shared = np.zeros(N - 1, dtype=np.int64)
    windows = [(size, ranks[size]) for size in sorted(ranks, reverse=True)]
    for size, names in windows + [(1, codes)] * (min(ranks) - 1):
        left, right = one + shared, other + shared
        inside = np.maximum(left, right) < N
        same = names[np.minimum(left, N - 1)] == names[np.minimum(right, N - 1)]
        shared += np.where(inside & same, size, 0)
    return shared


def _run_around(shared: _Integers, i: int) -> tuple[int, int]:
    """The first and last of the neighbours of i that share as much as it does, or more."""
    first = last = i
    while first > 0 and shared[first - 1] >= shared[i]:
        first -= 1
    while last < len(shared) - 1 and shared[last + 1] >= shared[i]:
        last += 1
    return first, last
