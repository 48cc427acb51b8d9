"""Who leads where all have had the same, and what each idea has bought. Curves in, words out.

The losses are those of the chart beside the words: over the whole validation split where a curve
has come to its end and that was measured, else estimates, and it is said which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.findings.meaning import (
    apart_in,
    choices,
    loss_in,
    number_in,
    percent,
    perplexity,
    unsure_among,
)
from core.findings.thresholds import NOISE_NATS
from core.settings.config import MODEL_KINDS, ModelKind
from lab.figures.losses import TIME_AXES, LossCurve, XAxis
from lab.wording import words

Called = Callable[[LossCurve], str]
"""What a page calls a curve; Markdown."""

ALMOST = 0.05
"""What took so little more or less time than something else, as a share, took as long."""
ESTIMATED = "estimated on a part of the validation split"
IDEAS: dict[ModelKind, str] = {
    "bigram": "the bigram table",
    "attention": "one layer of attention",
    "transformer": "the transformer",
}


@dataclass(frozen=True)
class Standings:
    """The losses of several curves at one place of an axis, the lowest first, in nats."""

    axis: XAxis
    at: float
    """The furthest place that all have reached, in the axis's unit."""
    losses: tuple[tuple[LossCurve, float], ...]
    is_whole: bool
    """Over the whole validation split, at the end of all; else heights that the chart draws."""

    @property
    def level(self) -> tuple[tuple[LossCurve, float], ...]:
        """The lowest, and what lies closer to it than can be told apart."""
        first, *others = self.losses
        return (first, *(each for each in others if each[1] - first[1] < NOISE_NATS))


def standings(curves: Sequence[LossCurve], axis: XAxis) -> Standings | None:
    """Where the curves stand; None where there are no two of them that have begun to learn.

    Between two estimates a loss is that on the straight line which the chart draws. None counts
    with a loss that it reached later than the others, nor one that costs nothing on this axis.
    """
    measured = [c for c in curves if len(c.val_losses) and not costs_nothing(c, axis)]
    places = [curve.x(curve.estimate_steps, axis) for curve in measured]
    ends = [float(place[-1]) for place in places]
    if len(ends) < 2 or min(ends) <= 0:
        return None
    at, late = min(ends), ALMOST if axis in TIME_AXES else 0.0
    whole = [(c, c.end_loss) for c in measured if c.end_loss is not None]
    is_whole = len(whole) == len(measured) and max(ends) <= at * (1 + late)
    drawn = [(c, float(np.interp(at, place, c.val_losses))) for c, place in zip(measured, places)]
    losses = sorted(whole if is_whole else drawn, key=_finite_first)
    return Standings(axis, at, tuple(losses), is_whole)


def _finite_first(each: tuple[LossCurve, float]) -> float:
    return each[1] if math.isfinite(each[1]) else math.inf


def costs_nothing(curve: LossCurve, axis: XAxis) -> bool:
    """Whether a curve has no width on this axis: a table has no matrix products."""
    return axis == "FLOPs" and not curve.flops_per_char


def standings_text(table: Standings, called: Called, in_bits: bool = False) -> str:
    """Who leads, or who is level with whom: what cannot be told apart is no lead. Markdown."""

    def said(each: tuple[LossCurve, float]) -> str:
        return f"{called(each[0])} {number_in(each[1], in_bits)}"

    level, rest = table.level, table.losses[len(table.level) :]
    unit = "bits" if in_bits else "nats"
    close = f", less than {loss_in(NOISE_NATS, in_bits)} apart"
    who = f"{words.listed([*map(said, level)])} {unit} are level{close}"
    if len(level) == 1:
        curve, nats = level[0]
        who = f"{called(curve)} leads with **{number_in(nats, in_bits)}** {unit}"
    where = f"After the same {cost_text(table.at, table.axis)}"
    where += ", as far as all have come" * (not table.is_whole)
    how = "over the whole validation split" if table.is_whole else ESTIMATED
    return f"{where}: {'; '.join(filter(None, [who, ', '.join(map(said, rest))]))} ({how})."


