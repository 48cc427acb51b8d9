"""Losses in the unit that the reader chose; registry and rules keep nats. Pure; no screen."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lab import words

_LOSS = re.compile(r"(-?\d+\.\d{3}(?!\d)|-?\d+(?:\.\d+)?(?= nats))( nats)?")
"""A loss in a sentence: three decimals, or the unit after it."""


def loss_in(nats: float, in_bits: bool) -> str:
    """A loss per character with three decimals and its unit."""
    return f"{words.bits(nats):.3f} bits" if in_bits else f"{nats:.3f} nats"


def said_in(text: str, in_bits: bool, known: Iterable[float] = ()) -> str:
    """A sentence about losses in nats, said in bits if those were chosen.

    Args:
        known: unrounded losses in nats that may stand in it, so that none is rounded twice.
    """
    if not in_bits:
        return text
    exact = {f"{nats:.3f}": nats for nats in known}

    def converted(found: re.Match[str]) -> str:
        nats = exact.get(found[1], float(found[1]))
        return f"{words.bits(nats):.3f}" + (" bits" if found[2] else "")

    return _LOSS.sub(converted, text)
