"""Attention weights as heat maps: every head at once, one head large, one row of it as bars.

Numpy arrays in, figures out. Characters come from texts that anybody may have typed, and Plotly
reads a little HTML, so every one of them goes through `sign` or `named`.

All shares are coloured by their square root, so that one in a hundred can still be seen; hover and
colour bar give the shares themselves.

Shapes: L layers, H heads, T characters of a text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.findings import meaning
from core.text.characters import is_wide, quoted_character, sign_of
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.palette import Palette

Matrix = NDArray[np.float32]

MAX_OVERVIEW_CELLS = 150_000
"""A map of all heads is thinned to about this many cells: the screen has no pixels for more."""
MAX_LABELS, MAX_WIDE_LABELS = 72, 60
"""More characters than this cannot be read along one axis; then only every second (third) is.
The second number is for text with characters that take two places."""
MAX_IN_ONE_ROW = 34
"""With more labels than this, every second one steps back."""
Side = Literal["left", "top", "bottom"]
_NBSP = "\N{NO-BREAK SPACE}"
_GAP = 0.14
"""Empty room between two heads, as a share of a head's width."""
_MAX_TILE_PX, _LAYER_LABEL_PX, _HEAD_LABEL_PX = 150, 58, 28
_BUTTONS_PX = 30
"""Plotly's buttons stand here, one below the other, so that they hide nothing."""
_IN_CORNER = dict(orientation="h", x=0.97, xanchor="right", y=1, yanchor="top", len=0.45, ypad=0)
"""Nobody looks ahead, so the upper right of the map is free for the colour bar."""
_SHARE_TICKS = (0.0, 0.01, 0.05, 0.25, 0.5, 1.0)


def sign(character: str) -> str:
    """A character as a label: one can see it, and it is never read as HTML."""
    return escape(sign_of(character), quote=False)


def named(character: str) -> str:
    """A character for a hover text, in quotes and, where it is no plain letter, with its name."""
    return escape(quoted_character(character), quote=False)


def percent(share: float) -> str:
    """A share as people say it, on one line."""
    return meaning.percent(share).replace(" %", f"{_NBSP}%")


# --- all heads ------------------------------------------------------------------------------------


def heads_height_px(n_layers: int, n_heads: int, width_px: int) -> int:
    """How high the map of all heads is at this width, when its tiles are square."""
    tile_px = min(_MAX_TILE_PX, (width_px - _LAYER_LABEL_PX - _BUTTONS_PX) / n_heads)
    return round(n_layers * tile_px) + _HEAD_LABEL_PX


def thinning(shape: Sequence[int]) -> int:
    """How many cells of a head become one along each side, for weights of shape (L, H, T, T)."""
    return max(1, math.ceil(math.sqrt(math.prod(shape) / MAX_OVERVIEW_CELLS)))


