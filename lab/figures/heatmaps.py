"""Attention weights as heat maps: every head at once, one head large, one row of it as bars.

Numpy arrays in, figures out. How characters and shares are labelled is `lab.figures.map_axes`'s.

Two scales. Against even spreading: how many times the share that a head would give which has
learned nothing, doublings up and halvings down; it shows early what a head does. And the share
itself, by its square root, so that one in a hundred can still be seen. Hover says both.

Shapes: L layers, H heads, T characters of a text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import plotly.graph_objects as go

from lab.figures.base import compact, empty_figure, whole_figure
from lab.figures.columns import Undo, text_columns
from lab.figures.map_axes import (
    Matrix,
    character_axis,
    named,
    percent,
    root_scale_bar,
    row_frame,
)
from lab.figures.palette import Palette

Scale = Literal["even", "share"]
SCALES: tuple[Scale, ...] = get_args(Scale)
MAX_DOUBLINGS = 3.0
"""Where the scale against even spreading ends: eight times as much, and an eighth."""
MAX_OVERVIEW_CELLS = 100_000
"""A map of all heads is thinned to about this many cells: the screen has no pixels for more."""
FEW_PERCENT = 0.04
"""Below this, whole percents would stand twice on one axis."""
_GAP = 0.14
"""Empty room between two heads, as a share of a head's width."""
_MAX_TILE_PX, _LAYER_LABEL_PX, _HEAD_LABEL_PX = 150, 58, 28
_BUTTONS_PX = 30
"""Plotly's buttons stand here, one below the other, so that they hide nothing."""
_IN_CORNER = dict(orientation="h", x=0.97, xanchor="right", y=1, yanchor="top", len=0.45, ypad=0)
"""Nobody looks ahead, so the upper right of the map is free for the colour bar."""
_SHARE_TICKS = (0.0, 0.01, 0.05, 0.25, 0.5, 1.0)
_SHARE, _TIMES = "share of the weight", "times an even share"
_NO_WEIGHT = 2.0**-150
"""Less than any share in single precision that is not nothing, and on a scale of doublings still a
number: far below the end of the colours."""


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
    chosen: tuple[int, int] | None,
    kind: str,
    palette: Palette,
    scale: Scale = "share",
) -> go.Figure:
    """Every head of every layer as one picture: layers down, heads across.

    From one head to the next is one unit, so a click at (x, y) means layer round(y), head round(x).

    Args:
        weights: (L, H, T, T), the row is the character that looks.
        labels: for each layer and head, a short text for the tile's empty corner.
        hovers: for each layer and head, what the pointer finds there.
        chosen: layer and head that get a frame, from 0, if any.
    """
    L, H, T, _ = weights.shape
    if not (L and H and T):
        return empty_figure("Every head will be here, layers down and heads across.", palette)
    tiles, pitch, gap = _tiled(_on_scale(weights, scale))
    start = -0.5 + (gap + 1) / 2 / pitch  # the middle of the first cell
    cells = dict(
        type="heatmap", z=tiles, x0=start, dx=1 / pitch, y0=start, dy=1 / pitch, hoverinfo="skip",
        showscale=False, meta=_tile_columns(pitch, thinning(weights.shape), scale),
        **_colors(scale, kind, palette),
    )  # fmt: skip
    # One invisible cell per head answers the pointer; a text for each small cell would be heavy.
    answering = dict(
        type="heatmap", z=np.zeros((L, H), np.float32), x0=0, dx=1, y0=0, dy=1, opacity=0,
        showscale=False, text=[list(row) for row in hovers],
        hovertemplate="%{text}<extra></extra>", meta=dict(rows=False),
    )  # fmt: skip
    half = 0.5 - gap / 2 / pitch
    frames, corners = _tiles_marked(labels, chosen, half, palette)
    return whole_figure(
        palette, [cells, answering],
        shapes=frames, annotations=corners, modebar=dict(orientation="v"),
        margin=dict(l=_LAYER_LABEL_PX, r=_BUTTONS_PX, t=_HEAD_LABEL_PX, b=0),
        xaxis=_tile_axis("head", H) | dict(side="top", constraintoward="left"),
        yaxis=_tile_axis("layer", L)
        | dict(scaleanchor="x", constraintoward="top", range=[L - 0.5, -0.5]),
    )  # fmt: skip


