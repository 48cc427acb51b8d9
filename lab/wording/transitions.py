"""How a learned table of what follows what strays from the counted one, in words. Pure."""

from __future__ import annotations


def stray_text(learned: float, counted: float, n_characters: int) -> str:
    """Where the learned probability of a pair stands between its start and the counted one.

    An untrained table gives each of `n_characters` about the same probability.
    """
    start = 1.0 / n_characters
    began = f"The table began at 1 in {n_characters:,} here and"
    if min(start, counted) <= learned <= max(start, counted):
        return (
            f"{began} is still on its way: a row learns only when its character comes by, so rare "
            "ones are slow to arrive."
        )
    where = (
        "gone past the counts (one is added to each)"
        if (counted - start) * (learned - start) > 0
        else "gone astray"
    )
    return (
        f"{began} has {where}: a row learns only when its character comes by, so a rare one hangs "
        "on the few pairs that it happened to be shown."
    )
