"""Whether a loss curve looks as such curves do: steep, then flat, and never smooth. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np

from core.findings.meaning import loss_in, percent
from core.records.records import Estimate, StepRecord

EARLY_SHARE, STEEP_SHARE = 0.2, 0.5
"""A curve is steep at first when so much of its steps brought so much of its fall, or more."""
LEAST_ESTIMATES, LEAST_STEPS = 4, 20
LEAST_FALL_NATS = 0.1


def shape_text(
    estimates: Sequence[Estimate], steps: Sequence[StepRecord], in_bits: bool = False
) -> str:
    """That steep and then flat is normal, where it is so; and how much the thin line zigzags."""
    return " ".join(filter(None, (_steep_text(estimates), _zigzag_text(steps, in_bits))))


def _steep_text(estimates: Sequence[Estimate]) -> str:
    losses = [e.val_loss_nats for e in estimates]
    if len(losses) < LEAST_ESTIMATES or not all(map(math.isfinite, losses)):
        return ""
    early = estimates[0].step + EARLY_SHARE * (estimates[-1].step - estimates[0].step)
    fall = losses[0] - losses[-1]
    if fall < LEAST_FALL_NATS:
        return ""
    share = (losses[0] - float(np.interp(early, [e.step for e in estimates], losses))) / fall
    if not STEEP_SHARE <= share <= 1.0:
        return ""
    return (
        f"Steep, then flat is normal: the first fifth of the steps brought {percent(share)} of the "
        "fall so far."
    )


def _zigzag_text(steps: Sequence[StepRecord], in_bits: bool) -> str:
    late = [step.loss_nats for step in steps[len(steps) // 2 :]]
    if len(late) < LEAST_STEPS or not all(map(math.isfinite, late)):
        return ""
    jump = median(abs(b - a) for a, b in pairwise(late))
    return (
        f"The thin line zigzags, by about {loss_in(jump, in_bits)} from point to point, because "
        "each step sees another batch."
    )