def equal_terms_text(
    curves: Sequence[LossCurve], axis: XAxis, called: Called, in_bits: bool = False
) -> str:
    """Who leads at the largest cost that all have reached; a model that costs nothing apart.

    Nothing where there are no two to compare. Markdown.
    """
    table = standings(curves, axis)
    said = [standings_text(table, called, in_bits)] if table else []
    for curve in curves:
        if costs_nothing(curve, axis) and len(curve.val_losses):
            last = float(curve.val_losses[-1]) if curve.end_loss is None else curve.end_loss
            said.append(
                f"{called(curve)} has no matrix products, so it stands at 0 FLOPs, with "
                f"{loss_in(last, in_bits)} at its end."
            )
    return " ".join(said)


def cost_text(at: float, axis: XAxis) -> str:
    """A place on an axis in words: 1,000 steps, 12.5 s of training, 0.51 M characters."""
    if axis == "seconds":
        return f"{at:.1f} s of training"
    if axis == "waited":
        return f"{at:.1f} s of waiting"
    if axis != "FLOPs":
        return f"{words.short_count(at) if axis == 'characters' else words.count(at)} {axis}"
    size, name = (1e9, "billion") if at < 1e12 else (1e12, "trillion")
    return f"{at / size:,.3g} {name} FLOPs"


# --- what each idea has bought --------------------------------------------------------------------


def ideas_text(curves: Sequence[LossCurve], called: Called, in_bits: bool = False) -> str:
    """How much lower each model has come than the simpler one before it; else nothing. Markdown.

    By the losses over the whole validation split, the lowest of each model where it has several.
    """
    ended = [
        (curve.end_loss, curve)
        for curve in curves
        if curve.end_loss is not None and math.isfinite(curve.end_loss) and len(curve.val_losses)
    ]
    of_kind = [[each for each in ended if each[1].model == kind] for kind in MODEL_KINDS]
    there = [min(known, key=lambda each: each[0]) for known in of_kind if known]
    if len(there) < 2:
        return ""
    (loss, simpler), *others = there
    said, than = [], called(simpler)
    for better, curve in others:
        said.append(f"{called(curve)} is {_gain_text(loss, better, than, in_bits)}")
        loss, than = better, "that"
    return f"{_had_text([curve for _, curve in there])}, {'; '.join(said)}."


def _had_text(curves: Sequence[LossCurve]) -> str:
    """How long they learned: for as many steps, else as long, else each for its own."""
    steps = [float(curve.estimate_steps[-1]) for curve in curves]
    if len(set(steps)) == 1:
        return f"After {words.count(steps[0])} steps each"
    ends_s = [float(curve.step_s[-1]) for curve in curves if len(curve.step_s)]
    if len(ends_s) == len(curves) and max(ends_s) <= min(ends_s) * (1 + ALMOST):
        return f"After {words.duration(min(ends_s))} of training each"
    said = f"After {words.listed([*map(words.count, steps)])} steps"
    if len(ends_s) < len(curves):
        return said
    return f"{said} ({words.listed([*map(words.duration, ends_s)])} of training)"


def _gain_text(before_nats: float, after_nats: float, than: str, in_bits: bool) -> str:
    """How far one loss is from that of something simpler, and what that feels like."""
    gain_nats = before_nats - after_nats
    if abs(gain_nats) < NOISE_NATS:
        return f"as good as {than}, within {loss_in(NOISE_NATS, in_bits)}"
    word, more = ("better", "fewer") if gain_nats > 0 else ("worse", "more")
    by = f"**{apart_in(before_nats, after_nats, in_bits)}** {word} than {than}"
    before, after = choices(before_nats), choices(after_nats)
    if before == after:
        share = percent(abs(perplexity(after_nats) / perplexity(before_nats) - 1), 0.01)
        return f"{by}: {share} {more} characters to choose among"
    return f"{by}: {unsure_among(after_nats)} instead of {before}"
