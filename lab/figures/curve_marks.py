"""What stands around a loss curve: earlier runs behind it, a smoothed line, what happened, notes.

Each function adds to a figure of `lab.figures.losses`, behind or after its curves, and in the same
units. Plain data in; no screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.findings.notes import Note
from lab.figures.base import compact
from lab.figures.losses import LossCurve, XAxis, as_text, unit_factor
from lab.figures.palette import Palette
from lab.figures.spacing import (
    PLOT_PX,
    Named,
    Side,
    along,
    free_side,
    in_rows,
    pixels,
    together,
)

MarkKind = Literal["changed", "resumed", "branched"]
SMOOTHING = {"off": 0.0, "some": 0.9, "much": 0.98}
"""How much of the running mean is kept at each step."""
NOTE_PX, MORE_PX = 15, 8
"""How wide the dot of one note is, and how much wider for each further note at its step."""
ROW_PX, MAX_ROWS = 15, 3
"""How high a row of labels of marks is, and how many there are at most above the plot."""
_DASHES: dict[MarkKind, str] = {"changed": "dot", "resumed": "dash", "branched": "solid"}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to a run after a step: in a few words, and, pointed at, in all."""

    step: int
    kind: MarkKind
    label: str
    detail: str


def add_earlier(
    figure: go.Figure, curves: Sequence[LossCurve], palette: Palette, axis: XAxis, in_bits: bool,
    parent: str = "",
) -> None:  # fmt: skip
    """Validation curves of other runs, faded, behind everything else, each named at its end, or
    where it leaves the chart.

    A name stands on the side of its curve that is away from the run on the bench, and further away
    where it would cover that run's curve, a dot on it or another name: those that end nearest to
    that run stand nearest to it. Each has its model's colour, and one whose curve ends in the left
    half stands to the right of its end: to the left it would be cut off.

    Args:
        parent: the name of the run that this one branched from: its curve is dotted, not faded.
    """
    ends: list[tuple[str, str, float, float]] = []
    for curve in _as_on(figure, curves, axis):
        is_parent = curve.name == parent
        faded, full = palette.model_faded(curve.model), palette.model(curve.model)
        x, y = curve.x(curve.estimate_steps, axis), curve.val_losses * unit_factor(in_bits)
        figure.add_scatter(
            x=x, y=y, mode="lines", zorder=-1, showlegend=False, name=as_text(curve.name),
            line=dict(color=full, width=2, dash="dot") if is_parent else dict(color=faded, width=2),
            hovertext=[f"step {step:,.0f}, {loss:.3f} nats" for step, loss in
                  zip(curve.estimate_steps, curve.val_losses)],
            hovertemplate=f"{as_text(curve.name)} ({curve.model})<br>%{{hovertext}}<extra></extra>",
        )  # fmt: skip
        if end := _end_in_sight(figure, x, y):
            said = as_text(curve.name) + ", branched from" * is_parent
            ends.append((said, curve.model, *end))
    bench = [trace for trace in figure.data if trace.mode == "lines+markers" and len(trace.y)]
    lines_px = [along(pixels(figure, compact(t.x), compact(t.y))) for t in bench]
    taken_px = np.concatenate([np.empty((0, 2)), *lines_px])

    def over_bench(end: tuple[str, str, float, float]) -> float:
        *_, x_end, y_end = end
        return y_end - min((float(np.interp(x_end, t.x, t.y)) for t in bench), default=0.0)

    placed: list[Named] = []
    for each in sorted(ends, key=lambda end: abs(over_bench(end))):
        said, model, x_end, y_end = each
        end_px = pixels(figure, compact([x_end]), compact([y_end]))[0]
        first = Side(bool(end_px[0] >= PLOT_PX[0] / 2), over_bench(each) >= 0, 0.0)
        side = free_side(end_px, said, first, taken_px, placed)
        placed.append(Named(end_px, said, side))
        _name_at_end(figure, said, (x_end, y_end), side, palette, palette.model_text(model))
        taken_px = np.concatenate([taken_px, side.ground(end_px, said)])


