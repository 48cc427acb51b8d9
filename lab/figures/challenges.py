"""The score of the guessing game: a bar for everybody who guessed. Plain data in, a figure out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from core.settings.config import ModelKind
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.palette import Palette

BAR_PX = 34


@dataclass(frozen=True, slots=True)
class Score:
    """How many places somebody got right."""

    who: str
    n_right: int
    kind: ModelKind | None = None
    """Of a model; None of the learner and of what was counted."""
    is_counted: bool = False


def score_figure(scores: Sequence[Score], n_places: int, palette: Palette) -> go.Figure:
    """Bars from 0 to 100 %, each with its count; the learner's comes first, in the ink of text."""
    if not n_places or not scores:
        return empty_figure("after the first guess: who was right how often", palette)
    figure = plain_figure(palette)
    scores = [*reversed(scores)]  # bars grow upwards
    shares = [100 * score.n_right / n_places for score in scores]
    names = [escape(score.who) for score in scores]
    counts = [
        f"{score.n_right} of {n_places} · {share:.0f} %" for score, share in zip(scores, shares)
    ]
    figure.add_bar(
        x=compact(shares), y=names, orientation="h", width=0.62, text=counts,
        textposition="outside", cliponaxis=False,
        marker=dict(color=[_color(score, palette) for score in scores], line_width=0),
        hovertext=[f"{name}: {said} right" for name, said in zip(names, counts)],
        hovertemplate="%{hovertext}<extra></extra>", meta=dict(series="right guesses"),
    )  # fmt: skip
    figure.update_xaxes(
        title="right guesses (%)", range=[0, 100], nticks=6, gridcolor=palette.grid,
        fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(automargin=True, fixedrange=True, ticksuffix="  ")
    columns = dict(x=axis_columns("right guesses (%)"), y=axis_columns("who"))
    figure.update_layout(margin=dict(l=8, r=76, t=4, b=44), meta=columns)
    return figure


def _color(score: Score, palette: Palette) -> str:
    if score.kind:
        return palette.model(score.kind)
    return palette.reference if score.is_counted else palette.accent
