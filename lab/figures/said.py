"""What a picture shows, as a sentence for those who cannot see it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.findings.meaning import loss_in, percent
from core.text.characters import in_quotes
from core.text.reference import ReferenceLine
from lab.figures.losses import LossCurve
from lab.figures.map_axes import Matrix

N_NAMED = 4


def losses_said(
    curves: Sequence[LossCurve], references: Sequence[ReferenceLine], *, in_bits: bool = False
) -> str:
    """Where each curve of losses stands now, and what counting alone reaches."""
    said = [
        f"{curve.name} ({curve.model}) from {loss_in(float(curve.val_losses[0]), in_bits)} to "
        f"{loss_in(float(curve.val_losses[-1]), in_bits)} at step {int(curve.estimate_steps[-1]):,}"
        for curve in curves
        if len(curve.val_losses)
    ]
    counted = [f"{line.name} {loss_in(line.loss_nats, in_bits)}" for line in references]
    parts = [
        f"Validation loss: {'; '.join(said)}." if said else "No loss is measured yet.",
        f"Counting alone reaches: {', '.join(counted)}." if counted else "",
    ]
    return " ".join(filter(None, parts))


def likeliest_said(shares: Matrix, characters: str | Sequence[str]) -> str:
    """The largest shares (V,) and the characters that have them: "‘e’ 12 %, ‘a’ 8 %"."""
    order = np.argsort(-shares, kind="stable")[:N_NAMED]
    return ", ".join(f"{in_quotes(characters[i])} {percent(float(shares[i]))}" for i in order)


def distances_said(weights: Matrix) -> str:
    """For each head of (H, T, T) how far back it looks most, averaged over the characters."""
    H, T, _ = weights.shape
    said = []
    for head in range(H):
        shares = np.array([np.diagonal(weights[head], -back).sum() / T for back in range(T)])
        back = int(shares.argmax())
        where = "itself" if back == 0 else f"the character {back} back"
        said.append(f"head {head + 1} {where} ({percent(float(shares[back]))})")
    return f"Most of the weight goes to: {', '.join(said)}."


def range_said(values: Matrix) -> str:
    """Between which numbers values of any shape lie."""
    known = values[np.isfinite(values)]
    return f"from {known.min():.3g} to {known.max():.3g}" if known.size else "none are known"