def _end_in_sight(
    figure: go.Figure, x: NDArray[np.float32], y: NDArray[np.float32]
) -> tuple[float, float] | None:
    """Where a curve (N,) ends, or where it leaves the chart on the right; None if it has no place.

    Between two points it is a straight line on the axes, logarithmic ones too.
    """
    places_px = pixels(figure, compact(x), compact(y))
    inside = np.flatnonzero(places_px[:, 0] <= PLOT_PX[0] + 1)
    if not len(inside) or not math.isfinite(float(y[inside[-1]])):
        return None
    last = int(inside[-1])
    end = float(x[last]), float(y[last])
    if last + 1 == len(x) or not math.isfinite(float(y[last + 1])):
        return end
    beyond = float(x[last + 1]), float(y[last + 1])
    (before_px, _), (after_px, _) = places_px[last : last + 2]
    share = max(0.0, float((PLOT_PX[0] - before_px) / (after_px - before_px)))
    is_log = _is_log(figure), figure.layout.yaxis.type == "log"
    x_end, y_end = (
        a * (b / a) ** share if log else a + (b - a) * share
        for a, b, log in zip(end, beyond, is_log)
    )
    return x_end, y_end


def _name_at_end(
    figure: go.Figure, name: str, end: tuple[float, float], side: Side, palette: Palette, color: str
) -> None:
    """The name of a curve at its end, on a ground of its own, since lines would cross it.

    One that stands away from there, where it would cover something, is led there by a thin line.
    """
    (x, y), log_y = end, figure.layout.yaxis.type == "log"
    down_px = -side.away_px if side.is_above else side.away_px
    figure.add_annotation(
        text=name, name="earlier", x=math.log10(x) if _is_log(figure) else x,
        y=math.log10(y) if log_y else y, xanchor="right" if side.is_left else "left",
        yanchor="bottom" if side.is_above else "top",
        showarrow=down_px != 0, ax=0, ay=down_px, arrowhead=0, arrowwidth=1, arrowcolor=color,
        standoff=3, borderpad=1, bgcolor=palette.ground, opacity=0.9,
        font=dict(size=10, color=color),
    )  # fmt: skip


def add_smoothed(
    figure: go.Figure,
    curve: LossCurve,
    palette: Palette,
    axis: XAxis,
    in_bits: bool,
    weight: float,
) -> None:
    """The training loss as a running mean; the raw line stays under it, since a mean can mislead.

    Args:
        weight: how much of the mean before is kept at each step, from 0 (nothing is added) below 1.
    """
    (curve,) = _as_on(figure, [curve], axis)
    if not weight or not len(curve.steps):
        return
    figure.add_scatter(
        x=curve.x(curve.steps, axis),
        y=running_mean(curve.steps, curve.train_losses, weight) * unit_factor(in_bits),
        mode="lines", line=dict(color=palette.model(curve.model), width=1.2),
        name="training, smoothed", hoverinfo="skip", showlegend=True,
    )  # fmt: skip


def running_mean(
    steps: NDArray[np.float32], values: NDArray[np.float32], weight: float
) -> NDArray[np.float32]:
    """An exponential mean (N,) that starts at the first value and knows how far apart steps are."""
    mean, total, means = 0.0, 0.0, []
    before = float(steps[0]) - 1.0 if len(steps) else 0.0
    for step, value in zip(steps.tolist(), values.tolist()):
        kept = weight ** (step - before)
        mean, total = kept * mean + (1.0 - kept) * value, kept * total + (1.0 - kept)
        means.append(mean / total)  # the mean starts from nothing, and this takes that out again
        before = step
    return compact(means)


def add_marks(
    figure: go.Figure, curve: LossCurve, marks: Sequence[Mark], palette: Palette, axis: XAxis
) -> int:
    """Upright lines where something happened, each with a label above the plot.

    A label says, pointed at, the whole story; one that has no room joins its neighbour. Returns how
    many rows the labels take.
    """
    places = curve.x(compact([mark.step for mark in marks]), axis)
    log_x = _is_log(figure)
    # Where nothing was done yet has no place on a log axis.
    shown = sorted((p, i) for i, p in enumerate(places.tolist()) if p or not log_x)
    for place, i in shown:
        figure.add_shape(
            type="line", yref="paper", y0=0, y1=1, x0=place, x1=place, layer="below",
            line=dict(color=palette.muted, width=1, dash=_DASHES[marks[i].kind]),
        )  # fmt: skip
    x = compact([place for place, _ in shown])
    labels = [marks[i].label for _, i in shown]
    placed = in_rows(pixels(figure, x, x)[:, 0].tolist(), labels, MAX_ROWS)
    for each in placed:
        named = [marks[shown[at][1]] for at in each.of]
        more = f" +{len(named) - 1}" if len(named) > 1 else ""
        place = shown[each.of[0]][0]
        figure.add_annotation(
            text=escape(named[0].label + more),
            hovertext="<br>".join(escape(mark.detail) for mark in named),
            x=float(np.log10(place)) if log_x else place, showarrow=False,
            xanchor="right" if each.ends_here else "left",
            yref="paper", y=1, yanchor="bottom", yshift=ROW_PX * each.row, borderpad=0,
            font=dict(color=palette.muted, size=11),
        )  # fmt: skip
    return max((each.row + 1 for each in placed), default=0)


