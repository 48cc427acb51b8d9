"""The learning rate over the steps: as it was, and as the scheduler that trains will have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.records.course import Course
from core.training.optim import learning_rate_at
from lab.figures.base import compact, plain_figure
from lab.figures.palette import Palette

_POINTS = 200
RateAt = tuple[int, float]
"""Steps taken before, and the learning rate of the next."""


@dataclass(frozen=True, kw_only=True)
class RateCurve:
    """The learning rate of one run over its steps."""

    whose: str
    """Which run it is, as the axis says it: "this run"."""
    max_iters: int
    taken: Sequence[RateAt] = ()
    """As it was, by what the steps recorded."""
    planned: Sequence[RateAt] = ()
    """As it will be, from the next step on."""
    changes: Sequence[tuple[int, str]] = ()
    """From which step on something else held or will hold, and what, in words."""


def planned_rates(course: Course, start: int, end: int) -> list[RateAt]:
    """The rates of the steps from `start` up to `end`, close enough together for a line."""
    turns = [step for c in course.changes for step in (c.step - 1, c.step)]  # a jump is upright
    steps = np.linspace(start, end - 1, _POINTS).astype(int).tolist() if start < end else []
    steps += [step for step in turns if start <= step < end]
    return [(s, learning_rate_at(s, course.at(s).train)) for s in sorted(set(steps))]


def schedule_figure(curve: RateCurve, palette: Palette, color: str) -> go.Figure:
    """Learning rate against steps: solid as it was, dashed as planned, with a dot at the present.

    Upright dotted lines are changes, as on the chart of the loss; pointed at, they say which.
    """
    figure = plain_figure(palette)
    for name, line, dash in (
        ("taken", curve.taken, "solid"),
        ("planned", curve.planned, "5px,3px"),
    ):
        if line:
            figure.add_scatter(
                x=compact([step for step, _ in line]), y=compact([rate for _, rate in line]),
                mode="lines", name=name, line=dict(color=color, width=2, dash=dash),
                hovertemplate=f"step %{{x:,.0f}}: %{{y:.2g}}, {name}<extra></extra>",
            )  # fmt: skip
    _add_changes(figure, curve, palette)
    if curve.taken:
        step, rate = curve.planned[0] if curve.planned else curve.taken[-1]
        figure.add_scatter(
            x=compact([step]), y=compact([rate]), mode="markers", name="now",
            marker=dict(color=color, size=9, line=dict(color=palette.ground, width=1.5)),
            hovertemplate="now, at step %{x:,.0f}: %{y:.2g}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(margin=dict(l=52, r=8, t=8, b=36))
    figure.update_xaxes(
        title=f"steps of {curve.whose}" + (", dashed: planned" if curve.planned else ""),
        nticks=4, range=[-0.01 * curve.max_iters, 1.02 * curve.max_iters],
    )  # fmt: skip
    figure.update_yaxes(title="learning rate", rangemode="tozero", nticks=4, exponentformat="e")
    return figure


def _add_changes(figure: go.Figure, curve: RateCurve, palette: Palette) -> None:
    known = [*curve.taken, *curve.planned]
    if not curve.changes or not known:
        return
    for step, _ in curve.changes:
        figure.add_shape(
            type="line", yref="paper", y0=0, y1=1, x0=step, x1=step, layer="below",
            line=dict(color=palette.muted, width=1, dash="dot"),
        )  # fmt: skip
    steps = [step for step, _ in curve.changes]
    rates = [next((rate for at, rate in known if at >= step), known[-1][1]) for step in steps]
    figure.add_scatter(
        x=compact(steps), y=compact(rates), mode="markers",
        name="changes", text=[said for _, said in curve.changes],
        marker=dict(symbol="diamond-open", color=palette.text, size=7),
        hovertemplate="from step %{x:,.0f}: %{text}<extra></extra>",
    )  # fmt: skip
