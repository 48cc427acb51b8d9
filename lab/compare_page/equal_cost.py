"""Which of several runs is best for the same cost, in one sentence. Pure: curves in, words out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.findings.meaning import loss_in, number_in
from core.findings.thresholds import NOISE_NATS
from lab.figures.losses import LossCurve, XAxis
from lab.wording.plain import plain


def equal_cost_text(curves: Sequence[LossCurve], axis: XAxis, in_bits: bool = False) -> str:
    """Who is lowest at the largest cost that all have reached; a model that costs nothing apart.

    Between two estimates a loss is that on the straight line which the chart draws. Nothing on an
    axis that is no cost, and where there are no two to compare. Markdown.
    """
    if axis not in ("seconds", "FLOPs"):
        return ""
    measured = [curve for curve in curves if len(curve.val_losses)]
    costs = [curve.x(curve.estimate_steps, axis) for curve in measured]
    free = [curve for curve in measured if axis == "FLOPs" and not curve.flops_per_char]
    paying = [(curve, cost) for curve, cost in zip(measured, costs) if curve not in free]
    said = [
        f"**{plain(curve.name)}** has no matrix products, so it stands at 0 FLOPs, with "
        f"{loss_in(float(curve.val_losses[-1]), in_bits)} at its end."
        for curve in free
    ]
    at = min((float(cost[-1]) for _, cost in paying), default=0.0)
    if len(paying) > 1 and at > 0:
        heights = [(float(np.interp(at, cost, c.val_losses)), c.name) for c, cost in paying]
        said.insert(0, _lowest_text(sorted(heights), _cost_text(at, axis), in_bits))
    return " ".join(said)


def _lowest_text(losses: Sequence[tuple[float, str]], cost: str, in_bits: bool) -> str:
    """The lowest first; what lies closer to it than estimates can tell is level with it."""
    named = [f"**{plain(name)}** {number_in(nats, in_bits)}" for nats, name in losses]
    n_level = sum(nats - losses[0][0] < NOISE_NATS for nats, _ in losses)
    who = f"{' and '.join(named[:n_level])} are level"
    if n_level == 1:
        nats, name = losses[0]
        who = f"**{plain(name)}** is lowest with {loss_in(nats, in_bits)}"
    rest = "; ".join([who, *[", ".join(named[n_level:])] * (n_level < len(named))])
    return f"At {cost}, the most that all have reached: {rest} (estimates)."


def _cost_text(cost: float, axis: XAxis) -> str:
    if axis == "seconds":
        return f"{cost:.1f} s of training"
    size, name = (1e9, "billion") if cost < 1e12 else (1e12, "trillion")
    return f"{cost / size:,.3g} {name} FLOPs"
