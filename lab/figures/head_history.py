"""How heads came to their habits over the steps of a run: one of them as lines, all as a heat map.

Plain data in, figures out. Most happens early, so that one head's axis counts doublings of the
step; the map of all heads has a column for each snapshot, which lie about as far apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.interpretability.habits import Name
from core.interpretability.history import HeadHistory, Stage
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.map_axes import percent
from lab.figures.palette import ColorScale, Palette

NameWords = Mapping[Name, str]
"""What each name is called in a picture, in a word or two."""
MAX_DOUBLINGS = 3.0
"""Where the colours of the map end: eight times what spreading evenly would give."""
ROW_PX, HIGHEST_ROW_PX, FEW_ROWS_PX = 24, 44, 176
"""How high a row is; where there are few, higher, so that the bar of colours has room beside."""
TOP_PX, BOTTOM_PX = 8, 44
_STRONGEST = 0.6
"""The colours stop so far on the way to the model's, so that words on them can be read."""
_LETTER_PX = 6.0
_MAP_LEFT_PX, _MAP_RIGHT_PX = 44, 96
_LINES_LEFT_PX, _LINES_RIGHT_PX = 56, 12
_COLUMNS = ["step", "name", "entropy (nats)", "entropy of even spreading (nats)"]


# --- one head -------------------------------------------------------------------------------------


def head_history_figure(
    history: HeadHistory | None,
    even_nats: float,
    names: NameWords,
    kind: str,
    palette: Palette,
    width_px: int,
) -> go.Figure:
    """The share of a head for the habit that it ended up with, its entropy, and its names.

    Args:
        even_nats: the entropy of a head that spreads evenly.
        width_px: about how wide it will be drawn; a name that would not fit is left to the hover.
    """
    if history is None:
        return empty_figure("How this head came to its habit will be here.", palette)
    figure = plain_figure(palette)
    x = compact([_doublings(step) for step in history.steps])
    entropies = compact([each.entropy_nats for each in history.measured])
    color = palette.model(kind)
    line = dict(x=x, mode="lines+markers", line=dict(color=color, width=2), marker=dict(size=5))
    hovers = _hovers(history, even_nats, names)
    said = dict(hovertext=hovers, hovertemplate="%{hovertext}<extra></extra>")
    rows = [
        [step, names[each.name], each.entropy_nats, even_nats]
        for step, each in zip(history.steps, history.measured)
    ]
    figure.add_scatter(
        y=compact(history.shares), name="its share", **line, **said, customdata=rows,
        meta=dict(columns=_COLUMNS),
    )  # fmt: skip
    figure.add_scatter(y=entropies, name="entropy", yaxis="y2", **line, **said,
                       meta=dict(rows=False))  # fmt: skip
    _add_stages(figure, history.stages, names, palette, width_px)
    for axis, height in (("y", history.even_share), ("y2", even_nats)):
        figure.add_shape(_even_line(axis, height, palette))  # over the bands
    _set_line_axes(figure, history, even_nats)
    return figure


def _doublings(step: int) -> float:
    """Where a step stands on an axis on which each doubling takes as much room, and 0 has some."""
    return math.log2(1 + step)


def _hovers(history: HeadHistory, even_nats: float, names: NameWords) -> list[str]:
    return [
        f"<b>step {step:,}</b>: {names[each.name] or 'no habit'}<br>"
        f"{names[history.habit]}: {percent(share)} of the weight, "
        f"{percent(history.even_share)} if spread evenly<br>"
        f"entropy {each.entropy_nats:.2f} nats, {even_nats:.2f} if spread evenly"
        for step, share, each in zip(history.steps, history.shares, history.measured)
    ]


def _even_line(axis: str, height: float, palette: Palette) -> dict[str, Any]:
    named = {"name": "its share, spread evenly"} if axis == "y" else {}
    return named | dict(
        type="line", xref="paper", x0=0, x1=1, yref=axis, y0=height, y1=height, layer="below",
        line=dict(color=palette.reference, width=1, dash="dash"),
    )  # fmt: skip