def heads_figure(
    weights: Matrix,
    labels: Sequence[Sequence[str]],
    hovers: Sequence[Sequence[str]],
    chosen: tuple[int, int],
    kind: str,
    palette: Palette,
) -> go.Figure:
    """Every head of every layer as one picture: layers down, heads across.

    From one head to the next is one unit, so a click at (x, y) means layer round(y), head round(x).

    Args:
        weights: (L, H, T, T), the row is the character that looks.
        labels: for each layer and head, a short text for the tile's empty corner.
        hovers: for each layer and head, what the pointer finds there.
        chosen: layer and head that get a frame, from 0.
    """
    L, H, T, _ = weights.shape
    if not (L and H and T):
        return empty_figure("Every head will be here, layers down and heads across.", palette)
    tiles, pitch, gap = _tiled(weights)
    start = -0.5 + (gap + 1) / 2 / pitch  # the middle of the first cell
    figure = plain_figure(palette)
    figure.add_heatmap(
        z=tiles, x0=start, dx=1 / pitch, y0=start, dy=1 / pitch, hoverinfo="skip",
        zmin=0, zmax=1, colorscale=palette.attention_scale(kind), showscale=False,
    )  # fmt: skip
    # One invisible cell per head answers the pointer; a text for each small cell would be heavy.
    figure.add_heatmap(
        z=np.zeros((L, H), np.float32), x0=0, dx=1, y0=0, dy=1, opacity=0, showscale=False,
        text=[list(row) for row in hovers], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    half = 0.5 - gap / 2 / pitch
    for layer in range(L):
        for head in range(H):
            figure.add_shape(_tile_frame(head, layer, half, palette.border, 1))
            figure.add_annotation(
                text=labels[layer][head], x=head + half, y=layer - half, showarrow=False,
                xanchor="right", yanchor="top", align="right",
                font=dict(size=11, color=palette.muted),
            )  # fmt: skip
    figure.add_shape(_tile_frame(chosen[1], chosen[0], half, palette.text, 2))
    figure.update_layout(
        margin=dict(l=_LAYER_LABEL_PX, r=_BUTTONS_PX, t=_HEAD_LABEL_PX, b=0),
        modebar=dict(orientation="v"),
    )
    figure.update_xaxes(side="top", constraintoward="left", **_tile_axis("head", H))
    figure.update_yaxes(scaleanchor="x", constraintoward="top", **_tile_axis("layer", L))
    figure.update_yaxes(range=[L - 0.5, -0.5])
    return figure


def _tiled(weights: Matrix) -> tuple[Matrix, int, int]:
    """The square roots of (L, H, T, T) in one matrix, NaN in the gaps and where nobody can look.

    Returns it with the cells from one head to the next, and how many of these are gap.
    """
    small = _thinned(np.sqrt(_masked(weights)))
    L, H, side, _ = small.shape
    gap = max(1, round(_GAP * side))
    pitch = side + gap
    framed = np.full((L, H, pitch, pitch), np.nan, np.float32)
    framed[:, :, :side, :side] = small
    tiles = framed.transpose(0, 2, 1, 3).reshape(L * pitch, H * pitch)
    return compact(tiles[: L * pitch - gap, : H * pitch - gap]), pitch, gap


def _thinned(tiles: Matrix) -> Matrix:
    """(L, H, T, T), where it is too much to send with only the strongest of each k x k cells."""
    L, H, T, _ = tiles.shape
    k = thinning(tiles.shape)
    if k == 1:
        return tiles
    more = -T % k
    padded = np.pad(tiles, ((0, 0), (0, 0), (0, more), (0, more)), constant_values=np.nan)
    side = (T + more) // k
    blocks = np.nan_to_num(padded, nan=-1.0).reshape(L, H, side, k, side, k).max(axis=(3, 5))
    return compact(np.where(blocks < 0, np.nan, blocks))


def _masked(weights: Matrix) -> Matrix:
    """Weights (…, T, T) with NaN for the future, which is not nothing but not there."""
    future = np.triu(np.ones(weights.shape[-2:], dtype=bool), k=1)
    return compact(np.where(future, np.nan, weights))


def _tile_frame(x: float, y: float, half: float, color: str, width: int) -> dict[str, Any]:
    box = dict(x0=x - half, x1=x + half, y0=y - half, y1=y + half)
    return dict(type="rect", line=dict(color=color, width=width)) | box


def _tile_axis(word: str, n: int) -> dict[str, Any]:
    return dict(
        tickmode="array", tickvals=list(range(n)), tickangle=0, ticks="",
        ticktext=[f"{word} {i + 1}" if n <= 8 else str(i + 1) for i in range(n)],
        range=[-0.5, n - 0.5], constrain="domain", showgrid=False, zeroline=False,
    )  # fmt: skip


# --- one head -------------------------------------------------------------------------------------


def head_figure(
    weights: Matrix, text: str, chosen_row: int, kind: str, palette: Palette
) -> go.Figure:
    """One head, large: weights (T, T), the row is the character that looks, one row framed."""
    T = len(weights)
    if not T:
        return empty_figure("Type a text to see where this head looks.", palette)
    who = _in_their_places(text)
    looks = [
        [
            f"{who[i]} takes {percent(float(weights[i, j]))} from {who[j]}" if j <= i else ""
            for j in range(T)
        ]
        for i in range(T)
    ]
    figure = plain_figure(palette)
    figure.add_heatmap(
        z=np.sqrt(_masked(weights)), text=looks, hovertemplate="%{text}<extra></extra>",
        hoverongaps=False, zmin=0, zmax=1, colorscale=palette.attention_scale(kind),
        colorbar=root_scale_bar("share taken (square-root scale)", _SHARE_TICKS, "top")
        | _IN_CORNER,
    )  # fmt: skip
    figure.add_shape(row_frame(chosen_row, chosen_row + 1, palette))
    figure.update_xaxes(title="what it looks at (its key)", **character_axis(text, "bottom"))
    figure.update_yaxes(title="the character that looks (its query)")
    figure.update_yaxes(character_axis(text, "left") | dict(range=[T - 0.5, -0.5]))
    figure.update_layout(margin=dict(l=48, r=_BUTTONS_PX, t=4, b=44), modebar=dict(orientation="v"))
    return figure


def looks_figure(
    row: Matrix, everyone: Matrix, text: str, kind: str, palette: Palette
) -> go.Figure:
    """Where one character looks, as bars: (T,) of one head, beside `everyone` (T,), a mean."""
    if not len(row):
        return empty_figure("Type a text to see where a character looks.", palette)
    who = _in_their_places(text)
    figure = plain_figure(palette)
    figure.add_bar(
        y=row, name="this head", marker=dict(color=palette.model(kind), line_width=0),
        hovertext=[f"{name} gets {percent(float(p))}" for name, p in zip(who, row)],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        y=everyone, name="mean of all heads", mode="markers",
        marker=dict(symbol="line-ew", size=8, line=dict(width=2, color=palette.text)),
        hovertext=[f"{name} gets {percent(float(p))} from all" for name, p in zip(who, everyone)],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(
        margin=dict(l=48, r=0, t=28, b=28), bargap=0.15, showlegend=True,
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
    )  # fmt: skip
    figure.update_xaxes(**character_axis(text))
    figure.update_yaxes(title="share", rangemode="tozero", tickformat=".0%", nticks=4)
    return figure


def _in_their_places(text: str) -> list[str]:
    return [f"{named(character)} (position {i + 1})" for i, character in enumerate(text)]


# --- axes and bars of colour, also for other maps -------------------------------------------------


def character_axis(text: str, side: Side | None = None) -> dict[str, Any]:
    """An axis with one place for each character; the same character may come again.

    Where many labels stand close, every second one steps back from the map: away from `side`,
    where the axis stands. Then each has room for two.
    """
    wide = any(map(is_wide, text))
    every = -(-len(text) // (MAX_WIDE_LABELS if wide else MAX_LABELS)) or 1
    places = list(range(0, len(text), every))
    labels = [sign(text[i]) for i in places]
    if side and len(places) > MAX_IN_ONE_ROW:
        labels = [_stepped_back(label, side) if i % 2 else _near(label, side)
                  for i, label in enumerate(labels)]  # fmt: skip
    return dict(
        tickmode="array", tickvals=places, ticktext=labels, tickangle=0,
        tickfont=dict(family="monospace", size=13 if len(text) <= MAX_IN_ONE_ROW else 12), ticks="",
        range=[-0.5, len(text) - 0.5], showgrid=False, zeroline=False,
    )  # fmt: skip


def _stepped_back(label: str, side: Side) -> str:
    return {"left": f"{label}{_NBSP * 2}", "top": f"{label}<br>{_NBSP}",
            "bottom": f"{_NBSP}<br>{label}"}[side]  # fmt: skip


def _near(label: str, side: Side) -> str:
    return {"left": label, "top": f"{_NBSP}<br>{label}", "bottom": f"{label}<br>{_NBSP}"}[side]


def row_frame(row: int, n_columns: int, palette: Palette) -> dict[str, Any]:
    """A frame round the first cells of one row."""
    return dict(
        type="rect", x0=-0.5, x1=n_columns - 0.5, y0=row - 0.5, y1=row + 0.5,
        line=dict(color=palette.text, width=1.5),
    )  # fmt: skip


def root_scale_bar(title: str, ticks: Sequence[float], side: str = "right") -> dict[str, Any]:
    """A colour bar for square roots, labelled with the shares themselves (or differences).

    `side` is where its title goes: right of an upright bar, on top of one that lies.
    """
    return dict(
        title=dict(text=title, side=side, font=dict(size=12)), thickness=12, outlinewidth=0,
        tickfont=dict(size=11), tickangle=0, ticklabeloverflow="allow",
        tickvals=[float(np.copysign(np.sqrt(abs(tick)), tick)) for tick in ticks],
        ticktext=[f"{tick * 100:g} %" for tick in ticks],
    )  # fmt: skip