def _tiles_marked(
    labels: Sequence[Sequence[str]], chosen: tuple[int, int] | None, half: float, palette: Palette
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A frame round each tile, a stronger one round the chosen, and the labels in the corners."""
    every = [(layer, head, label) for layer, row in enumerate(labels)
             for head, label in enumerate(row)]  # fmt: skip
    frames = [_tile_frame(head, layer, half, palette.border, 1) for layer, head, _ in every]
    if chosen:
        frames.append(_tile_frame(chosen[1], chosen[0], half, palette.text, 2))
    corners = [
        dict(
            text=label, x=head + half, y=layer - half, showarrow=False,
            xanchor="right", yanchor="top", align="right", font=dict(size=11, color=palette.muted),
        )
        for layer, head, label in every
    ]  # fmt: skip
    return frames, corners


def _on_scale(weights: Matrix, scale: Scale, first_place: int = 1) -> Matrix:
    """Weights (…, T, T) as they are coloured, NaN where nobody can look."""
    if scale == "share":
        return np.sqrt(_masked(weights))
    n_seen = np.arange(first_place, first_place + weights.shape[-1])[:, None]  # what a row may see
    return compact(np.log2(np.maximum(_masked(weights) * n_seen, _NO_WEIGHT)))


def _undo(scale: Scale) -> Undo:
    return "square" if scale == "share" else "even share"


def _tile_columns(pitch: int, step: int, scale: Scale) -> dict[str, Any]:
    """What the downloaded numbers of all heads are: those that are drawn, in their units."""
    names = ["layer", "head", "query place", "key place"]
    tiles = dict(pitch=pitch, step=step, names=names)
    if scale == "share":
        return dict(tiles=tiles, value=_SHARE, undo="square")
    return dict(tiles=tiles, value=_TIMES, undo="doublings")


def _colors(scale: Scale, kind: str, palette: Palette) -> dict[str, Any]:
    if scale == "share":
        return dict(zmin=0, zmax=1, colorscale=palette.attention_scale(kind))
    return dict(zmin=-MAX_DOUBLINGS, zmax=MAX_DOUBLINGS, colorscale=palette.difference_scale)


def _tiled(cells: Matrix) -> tuple[Matrix, int, int]:
    """Cells (L, H, T, T) in one matrix, NaN in the gaps and where nobody can look.

    Returns it with the cells from one head to the next, and how many of these are gap.
    """
    small = _thinned(cells)
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
    rows = np.fmax.reduce(padded.reshape(L, H, side, k, T + more), axis=3)  # NaN where all are
    return compact(np.fmax.reduce(rows.reshape(L, H, side, side, k), axis=4))


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
        ticktext=[f"{word} {i}" if n <= 8 else str(i) for i in range(1, n + 1)],
        range=[-0.5, n - 0.5], constrain="domain", showgrid=False, zeroline=False,
    )  # fmt: skip


# --- one head -------------------------------------------------------------------------------------


def head_figure(
    weights: Matrix,
    text: str,
    chosen: tuple[int, int],
    kind: str,
    palette: Palette,
    scale: Scale = "share",
    first_place: int = 1,
) -> go.Figure:
    """One head, large: weights (T, T), the row is the character that looks. Its cells are square.

    Args:
        chosen: a row and a column of it, from 0; the row is framed, and in it the cell.
        first_place: what the pointer calls the first character, of a longer text say.
    """
    T = len(weights)
    if not T:
        return empty_figure("Type a text to see where this head looks.", palette)
    who = _in_their_places(text, first_place)
    looks = [
        [
            f"{who[i]} takes {percent(float(weights[i, j]))} from {who[j]},<br>"
            f"{weights[i, j] * (first_place + i):.1f} times an even share"
            if j <= i
            else ""
            for j in range(T)
        ]
        for i in range(T)
    ]
    cells = dict(
        type="heatmap", z=_on_scale(weights, scale, first_place),
        text=looks, hovertemplate="%{text}<extra></extra>",
        hoverongaps=False, colorbar=_scale_bar(scale) | _IN_CORNER,
        meta=dict(value=_SHARE, undo=_undo(scale), first=first_place),
        **_colors(scale, kind, palette),
    )  # fmt: skip
    row, column = chosen
    queries, keys = (text_columns(name, text, first_place) for name in ("query", "key"))
    return whole_figure(
        palette, [cells],
        shapes=[row_frame(row, row + 1, palette), _tile_frame(column, row, 0.5, palette.text, 3)],
        xaxis=character_axis(text, "bottom") | dict(
            title=dict(text="what it looks at (its key)"), constrain="domain",
            constraintoward="left",
        ),
        yaxis=character_axis(text, "left") | dict(
            title=dict(text="the character that looks (its query)"), range=[T - 0.5, -0.5],
            constrain="domain", constraintoward="top", scaleanchor="x",
        ),
        margin=dict(l=48, r=_BUTTONS_PX, t=4, b=44), modebar=dict(orientation="v"),
        meta=dict(y=queries, x=keys),
    )  # fmt: skip


def _scale_bar(scale: Scale) -> dict[str, Any]:
    if scale == "share":
        return root_scale_bar("share taken (square-root scale)", _SHARE_TICKS, "top")
    doublings = np.arange(-MAX_DOUBLINGS, MAX_DOUBLINGS + 1)
    names = [f"{2**n:g}" if n >= 0 else f"1/{2**-n:g}" for n in doublings]
    title = dict(text=_TIMES, side="top", font=dict(size=12))
    return dict(
        title=title, tickvals=doublings.tolist(), ticktext=names, outlinewidth=0, thickness=12,
        tickfont=dict(size=11), tickangle=0,
    )  # fmt: skip


def looks_figure(
    row: Matrix, everyone: Matrix, text: str, kind: str, palette: Palette
) -> go.Figure:
    """Where one character looks, as bars: (T,) of one head, beside `everyone` (T,), a mean."""
    if not len(row):
        return empty_figure("Type a text to see where a character looks.", palette)
    who = _in_their_places(text)
    bars = dict(
        type="bar", y=row, name="this head",
        marker=dict(color=palette.model(kind), line=dict(width=0)),
        hovertext=[f"{name} gets {percent(float(p))}" for name, p in zip(who, row)],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    means = dict(
        type="scatter", y=everyone, name="mean of all heads", mode="markers",
        marker=dict(symbol="line-ew", size=8, line=dict(width=2, color=palette.text)),
        hovertext=[f"{name} gets {percent(float(p))} from all" for name, p in zip(who, everyone)],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    small = max(float(row.max()), float(everyone.max())) < FEW_PERCENT
    return whole_figure(
        palette, [bars, means],
        margin=dict(l=48, r=0, t=28, b=28), bargap=0.15, showlegend=True,
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
        meta=dict(x=text_columns("key", text)),
        xaxis=character_axis(text, "bottom"),
        yaxis=dict(
            title=dict(text="share"), rangemode="tozero", tickformat=".1%" if small else ".0%",
            nticks=4,
        ),
    )  # fmt: skip


def _in_their_places(text: str, first_place: int = 1) -> list[str]:
    return [f"{named(character)} (position {i})" for i, character in enumerate(text, first_place)]