def add_notes(
    figure: go.Figure,
    curve: LossCurve,
    notes: Sequence[Note],
    palette: Palette,
    axis: XAxis,
    in_bits: bool,
) -> None:
    """A numbered dot on the validation curve for each step with notes; pointed at, it says them.

    Notes are numbered in the order given, also where some have no place on a log axis. Dots that
    would lie on each other are one, at the place of the first.
    """
    if not notes or not len(curve.estimate_steps):
        return
    dots = _dots(figure, curve, notes, axis, in_bits)
    places: dict[str, Any] = dict(
        x=compact([dot.x for dot in dots]), y=compact([dot.y for dot in dots]),
        zorder=2, showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        **places, mode="markers", name="dots of notes", hoverinfo="skip", meta=dict(rows=False),
        marker=dict(
            size=[_dot_px(len(dot.numbers)) for dot in dots],
            color=palette.ground, line=dict(color=palette.text, width=1),
        ),
    )  # fmt: skip
    # What answers the pointer is as small as the curve's own dot under it: in the middle of a large
    # one, Plotly would rather hear of that; of equals, it hears of the last.
    figure.add_scatter(
        **places, mode="markers+text", name="notes", textposition="middle center",
        marker=dict(size=5, color=palette.ground),
        text=[",".join(str(i + 1) for i in dot.numbers) for dot in dots],
        textfont=dict(size=10, color=palette.text),
        customdata=[
            [dot.step, "<br>".join(_note_in_full(notes[i]) for i in dot.numbers)] for dot in dots
        ],
        meta=dict(columns=["step of the note", "note"]),
        hovertemplate="%{customdata[1]}<extra></extra>",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Dot:
    """Where a dot is, in the figure's units, and the notes that it stands for."""

    step: int
    x: float
    y: float
    numbers: list[int]


def _dots(
    figure: go.Figure, curve: LossCurve, notes: Sequence[Note], axis: XAxis, in_bits: bool
) -> list[_Dot]:
    """One dot for each step with notes, and for steps that lie too close to be told apart."""
    by_step: dict[int, list[int]] = {}
    for i, note in enumerate(notes):
        by_step.setdefault(note.step, []).append(i)
    steps = compact(list(by_step))
    x = curve.x(steps, axis)
    y = compact(np.interp(steps, curve.estimate_steps, curve.val_losses)) * unit_factor(in_bits)
    dots = [
        _Dot(step, place, loss, numbers)
        for place, loss, (step, numbers) in zip(x.tolist(), y.tolist(), by_step.items())
        if place > 0 or not _is_log(figure)
    ]
    if not dots:
        return []
    centres = pixels(figure, compact([d.x for d in dots]), compact([d.y for d in dots]))
    counts = [len(dot.numbers) for dot in dots]
    widths = [_dot_px(n) for n in range(1, len(notes) + 1)]
    return [
        replace(dots[group[0]], numbers=sorted(i for at in group for i in dots[at].numbers))
        for group in together(centres, counts, widths)
    ]


def _dot_px(n_notes: int) -> int:
    return NOTE_PX + MORE_PX * (n_notes - 1)


def _note_in_full(note: Note) -> str:
    return f"<b>{_wrapped(note.text)}</b><br>Rule: {_wrapped(note.rule)}"


def _is_log(figure: go.Figure) -> bool:
    return bool(figure.layout.xaxis.type == "log")


def _as_on(figure: go.Figure, curves: Sequence[LossCurve], axis: XAxis) -> list[LossCurve]:
    """Curves as far as they have a place on the figure's axis."""
    return [curve.on_log_axis(axis) if _is_log(figure) else curve for curve in curves]


def _wrapped(text: str, width: int = 60) -> str:
    """Lines that fit beside the pointer."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(map(escape, lines))
