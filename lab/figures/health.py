"""Signs of health over training: a thin line for each layer or head. Plain data in, a figure out.

Charts are small, from about 200 pixels of height on; how high is the caller's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from core.training.health import HEALTHY_UPDATE_RATIO, Kind, layer_number
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.palette import Palette

MAX_LABELS = 8
"""With more lines than these each layer is named once: there is no room beside the chart."""

_LABEL_GAP = 0.09
"""Share of the axis that a label needs, so that none covers another."""
_CHARACTER_PX = 7
_LABEL_SIZE, _LEADER_PX = 12, 12
_LAYER_DASHES = ("solid", "dot", "dashdot", "dash")
"""Of the last layer, the one before it, …; a fifth from the end is solid again."""
_PALEST = 0.5
"""Where the first layer stands on the way from the ground to the model's colour."""


@dataclass(frozen=True, kw_only=True)
class _ChartStyle:
    """How one kind of reading is drawn."""

    y_title: str
    y_format: str
    """d3's format for the hover."""
    promise: str
    """What the chart will show, while there is nothing."""
    log: bool = False
    y_max: float = 0.0
    """The axis reaches at least so far; for shares, of which 0 is always in sight."""
    reference: float | None = None
    lacking: tuple[str, ...] = ()
    """Models that have no such thing."""


