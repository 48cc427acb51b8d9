"""Losses against what they cost, in parameters or in seconds, with the front that nobody beats.

Runs and counted n-grams in, a figure out. A click finds the id of a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.findings.pareto import pareto_front
from core.settings.config import MODEL_KINDS, ModelKind
from lab.figures.base import MARGIN, compact, empty_figure, plain_figure
from lab.figures.losses import as_text, unit_factor
from lab.figures.palette import Palette
from lab.figures.spacing import LABEL_PX, PLOT_PX, Side, free_side, pixels, spread_apart

Cost = Literal["parameters", "seconds waited"]
X_TITLES: dict[Cost, str] = {
    "parameters": "parameters (log scale)",
    "seconds waited": "seconds waited (log scale)",
}
SYMBOLS: dict[ModelKind, str] = {
    "bigram": "circle", "attention": "square", "transformer": "diamond",
}  # fmt: skip
"""Beside the colour, so that the three can be told apart without it."""
COUNTED_SYMBOL = "x-thin"
MAX_NAMED, NAME_LENGTH = 6, 18
"""Of a longer front the first, the last and some between are named, and names are cut."""
MOST_AWAY_PX = 40.0
"""A name further from its point would be taken for another's."""
_PLOT_PX = 240.0
"""About how high the plot is."""


@dataclass(frozen=True)
class RunCost:
    """A run that is over, what it cost, and what it came to."""

    id: str
    name: str
    model: ModelKind
    n_params: int
    waited_s: float | None
    """None where nobody noted it."""
    loss_nats: float
    """Of its best checkpoint, over the whole validation split."""
    is_chosen: bool = False

    def cost(self, by: Cost) -> float | None:
        """What it cost, in parameters or seconds; None where that is not known."""
        return self.n_params if by == "parameters" else self.waited_s


@dataclass(frozen=True)
class CountedCost:
    """A counted n-gram: its length, how many counts it keeps, and its loss."""

    n: int
    n_counts: int
    loss_nats: float

    @property
    def name(self) -> str:
        return "counted pairs" if self.n == 2 else f"{self.n}-gram"


def with_cost(runs: Sequence[RunCost], by: Cost) -> list[RunCost]:
    """Those whose cost is known and can stand on a log axis."""
    return [run for run in runs if (run.cost(by) or 0) > 0]


def front_of(runs: Sequence[RunCost], by: Cost) -> list[RunCost]:
    """The runs that no other beats in loss and cost, the cheapest first."""
    known = with_cost(runs, by)
    places = pareto_front([run.cost(by) or 0 for run in known], [run.loss_nats for run in known])
    return [known[i] for i in places]


def loss_cost_figure(
    runs: Sequence[RunCost],
    counted: Sequence[CountedCost],
    by: Cost,
    palette: Palette,
    in_bits: bool = False,
) -> go.Figure:
    """Runs as signs of their models, chosen ones large; the front as a staircase, with names.

    Counted n-grams stand at the number of their counts, or, beside seconds, as lines: counting
    takes no training.
    """
    known = with_cost(runs, by)
    if not known:
        return empty_figure("Runs that are over will stand here", palette)
    factor, unit = unit_factor(in_bits), "bits" if in_bits else "nats"
    figure = plain_figure(palette)
    front = front_of(runs, by)
    _add_front(figure, front, by, palette, factor)
    for kind in MODEL_KINDS:
        _add_runs(figure, [run for run in known if run.model == kind], by, palette, factor)
    if by == "parameters":
        _add_counted(figure, counted, palette, factor)
    figure.update_layout(
        margin=MARGIN | dict(r=48 if by == "parameters" else 104, t=36), showlegend=True,
        legend=dict(
            orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left", itemsizing="constant"
        ),
        hovermode="closest", uirevision=f"{by}-{unit}",
    )  # fmt: skip
    figure.update_xaxes(title=X_TITLES[by], type="log", dtick=1)
    losses = [*(run.loss_nats for run in known), *(each.loss_nats for each in counted)]
    low, high = min(losses) * factor, max(losses) * factor
    room = 0.12 * (high - low) or 0.1
    figure.update_yaxes(title=f"loss ({unit} per character)", range=[low - room, high + room])
    if by == "seconds waited":
        _add_counted_lines(figure, counted, palette, factor)
    _name_front(figure, front, by, palette, factor)
    return figure


def _add_front(
    figure: go.Figure, front: Sequence[RunCost], by: Cost, palette: Palette, factor: float
) -> None:
    """The staircase below which no run has come: so much loss for so much cost."""
    figure.add_scatter(
        x=compact([run.cost(by) or 0 for run in front]),
        y=compact([run.loss_nats * factor for run in front]),
        mode="lines", name="beaten by none", hoverinfo="skip", meta=dict(rows=False),
        line=dict(color=palette.muted, shape="hv", width=1.5),
    )  # fmt: skip


def _add_runs(
    figure: go.Figure, runs: Sequence[RunCost], by: Cost, palette: Palette, factor: float
) -> None:
    if not runs:
        return
    kind = runs[0].model
    names = [as_text(run.name) for run in runs]
    figure.add_scatter(
        x=compact([run.cost(by) or 0 for run in runs]),
        y=compact([run.loss_nats * factor for run in runs]), mode="markers", name=kind,
        marker=dict(
            symbol=SYMBOLS[kind], color=palette.model(kind),
            size=[13 if run.is_chosen else 9 for run in runs],
            line=dict(color=palette.text, width=[2 if run.is_chosen else 0 for run in runs]),
        ),
        text=names, customdata=[run.id for run in runs], meta=dict(text="run"),
        hovertemplate="%{text}<br>" + _hover(by) + "<extra></extra>",
    )  # fmt: skip


