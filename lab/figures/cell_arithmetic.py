"""The arithmetic of one attention weight in pictures: vectors as bars, and a row before and after.

Plain data in, figures out. Shapes: D numbers of a head, T characters of a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from core.findings.meaning import with_minus
from lab.figures.base import empty_figure, plain_figure
from lab.figures.map_axes import Matrix, character_axis, named, percent
from lab.figures.palette import Palette

ROW_PX, AXIS_PX = 66, 40
"""How high one vector is, and the numbers below the last."""
_GAP = 0.14
"""Empty room between two vectors, as a share of one with it."""
_NAMES_PX, _TOP_PX = 150, 6


@dataclass(frozen=True, eq=False)
class Vector:
    """The numbers of a head for one thing, with its name."""

    name: str
    numbers: Matrix
    """(D,)"""
    is_strong: bool = True
    """Whether it has the model's colour, or the paler one of a stage on the way."""


def vectors_height_px(n_vectors: int) -> int:
    """How high a picture of so many vectors is."""
    return n_vectors * ROW_PX + AXIS_PX + _TOP_PX


def vectors_figure(vectors: Sequence[Vector], kind: str, palette: Palette) -> go.Figure:
    """Vectors one below the other, number under number, all to the same scale."""
    if not vectors:
        return empty_figure("The numbers of a query and a key will be here.", palette)
    figure = plain_figure(palette)
    most = max(float(np.abs(vector.numbers).max()) for vector in vectors) or 1.0
    n, D = len(vectors), len(vectors[0].numbers)
    places = list(range(1, D + 1))
    for i, vector in enumerate(vectors):
        axis = "" if i == 0 else str(i + 1)
        color = palette.model(kind) if vector.is_strong else palette.model_pale(kind)
        figure.add_bar(
            x=places, y=vector.numbers, yaxis=f"y{axis}", marker=dict(color=color, line_width=0),
            hovertext=[
                f"{vector.name}, number {place}: {number_text(float(number))}"
                for place, number in zip(places, vector.numbers)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
        top = 1 - i / n
        figure.update_layout(
            {
                f"yaxis{axis}": dict(
                    domain=[top - (1 - _GAP) / n, top], range=[-1.1 * most, 1.1 * most],
                    tickvals=[0, most], ticktext=["0", number_text(most)],
                    tickfont=dict(size=10), zeroline=True, zerolinecolor=palette.border,
                    showgrid=False, anchor="x", automargin=False,
                )
            }
        )  # fmt: skip
        figure.add_annotation(
            text=vector.name, xref="paper", yref="paper", x=0, xshift=-_NAMES_PX, xanchor="left",
            y=top - (1 - _GAP) / n / 2, yanchor="middle", showarrow=False, align="left",
        )  # fmt: skip
    every = max(1, -(-D // 16))
    last = "" if n == 1 else str(n)
    figure.update_xaxes(
        tickvals=places[::every], range=[0.4, D + 0.6], anchor=f"y{last}", showgrid=False, ticks="",
        title=f"number of {D} in the head",
    )  # fmt: skip
    figure.update_layout(margin=dict(l=_NAMES_PX, r=30, t=_TOP_PX, b=AXIS_PX), bargap=0.15)
    return figure


def scores_figure(
    scores: Matrix, weights: Matrix, text: str, cell: tuple[int, int], kind: str, palette: Palette
) -> go.Figure:
    """A row (T,) twice: its scores, with those that the mask takes out, and its weights below.

    `cell` holds the places of the character that looks and of the one that it looks at, from 0.
    """
    if not len(scores):
        return empty_figure("The scores of a row will be here.", palette)
    query, key = cell
    who = [named(character) for character in text]
    figure = plain_figure(palette)
    is_seen = np.arange(len(text)) <= query
    color, hidden = palette.model(kind), palette.muted
    figure.add_bar(
        y=scores,
        marker=dict(
            color=[color if seen else palette.ground for seen in is_seen],
            line=dict(color=[color if seen else hidden for seen in is_seen], width=1),
        ),
        hovertext=[
            f"{name} ({i}): score {number_text(float(score))}"
            + ("" if seen else ", which the mask replaces by −∞")
            for i, (name, score, seen) in enumerate(zip(who, scores, is_seen), 1)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.add_bar(
        y=weights, yaxis="y2", marker=dict(color=color, line_width=0),
        hovertext=[
            f"{name} ({i}): weight {percent(float(weight))}"
            for i, (name, weight) in enumerate(zip(who, weights), 1)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    for axis in ("y domain", "y2 domain"):
        figure.add_shape(
            type="rect", x0=key - 0.5, x1=key + 0.5, y0=0, y1=1, xref="x", yref=axis,
            line=dict(color=palette.text, width=1.5),
        )  # fmt: skip
    figure.update_xaxes(character_axis(text), anchor="y2")
    figure.update_layout(
        margin=dict(l=56, r=30, t=4, b=28), bargap=0.15,
        yaxis=dict(domain=[0.54, 1], title="score", zeroline=True, zerolinecolor=palette.border,
                   nticks=5),
        yaxis2=dict(domain=[0, 0.44], title="weight", tickformat=".0%", rangemode="tozero",
                    nticks=4, anchor="x"),
    )  # fmt: skip
    return figure


def number_text(number: float) -> str:
    """Three digits that count, with a real minus: 0.123, −1.23, 12.3; six decimals at most."""
    if number == 0:
        return "0"
    digits = max(0, min(6, 2 - int(np.floor(np.log10(abs(number))))))
    return with_minus(f"{number:.{digits}f}")