_STYLES: dict[Kind, _ChartStyle] = {
    "grad_norm": _ChartStyle(
        y_title="gradient norm (unclipped)", y_format=".3g", log=True,
        promise="How long the gradient is at every step",
    ),
    "update_ratio": _ChartStyle(
        y_title="change / weights, a step", y_format=".1e", log=True,
        promise="How much one step changes each layer", reference=HEALTHY_UPDATE_RATIO,
    ),
    "dead_units": _ChartStyle(
        y_title="dead units (share)", y_format=".1%", y_max=0.1,
        promise="How many units of each layer never answer", lacking=("bigram", "attention"),
    ),
    "attention_entropy": _ChartStyle(
        y_title="entropy (1 = even)", y_format=".2f", y_max=1.0,
        promise="How widely each head looks around", lacking=("bigram",),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class _Line:
    """One series: `name` is safe to show, `values` are NaN where there is nothing to draw."""

    name: str
    layer: int | None
    steps: NDArray[np.float32]
    values: NDArray[np.float32]

    @property
    def end(self) -> float:
        """The last value that is drawn."""
        return float(self.values[np.isfinite(self.values)][-1])


def health_figure(
    kind: Kind, series: Mapping[str, tuple[ArrayLike, ArrayLike]], palette: Palette, model: str
) -> go.Figure:
    """Readings of one kind over the steps of a run.

    Args:
        series: for each part (`core.training.health.by_kind`) its steps and its values. Layers are
            told by their dashes, by their lightness, from pale for the first to the model's colour
            for the last, and by their names: beside the chart where there are few, in the hover
            always.
        model: the model's kind, for its colour.
    """
    look = _STYLES[kind]
    lines = [line for name, data in series.items() if (line := _line(name, data, look))]
    if not lines:
        return empty_figure(_nothing(kind, model), palette)
    low, high = _y_range(lines, look)
    figure = plain_figure(palette)
    colors = _colors([line.layer for line in lines], palette, model)
    for line, color, dash in zip(lines, colors, _dashes([line.layer for line in lines])):
        _add_line(figure, line, look, color, dash)
    if look.reference:
        figure.add_shape(
            type="line", xref="paper", x0=0, x1=1, y0=look.reference, y1=look.reference,
            layer="below", line=dict(color=palette.reference, width=1, dash="dot"),
        )  # fmt: skip
    labels = _labels(lines, look)
    last = max(float(line.steps.max()) for line in lines)
    _add_labels(figure, labels, last, (low, high), palette)
    longest = max((len(text) for text, _ in labels), default=0)
    figure.update_layout(
        margin=dict(l=56, r=16 + _LEADER_PX + round(_CHARACTER_PX * longest), t=8, b=40),
        hovermode="closest", uirevision=kind,
    )  # fmt: skip
    figure.update_xaxes(
        title=dict(text="steps", font_size=12), nticks=5, range=[0, last] if last else None
    )
    figure.update_yaxes(
        title=dict(text=look.y_title, font_size=12), type="log" if look.log else "linear",
        range=[low, high], **(_log_ticks(low, high) if look.log else dict(nticks=5)),
        tickformat=".0%" if kind == "dead_units" else None,
    )  # fmt: skip
    return figure


def _line(name: str, data: tuple[ArrayLike, ArrayLike], look: _ChartStyle) -> _Line | None:
    """What can be drawn of a series, or None where that is nothing."""
    steps, values = map(compact, data)
    drawn = np.isfinite(values) & ((values > 0) | (not look.log))
    if not drawn.any():
        return None
    return _Line(
        name=escape(name), layer=layer_number(name), steps=steps,
        values=np.where(drawn, values, np.float32(np.nan)),
    )  # fmt: skip


def _nothing(kind: Kind, model: str) -> str:
    """What there will be to see, or why there never will be."""
    if model in _STYLES[kind].lacking:
        part = "attention" if kind == "attention_entropy" else "hidden units"
        return f"The {model} model has no {part}"
    return _STYLES[kind].promise


def _y_range(lines: Sequence[_Line], look: _ChartStyle) -> tuple[float, float]:
    """The ends of the axis, in powers of ten where it is logarithmic."""
    values = [float(end(line.values)) for line in lines for end in (np.nanmin, np.nanmax)]
    if not look.log:
        top = max(look.y_max, *values)
        return -0.02 * top, 1.05 * top
    ends = [_height(value, look) for value in [*values, *filter(None, [look.reference])]]
    middle, half = (max(ends) + min(ends)) / 2, (max(ends) - min(ends)) / 2
    return middle - max(0.5, 1.1 * half), middle + max(0.5, 1.1 * half)


def _height(value: float, look: _ChartStyle) -> float:
    """A value's place on the axis, as Plotly counts for ranges and annotations."""
    return math.log10(value) if look.log else value


def _colors(layers: Sequence[int | None], palette: Palette, model: str) -> list[str]:
    """A colour for each line by its layer; what belongs to none has the model's own."""
    scale = [color for place, color in palette.attention_scale(model) if place >= _PALEST]
    known = sorted({layer for layer in layers if layer is not None})
    steps = max(1, len(known) - 1)
    last = len(scale) - 1
    shades = {
        layer: scale[last - round(last * (len(known) - 1 - i) / steps)]
        for i, layer in enumerate(known)
    }
    return [scale[last] if layer is None else shades[layer] for layer in layers]


def _dashes(layers: Sequence[int | None]) -> list[str]:
    """How each line is dashed, so that layers are told apart without colours too: the last is solid
    where there are several, and what belongs to none has the longest dashes."""
    known = sorted({layer for layer in layers if layer is not None}, reverse=True)
    dash_of = {layer: _LAYER_DASHES[i % len(_LAYER_DASHES)] for i, layer in enumerate(known)}
    outside = "longdash" if len(layers) > 1 else "solid"
    return [outside if layer is None else dash_of[layer] for layer in layers]


def _add_line(figure: go.Figure, line: _Line, look: _ChartStyle, color: str, dash: str) -> None:
    name = line.name or look.y_title
    figure.add_scatter(
        x=line.steps, y=line.values, name=name,
        mode="lines" if len(line.steps) > 1 else "markers",
        line=dict(color=color, width=1.5, dash=dash),
        marker=dict(color=color, size=5),
        hovertemplate=(
            f"<b>{name}</b><br>step %{{x:,.0f}}<br>%{{y:{look.y_format}}}<extra></extra>"
        ),
    )  # fmt: skip


def _labels(lines: Sequence[_Line], look: _ChartStyle) -> list[tuple[str, float]]:
    """Names for the right end of the chart, each with its place on the axis.

    Where there is no room for every line, a layer is named once, at the mean of its lines.
    """
    labels = [(line.name, _height(line.end, look)) for line in lines if line.name]
    if len(labels) > MAX_LABELS:
        ends: dict[int, list[float]] = {}
        for line in lines:
            if line.layer is not None:
                ends.setdefault(line.layer, []).append(_height(line.end, look))
        labels = [(f"layer {layer}", fmean(heights)) for layer, heights in ends.items()]
        labels = labels if len(labels) <= MAX_LABELS else []
    if look.reference:
        text = f"about {look.reference:.0e}".replace("e-0", "e-")
        labels.append((text, _height(look.reference, look)))
    return labels


def _log_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks at round numbers, each written out, for an axis between two powers of ten."""
    digits = (1, 2, 5) if high - low < 1.7 else (1, 3) if high - low < 2.5 else (1,)
    decades = range(math.floor(low), math.ceil(high) + 1)
    values = [digit * 10.0**decade for decade in decades for digit in digits]
    shown = [value for value in values if low <= math.log10(value) <= high]
    return dict(tickvals=shown, ticktext=[_round_number(value) for value in shown])


def _round_number(value: float) -> str:
    return f"{value:g}" if value >= 0.01 else f"{value:.0e}".replace("e-0", "e-")


def _add_labels(
    figure: go.Figure,
    labels: Sequence[tuple[str, float]],
    last: float,
    ends: tuple[float, float],
    palette: Palette,
) -> None:
    """Names beside the chart, none over another, each led to where its line ends."""
    low, high = ends
    in_order = sorted(labels, key=lambda label: label[1])
    gap = _LABEL_GAP * (high - low)
    places = spread([y for _, y in in_order], gap, low + gap / 2, high - gap / 2)
    for (text, end), y in zip(in_order, places):
        figure.add_annotation(
            text=text, x=last, y=end, ax=_LEADER_PX, ay=y, ayref="y", xanchor="left",
            yanchor="middle", showarrow=True, arrowhead=0, arrowwidth=0.75,
            arrowcolor=palette.border, font=dict(color=palette.muted, size=_LABEL_SIZE),
        )  # fmt: skip


def spread(
    places: Sequence[float], gap: float, low: float = -math.inf, high: float = math.inf
) -> list[float]:
    """The nearest places to these (ascending) that are `gap` apart, by least squares.

    Without the gaps that is the nearest ascending sequence: neighbours in the wrong order are put
    at their mean (https://en.wikipedia.org/wiki/Isotonic_regression). None lies beyond `low` or
    `high` where all have room between them.
    """
    pools: list[list[float]] = []
    for i, place in enumerate(places):
        pools.append([place - i * gap])
        while len(pools) > 1 and fmean(pools[-2]) > fmean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    levels = [fmean(pool) for pool in pools for _ in pool]
    highest = max(low, high - (len(places) - 1) * gap)
    return [min(max(level, low), highest) + i * gap for i, level in enumerate(levels)]
