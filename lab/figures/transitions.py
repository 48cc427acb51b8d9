"""What follows what: transition tables as heat maps, and one row of them as bars.

Numpy arrays in, figures out. As in `lab.figures.heatmaps`, shares are coloured by their square
root, and differences by that of their size.

Shapes: V characters shown, on both axes; row = the character that is there, column = what follows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.map_axes import (
    Matrix,
    character_axis,
    named,
    percent,
    root_scale_bar,
    row_frame,
    sign,
)
from lab.figures.palette import Palette

N_SUCCESSORS = 12
_SHARE_TICKS = (0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
_DIFFERENCE_TICKS = (-1.0, -0.5, -0.25, -0.1, -0.01, 0.0, 0.01, 0.1, 0.25, 0.5, 1.0)


def transitions_figure(
    probabilities: Matrix, characters: str, what: str, chosen_row: int | None, palette: Palette
) -> go.Figure:
    """A transition table (V, V); `what` is its name in hover texts, such as "learned"."""
    if not len(probabilities):
        return empty_figure("One row and one column for each character of the text.", palette)
    names = [named(character) for character in characters]
    hovers = [
        [
            f"after {first} comes {then}<br>{what}: {percent(float(p))}"
            for then, p in zip(names, row)
        ]
        for first, row in zip(names, probabilities)
    ]
    figure = _table_figure(hovers, characters, chosen_row, palette)
    figure.data[0].update(
        z=np.sqrt(compact(probabilities)), zmin=0, zmax=1, colorscale=palette.probability_scale,
        colorbar=root_scale_bar("probability (square-root scale)", _SHARE_TICKS),
        meta=dict(value=f"probability, {what}", undo="square"),
    )  # fmt: skip
    return figure


def difference_figure(
    learned: Matrix, counted: Matrix, characters: str, chosen_row: int | None, palette: Palette
) -> go.Figure:
    """Learned less counted, each (V, V), on a scale with nothing in the middle."""
    if not len(learned):
        return empty_figure("Where the table differs from the counts.", palette)
    difference = compact(learned - counted)
    names = [named(character) for character in characters]
    hovers = [
        [
            f"after {first} comes {then}<br>"
            f"learned {percent(float(learned[i, j]))}, counted {percent(float(counted[i, j]))}"
            for j, then in enumerate(names)
        ]
        for i, first in enumerate(names)
    ]
    figure = _table_figure(hovers, characters, chosen_row, palette)
    figure.data[0].update(
        z=np.sign(difference) * np.sqrt(np.abs(difference)), zmin=-1, zmax=1, zmid=0,
        colorscale=palette.difference_scale,
        colorbar=root_scale_bar("learned less counted (square-root scale)", _DIFFERENCE_TICKS),
        meta=dict(value="learned less counted", undo="signed square"),
    )  # fmt: skip
    return figure


def successors_figure(
    learned: Matrix, counted: Matrix | None, characters: str, palette: Palette
) -> go.Figure:
    """The likeliest successors of one character: learned (V,) beside counted (V,), if known.

    Sorted by what was counted, so that the order stays while a table learns.
    """
    leading = learned if counted is None else counted
    order = [int(i) for i in np.argsort(-leading, kind="stable")[:N_SUCCESSORS]]
    if not order:
        return empty_figure("Pick a character to see what follows it.", palette)
    figure = plain_figure(palette)
    color = dict(color=palette.model("bigram"), line_width=0)
    figure.add_bar(**_bars(learned, order, characters, "learned"), marker=color)
    if counted is not None:
        hatched = dict(
            color=palette.ground, line=dict(color=palette.reference, width=1),
            pattern=dict(shape="/", fgcolor=palette.reference, size=5, solidity=0.4),
        )  # fmt: skip
        figure.add_bar(**_bars(counted, order, characters, "counted"), marker=hatched)
    figure.update_layout(
        margin=dict(l=52, r=0, t=28, b=40), barmode="group", bargap=0.25, showlegend=True,
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
    )  # fmt: skip
    shown = "".join(characters[i] for i in order)
    figure.update_xaxes(title="what follows", **character_axis(shown))
    figure.update_yaxes(title="probability", rangemode="tozero", tickformat=".0%", nticks=6)
    return figure


def _bars(probabilities: Matrix, order: list[int], characters: str, name: str) -> dict[str, Any]:
    shown = [(characters[i], float(probabilities[i])) for i in order]
    return dict(
        y=compact([p for _, p in shown]), name=name,
        hovertext=[f"{named(then)}, {name}: {percent(p)}" for then, p in shown],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _table_figure(
    hovers: list[list[str]], characters: str, chosen_row: int | None, palette: Palette
) -> go.Figure:
    """A map with its axes and hover texts, still without numbers."""
    figure = plain_figure(palette)
    figure.add_heatmap(text=hovers, hovertemplate="%{text}<extra></extra>")
    if chosen_row is not None:
        figure.add_shape(row_frame(chosen_row, len(characters), palette))
    # Heads of columns go on top, as in any table.
    figure.update_xaxes(title="what follows", side="top", **character_axis(characters, "top"))
    figure.update_yaxes(title="the character that is there", scaleanchor="x")
    figure.update_yaxes(character_axis(characters, "left"))
    signs = [sign(character) for character in characters]
    columns = dict(y=axis_columns("there", signs), x=axis_columns("follows", signs))
    figure.update_layout(margin=dict(l=60, r=8, t=58, b=4), meta=columns)
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(range=[len(characters) - 0.5, -0.5], constrain="domain")
    return figure