def _add_stages(
    figure: go.Figure, stages: Sequence[Stage], names: NameWords, palette: Palette, width_px: int
) -> None:
    """A band for each name that the head had, every second one shaded, with the name above it."""
    bounds = _bounds(stages)
    px_per_unit = (width_px - _LINES_LEFT_PX - _LINES_RIGHT_PX) / (bounds[-1] - bounds[0])
    for i, (stage, start, end) in enumerate(zip(stages, bounds, bounds[1:])):
        figure.add_shape(
            type="rect", xref="x", x0=start, x1=end, yref="paper", y0=0, y1=1, layer="below",
            line=dict(width=0), fillcolor=palette.surface, opacity=i % 2,
        )  # fmt: skip
        word = names[stage.name] or "no habit"
        if len(word) * _LETTER_PX <= (end - start) * px_per_unit:
            figure.add_annotation(
                text=word, x=(start + end) / 2, xref="x", y=1, yref="paper", yanchor="bottom",
                showarrow=False, font=dict(size=11, color=palette.muted),
            )  # fmt: skip


def _bounds(stages: Sequence[Stage]) -> list[float]:
    """Where the bands of stages begin and end, on the axis of one head."""
    first, last = _doublings(stages[0].first_step), _doublings(stages[-1].last_step)
    changes = [
        (_doublings(before.last_step) + _doublings(after.first_step)) / 2
        for before, after in pairwise(stages)
    ]
    return [first - 0.25, *changes, last + 0.25]


def _set_line_axes(figure: go.Figure, history: HeadHistory, even_nats: float) -> None:
    last = history.steps[-1]
    ticks = [0, *(4**n for n in range(20) if 2.5 * 4**n <= last), last]
    figure.update_layout(
        margin=dict(l=_LINES_LEFT_PX, r=_LINES_RIGHT_PX, t=22, b=40), hovermode="closest",
        xaxis=dict(
            title="steps (each doubling as wide)", anchor="y2", showgrid=False,
            tickvals=[_doublings(step) for step in ticks], ticktext=[f"{t:,}" for t in ticks],
            range=[_doublings(history.steps[0]) - 0.25, _doublings(last) + 0.25],
        ),
        yaxis=dict(
            title="share", domain=[0.46, 1], tickformat=".0%", nticks=4,
            range=[0, 1.08 * max(*history.shares, history.even_share)],
        ),
        yaxis2=dict(
            title="entropy (nats)", domain=[0, 0.36], nticks=4, range=[0, 1.08 * even_nats]
        ),
        meta=dict(x=axis_columns(None), y=axis_columns("share of the weight")),
    )  # fmt: skip


# --- all heads ------------------------------------------------------------------------------------


