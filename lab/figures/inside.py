"""What the parts of a model make of a text, as pictures: vectors, each layer's guess, the next one.

Numpy arrays in, figures out. Shapes: T characters of a text, L layers, V characters that there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.text.characters import sign_of
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.columns import axis_columns, text_columns
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

N_NEXT = 12
_SHARE_TICKS = (0.0, 0.01, 0.05, 0.25, 0.5, 1.0)
_FARTHEST = 0.995
"""The colours end at this share of all sizes, so that few numbers far out do not pale the rest."""


def numbers_figure(
    values: Matrix, text: str, what: str, palette: Palette, *, row: int | None = None
) -> go.Figure:
    """The numbers (T, N) that stand for each character of a text, around 0; `what` names them."""
    if not values.size:
        return empty_figure("The numbers of each character will be here.", palette)
    reach = float(np.quantile(np.abs(values), _FARTHEST)) or 1.0
    figure = plain_figure(palette)
    figure.add_heatmap(
        z=compact(values), x0=1, dx=1, zmin=-reach, zmax=reach, zmid=0,
        colorscale=palette.difference_scale,
        hovertemplate="row %{y}, number %{x}: %{z:.3f}<extra></extra>",
        colorbar=dict(thickness=12, outlinewidth=0, tickfont=dict(size=11), nticks=5),
        meta=dict(value="its value"),
    )  # fmt: skip
    if row is not None:
        figure.add_shape(_frame_from(1, row, values.shape[1], palette))
    figure.update_xaxes(title=what, showgrid=False, side="bottom")
    _text_down(figure, text)
    return figure


def over_characters_figure(
    values: Matrix, text: str, characters: str, palette: Palette, *, row: int, is_share: bool
) -> go.Figure:
    """A number for each character that may follow (T, V), by each of a text: shares, or logits."""
    figure = plain_figure(palette)
    unit = "%{customdata:.1%}" if is_share else "%{z:.2f}"
    reach = float(np.abs(values).max()) or 1.0
    colors: dict[str, Any] = (
        dict(z=np.sqrt(compact(values)), customdata=compact(values), zmin=0, zmax=1,
             colorscale=palette.probability_scale, meta=dict(value="probability", undo="square"),
             colorbar=root_scale_bar("probability (square-root scale)", _SHARE_TICKS))
        if is_share
        else dict(z=compact(values), zmin=-reach, zmax=reach, zmid=0,
                  colorscale=palette.difference_scale, meta=dict(value="logit"),
                  colorbar=dict(title=dict(text="logit", side="right"), thickness=12,
                                outlinewidth=0, tickfont=dict(size=11)))
    )  # fmt: skip
    figure.add_heatmap(
        **colors,
        hovertemplate=f"row %{{y}}, %{{x}}: {unit}<extra></extra>",
    )
    figure.add_shape(row_frame(row, len(characters), palette))
    figure.update_xaxes(title="what may follow", **character_axis(characters, "bottom"))
    _text_down(figure, text)
    return figure


def _text_down(figure: go.Figure, text: str) -> None:
    figure.update_yaxes(title="the text", **character_axis(text, "left"))
    figure.update_yaxes(range=[len(text) - 0.5, -0.5])
    columns = dict(y=text_columns("character", text))
    figure.update_layout(margin=dict(l=48, r=8, t=4, b=44), meta=columns)


def _frame_from(first: float, row: int, n_columns: int, palette: Palette) -> dict[str, Any]:
    frame = row_frame(row, n_columns, palette)
    return frame | dict(x0=first - 0.5, x1=first + n_columns - 0.5)


def lens_figure(
    guesses: Sequence[str], probabilities: Matrix, text: str, follows: str, palette: Palette
) -> go.Figure:
    """Each layer's own guess of what follows each character, and how sure it is.

    Args:
        guesses: for each layer, the likeliest character after each of the text, T of them.
        probabilities: of these, (L, T).
        text: what is read, T characters.
        follows: what really follows each; of the last one it may be unknown, then one less.
    """
    L, T = probabilities.shape
    if not L:
        return empty_figure("Each layer's own guess will be here.", palette)
    figure = plain_figure(palette)
    right = [[i, j] for i, row in enumerate(guesses) for j, c in enumerate(follows) if row[j] == c]
    hovers = [
        [
            f"after {named(text[j])} layer {i + 1} guesses {named(row[j])}<br>"
            f"with {percent(float(probabilities[i, j]))}; " + _really(follows, j)
            for j in range(T)
        ]
        for i, row in enumerate(guesses)
    ]
    figure.add_heatmap(
        z=np.sqrt(compact(probabilities)), zmin=0, zmax=1, colorscale=palette.probability_scale,
        text=[[sign(c) for c in row] for row in guesses], texttemplate="%{text}",
        textfont=dict(family="monospace", size=14), customdata=hovers,
        hovertemplate="%{customdata}<extra></extra>", xgap=1, ygap=1,
        colorbar=root_scale_bar("how sure (square-root scale)", _SHARE_TICKS),
        meta=dict(value="probability", undo="square", text="guess"),
    )  # fmt: skip
    figure.add_scatter(
        x=[j for _, j in right], y=[i for i, _ in right], mode="markers", hoverinfo="skip",
        marker=dict(symbol="square-open", size=19, color=palette.text, line=dict(width=1.5)),
        cliponaxis=False, meta=dict(rows=False),
    )  # fmt: skip
    figure.update_xaxes(title="what it reads", side="top", **character_axis(text, "top"))
    columns = dict(x=text_columns("character", text), y=axis_columns("layer"))
    figure.update_layout(margin=dict(l=64, r=8, t=52, b=44), meta=columns)
    figure.update_yaxes(
        tickvals=list(range(L)), ticktext=[f"layer {i + 1}" for i in range(L)], ticks="",
        range=[L - 0.5, -0.5], showgrid=False, zeroline=False,
    )  # fmt: skip
    for place, character in enumerate(follows):
        figure.add_annotation(
            x=place, y=0, yref="paper", yanchor="top", yshift=-4, showarrow=False,
            text=sign(character), font=dict(family="monospace", size=13, color=palette.text),
        )  # fmt: skip
    figure.add_annotation(
        x=0.5, y=0, xref="paper", yref="paper", yanchor="top", yshift=-22, showarrow=False,
        text="what really follows", font=dict(size=13, color=palette.text),
    )  # fmt: skip
    return figure


def _really(follows: str, place: int) -> str:
    if place >= len(follows):
        return "what follows is not known"
    return f"{named(follows[place])} follows"


def next_character_figure(
    probabilities: Matrix, characters: str, kind: str, palette: Palette
) -> go.Figure:
    """The likeliest characters to follow, by their probabilities (V,)."""
    order = [int(i) for i in np.argsort(-probabilities, kind="stable")[:N_NEXT]]
    figure = plain_figure(palette)
    figure.add_bar(
        y=compact(probabilities[order]), marker=dict(color=palette.model(kind), line_width=0),
        hovertext=[
            f"{named(characters[i])} follows with {percent(float(probabilities[i]))}"
            for i in order
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(
        tickvals=list(range(len(order))), ticktext=[sign_of(characters[i]) for i in order],
        tickangle=0, tickfont=dict(family="monospace", size=14), title="what may follow",
    )  # fmt: skip
    figure.update_yaxes(title="probability", rangemode="tozero", tickformat=".0%", nticks=4)
    figure.update_layout(margin=dict(l=52, r=0, t=8, b=44), bargap=0.25)
    return figure