def _hover(by: Cost) -> str:
    cost = "%{x:,.0f} parameters" if by == "parameters" else "%{x:,.1f} s waited"
    return f"{cost}<br>loss %{{y:.3f}}<br>click: open it"


def _add_counted(
    figure: go.Figure, counted: Sequence[CountedCost], palette: Palette, factor: float
) -> None:
    if not counted:
        return
    figure.add_scatter(
        x=compact([each.n_counts for each in counted]),
        y=compact([each.loss_nats * factor for each in counted]), mode="lines+markers+text",
        name="counted", text=[each.name for each in counted], cliponaxis=False,
        textposition="top right", textfont=dict(color=palette.muted, size=11),
        line=dict(color=palette.reference, width=1, dash="dash"),
        marker=dict(symbol=COUNTED_SYMBOL, size=9, line=dict(color=palette.reference, width=2)),
        meta=dict(text="run"),
        hovertemplate="%{text}<br>%{x:,.0f} stored counts<br>loss %{y:.3f}<extra></extra>",
    )  # fmt: skip


def _add_counted_lines(
    figure: go.Figure, counted: Sequence[CountedCost], palette: Palette, factor: float
) -> None:
    low, high = figure.layout.yaxis.range
    ordered = sorted(counted, key=lambda each: each.loss_nats)
    places_px = [each.loss_nats * factor * _PLOT_PX / (high - low) for each in ordered]
    for each, place, moved in zip(ordered, places_px, spread_apart(places_px, LABEL_PX)):
        y = each.loss_nats * factor
        figure.add_shape(
            type="line", xref="paper", x0=0, x1=1, y0=y, y1=y, layer="below",
            line=dict(color=palette.reference, width=1, dash="dash"), name=f"{each.name}, counted",
        )  # fmt: skip
        figure.add_annotation(
            text=f"{each.name} {y:.3f}", xref="paper", x=1.01, xanchor="left", y=y,
            yshift=moved - place, showarrow=False, font=dict(color=palette.muted, size=11),
        )  # fmt: skip


def _name_front(
    figure: go.Figure, front: Sequence[RunCost], by: Cost, palette: Palette, factor: float
) -> None:
    """Names beside the points of the front, where they cover no other point."""
    places = np.linspace(0, len(front) - 1, min(len(front), MAX_NAMED)).round().astype(int)
    named = [front[i] for i in places]
    x = compact([run.cost(by) or 0 for run in named])
    y = compact([run.loss_nats * factor for run in named])
    points_px = pixels(figure, x, y)
    taken = _taken_px(figure)
    for run, at, loss, point in zip(named, x, y, points_px):
        is_long = len(run.name) > NAME_LENGTH
        name = run.name[:NAME_LENGTH] + "…" * is_long
        is_left = bool(point[0] > 0.7 * PLOT_PX[0])
        first = Side(is_left=is_left, is_above=False, away_px=6.0)
        others = taken[np.abs(taken - point).sum(axis=1) > 1.0]
        side = free_side(point, name, first, others)
        if side.away_px > MOST_AWAY_PX or side.covers(point, name, others):
            continue  # it stands below the picture, and under the pointer
        taken = np.concatenate([taken, side.ground(point, name)])
        figure.add_annotation(
            text=as_text(name), x=float(np.log10(at)), y=float(loss), showarrow=False,
            xanchor="right" if side.is_left else "left",
            yanchor="bottom" if side.is_above else "top",
            yshift=side.away_px * (1 if side.is_above else -1),
            font=dict(color=palette.model_text(run.model), size=12),
            bgcolor=palette.ground, borderpad=0,  # no line runs through a name
        )  # fmt: skip


def _taken_px(figure: go.Figure) -> NDArray[np.float64]:
    """Where names may not lie: the points (N, 2), and what is written at counted ones."""
    taken = []
    for trace in figure.data:
        if trace.mode != "lines":
            points = pixels(figure, compact(trace.x), compact(trace.y))
            taken.append(points)
            if "text" in trace.mode:
                above = Side(is_left=False, is_above=True, away_px=2.0)
                taken += [above.ground(point, text) for point, text in zip(points, trace.text)]
    return np.concatenate(taken)


def costs_alt(front: Sequence[RunCost], counted: Sequence[CountedCost], by: Cost) -> str:
    """What the picture says, in a sentence for those who do not see it."""
    if not front:
        return f"An empty plot of losses against {by}"
    said = ", ".join(
        f"{run.name} at {_amount(run, by)} and {run.loss_nats:.3f} nats" for run in front
    )
    best = min(counted, key=lambda each: each.loss_nats, default=None)
    lowest = front[-1]
    beaten = ""
    if best:
        word = "below" if lowest.loss_nats < best.loss_nats else "not below"
        beaten = f"; the lowest is {word} the counted {best.name}, {best.loss_nats:.3f} nats"
    return f"Losses against {by}. No run beats, in both, {said}{beaten}"


def _amount(run: RunCost, by: Cost) -> str:
    cost: Any = run.cost(by)
    return f"{cost:,} parameters" if by == "parameters" else f"{cost:,.1f} s"