def histories_height_px(n_heads: int) -> int:
    """How high the map of all heads is."""
    row_px = min(HIGHEST_ROW_PX, max(ROW_PX, FEW_ROWS_PX // max(1, n_heads)))
    return TOP_PX + BOTTOM_PX + row_px * n_heads


def histories_figure(
    histories: Sequence[HeadHistory],
    names: NameWords,
    chosen: tuple[int, int],
    kind: str,
    palette: Palette,
    width_px: int,
) -> go.Figure:
    """A row for each head, a column for each snapshot, the name written where it changes.

    The colour is how many times the even share the head gives to what it is named after. A click
    at (x, y) means the head in row round(y).

    Args:
        chosen: layer and head, from 1, of the row that gets a frame.
        width_px: about how wide it will be drawn; a name that would not fit is left to the hover.
    """
    if not histories:
        return empty_figure("A row for each head, a column for each snapshot.", palette)
    steps = histories[0].steps
    times = np.array([[max(each.times_even, 1.0) for each in h.measured] for h in histories])
    figure = plain_figure(palette)
    figure.add_heatmap(
        z=np.minimum(compact(np.log2(times)), np.float32(MAX_DOUBLINGS)),
        zmin=0, zmax=MAX_DOUBLINGS, colorscale=_pale_scale(kind, palette), ygap=2,
        text=[_row_hovers(h, names) for h in histories], hovertemplate="%{text}<extra></extra>",
        customdata=[
            [[names[e.name], e.score, e.times_even, e.entropy_nats] for e in h.measured]
            for h in histories
        ],
        meta=dict(
            value="shown, doublings of the even share",
            columns=["name", "score", "times an even share", "entropy (nats)"],
        ),
        colorbar=_bar(),
    )  # fmt: skip
    column_px = (width_px - _MAP_LEFT_PX - _MAP_RIGHT_PX) / len(steps)
    for row, history in enumerate(histories):
        _write_names(figure, row, history, names, column_px, palette)
        if (history.layer, history.head) == chosen:
            figure.add_shape(
                type="rect", x0=-0.5, x1=len(steps) - 0.5, y0=row - 0.5, y1=row + 0.5,
                line=dict(color=palette.text, width=2),
            )  # fmt: skip
    _set_map_axes(figure, histories, column_px)
    return figure


def _pale_scale(kind: str, palette: Palette) -> ColorScale:
    """From the ground on the way to the model's colour."""
    stops = [(at, color) for at, color in palette.attention_scale(kind) if at <= _STRONGEST]
    return [(at / stops[-1][0], color) for at, color in stops]


def _row_hovers(history: HeadHistory, names: NameWords) -> list[str]:
    return [
        f"<b>head {history.layer}.{history.head}, step {step:,}</b>: "
        f"{names[each.name] or 'no habit'}<br>"
        + (
            f"entropy {percent(each.score)} of even spreading"
            if each.name == "even"
            else f"{percent(each.score)} of the weight, {each.times_even:.1f} times an even share"
        )
        for step, each in zip(history.steps, history.measured)
    ]


def _write_names(
    figure: go.Figure,
    row: int,
    history: HeadHistory,
    names: NameWords,
    column_px: float,
    palette: Palette,
) -> None:
    """Each name at the column where it begins, if it fits up to where the next one does."""
    for stage in history.stages:
        first, last = (history.steps.index(step) for step in (stage.first_step, stage.last_step))
        word = names[stage.name] or "no habit"
        if len(word) * _LETTER_PX + 4 <= (last - first + 1) * column_px:
            figure.add_annotation(
                text=word, x=first - 0.5, y=row, xanchor="left", xshift=1, yanchor="middle",
                showarrow=False, font=dict(size=11, color=palette.text),
            )  # fmt: skip


def _bar() -> dict[str, Any]:
    ticks = [0.0, 1.0, 2.0, MAX_DOUBLINGS]
    return dict(
        title=dict(text="times an<br>even share<br> ", side="top", font=dict(size=12)),
        thickness=12, tickvals=ticks, ticktext=["1", "2", "4", "8 or more"], outlinewidth=0,
        tickfont=dict(size=11),
    )  # fmt: skip


def _set_map_axes(figure: go.Figure, histories: Sequence[HeadHistory], column_px: float) -> None:
    steps = histories[0].steps
    every = math.ceil(7 * max(len(f"{step:,}") for step in steps) / column_px)
    places = list(range(0, len(steps), every))
    who = [f"{h.layer}.{h.head}" for h in histories]
    figure.update_xaxes(
        title="step", tickvals=places, ticktext=[f"{steps[i]:,}" for i in places], tickangle=0,
        showgrid=False, ticks="", range=[-0.5, len(steps) - 0.5],
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(who))), ticktext=who, showgrid=False, ticks="",
        range=[len(who) - 0.5, -0.5],
    )  # fmt: skip
    figure.update_layout(
        margin=dict(l=_MAP_LEFT_PX, r=_MAP_RIGHT_PX, t=TOP_PX, b=BOTTOM_PX),
        meta=dict(x=axis_columns("step", steps), y=axis_columns("head", who)),
    )  # fmt: skip
