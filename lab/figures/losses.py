"""Loss curves on one axis with what counting alone can do. Plain data in, a figure out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any, Literal, get_args

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.records.course import Course
from core.records.records import Change, Estimate, RunRecord, StepRecord
from core.settings.config import ModelKind
from core.text.reference import ReferenceLine
from core.training.preflight import flops_per_token
from lab.figures.base import MARGIN, compact, whole_figure
from lab.figures.palette import Palette
from lab.figures.spacing import LABEL_PX, spread_apart

XAxis = Literal["steps", "characters", "seconds", "waited", "FLOPs"]
X_TITLES: dict[XAxis, str] = {
    "steps": "steps",
    "characters": "characters seen",
    "seconds": "seconds of training",
    "waited": "seconds waited",
    "FLOPs": "FLOPs in matrix products",
}
TIME_AXES: tuple[XAxis, ...] = ("seconds", "waited")
"""Where two runs that took as long end almost, and never quite, at one place."""
Scale = Literal["linear", "log steps", "log loss"]
SCALES: tuple[Scale, ...] = get_args(Scale)
"""`log steps` is for the horizontal axis, whatever it shows."""
SHOWN_REFERENCES = ("uniform", "unigram", "bigram", "5-gram")
ALL_REFERENCES = ("uniform", "unigram", "bigram", "3-gram", "4-gram", "5-gram")
WORDS = (*X_TITLES, "validation loss", "batch", "nats", "bits", *SHOWN_REFERENCES)
"""The words of the field that stand in and beside such a figure."""
MAX_POINTS = 1000
"""A curve is thinned to this many points before it is sent to the browser."""
TOP_PX = 36
"""Above the plot, for the legend."""
LOWEST_IN_LOG = 1e-3
"""A log axis of losses begins no lower: a text that repeats itself is counted down to 0."""

_DASHES = {"bigram": "dot", "attention": "dash", "transformer": "solid"}
"""Beside the colour, so that the three can be told apart without it."""


@dataclass(frozen=True, eq=False)
class LossCurve:
    """One run's losses in nats per character, and the steps that each belongs to.

    S recorded steps and E estimates, ascending.
    """

    name: str
    model: ModelKind
    chars_seen: Sequence[tuple[int, int]]
    """Steps and the characters seen by then, from 0 to the last step; a straight line between."""
    flops_per_char: int
    """Of a training step, forward and backward pass."""
    steps: NDArray[np.float32] = field(repr=False)
    """(S,)"""
    step_s: NDArray[np.float32] = field(repr=False)
    """(S,): seconds of training by then, steps alone."""
    step_wall_s: NDArray[np.float32] = field(repr=False)
    """(S,): seconds waited by then; where nobody noted them, those of training, which are fewer."""
    train_losses: NDArray[np.float32] = field(repr=False)
    """(S,): each of one batch."""
    estimate_steps: NDArray[np.float32] = field(repr=False)
    """(E,)"""
    val_losses: NDArray[np.float32] = field(repr=False)
    """(E,): estimates on the validation split."""
    end_loss: float | None = None
    """Over the whole validation split, after the last step; measured when a run ends."""
    best_loss: float | None = None
    """The same of its best checkpoint."""

    @classmethod
    def of(
        cls,
        record: RunRecord,
        steps: Sequence[StepRecord],
        estimates: Sequence[Estimate],
        changes: Sequence[Change] = (),
    ) -> LossCurve:
        """The curve of a run from what the registry holds of it."""
        config = record.config
        # Of a run that was taken up again they are those of its former end.
        ended = record.status == "finished"
        return cls(
            name=record.name,
            model=record.model,
            chars_seen=Course(config, changes).seen(record.max_iters),
            flops_per_char=flops_per_token(config.model),
            steps=compact([s.step for s in steps]),
            step_s=compact([s.elapsed_s for s in steps]),
            step_wall_s=compact([s.elapsed_s if s.wall_s is None else s.wall_s for s in steps]),
            train_losses=compact([s.loss_nats for s in steps]),
            estimate_steps=compact([e.step for e in estimates]),
            val_losses=compact([e.val_loss_nats for e in estimates]),
            end_loss=record.val_loss_nats if ended else None,
            best_loss=record.best_val_loss_nats if ended else None,
        )

    def x(self, steps: NDArray[np.float32], axis: XAxis) -> NDArray[np.float32]:
        """Steps in the unit of the axis."""
        if axis in ("characters", "FLOPs"):
            flops = self.flops_per_char if axis == "FLOPs" else 1
            known_steps, known_chars = zip(*self.chars_seen)
            return compact(np.interp(steps, known_steps, known_chars) * flops)
        if axis in TIME_AXES:
            seconds = self.step_s if axis == "seconds" else self.step_wall_s
            known = np.concatenate([[0.0], self.steps]), np.concatenate([[0.0], seconds])
            return compact(np.interp(steps, *known))
        return steps

    def on_log_axis(self, axis: XAxis) -> LossCurve:
        """The curve without what has no place on a log axis: all where nothing was done yet."""
        learned, measured = (self.x(s, axis) > 0 for s in (self.steps, self.estimate_steps))
        return replace(
            self, steps=self.steps[learned], step_s=self.step_s[learned],
            step_wall_s=self.step_wall_s[learned], train_losses=self.train_losses[learned],
            estimate_steps=self.estimate_steps[measured],
            val_losses=self.val_losses[measured],
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LossAxes:
    """What the two axes of a chart of losses show, and how."""

    x: XAxis = "steps"
    x_end: float | None = None
    """Where the horizontal axis ends, in its own unit, so that a live curve has room to grow."""
    in_bits: bool = False
    """Bits per character instead of nats."""
    scale: Scale = "linear"
    counted: Sequence[str] = SHOWN_REFERENCES
    """The counted lines that are drawn, by their names."""
    height_px: float | None = None
    """Of the chart, where labels of lines that lie close together are to be moved apart; on a
    linear axis."""


def loss_figure(
    curves: Sequence[LossCurve],
    references: Sequence[ReferenceLine],
    palette: Palette,
    axes: LossAxes = LossAxes(),
    *,
    label_by: Literal["model", "name"] = "model",
) -> go.Figure:
    """Validation strong, training thin and paler, counted references grey with their values.

    Args:
        label_by: what the legend calls a curve.
    """
    axis, scale = axes.x, axes.scale
    factor = unit_factor(axes.in_bits)
    unit = "bits" if axes.in_bits else "nats"
    drawn = [c.on_log_axis(axis) for c in curves] if scale == "log steps" else curves
    shown = [line for line in references if line.name in axes.counted]
    x_axis, y_axis = _axes_of(axis, scale, axes.x_end or (None if curves else 1000))
    px_per_loss = None
    if y_range := _y_range(references, curves, factor):
        if scale == "log loss":
            y_range = [math.log10(max(y, LOWEST_IN_LOG)) for y in y_range]
        elif axes.height_px:
            height_px = axes.height_px - TOP_PX - MARGIN["b"]
            px_per_loss = height_px / (y_range[1] - y_range[0])
        y_axis["range"] = y_range
    lines, labels = _references(shown, palette, factor, px_per_loss, in_log=scale == "log loss")
    return whole_figure(
        palette,
        [trace for curve in drawn for trace in _traces(curve, palette, axis, factor, label_by)],
        margin=MARGIN | dict(r=112, t=TOP_PX),
        showlegend=bool(curves),
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
        hovermode="closest",
        uirevision=f"{axis}-{unit}-{scale}",
        xaxis=x_axis,
        yaxis=y_axis | dict(title=dict(text=f"loss ({unit} per character)")),
        shapes=lines,
        annotations=labels,
    )


def as_text(name: str) -> str:
    """A name that somebody typed, as a label: Plotly reads a few HTML tags there, and `%{y}`."""
    return escape(name).replace("%{", "%&#123;")


def unit_factor(in_bits: bool) -> float:
    """What a loss in nats is multiplied by to be in the unit of the chart."""
    return 1.0 / math.log(2) if in_bits else 1.0


def _axes_of(
    axis: XAxis, scale: Scale, x_end: float | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    x_axis: dict[str, Any] = dict(title=dict(text=X_TITLES[axis]), rangemode="tozero")
    if scale == "log steps":
        x_axis |= dict(type="log", range=[0, math.log10(x_end)] if x_end else None)
    elif x_end:
        x_axis |= dict(range=[0, x_end])
    return x_axis, dict(type="log", dtick="D1") if scale == "log loss" else {}


def _traces(
    curve: LossCurve,
    palette: Palette,
    axis: XAxis,
    factor: float,
    label_by: Literal["model", "name"],
) -> list[dict[str, Any]]:
    """The losses of the batches, and over them the validation estimates."""
    label = curve.model if label_by == "model" else f"{as_text(curve.name)} ({curve.model})"
    batches = dict(
        type="scatter", x=curve.x(curve.steps, axis), y=curve.train_losses * factor, mode="lines",
        name=label, line=dict(color=palette.model_pale(curve.model), width=1),
        showlegend=False, legendgroup=curve.name, meta=dict(series=f"{label}, training batches"),
        **_hover(curve.steps, curve.train_losses, f"<b>{label}</b>, the batch just learned from"),
    )  # fmt: skip
    estimates = dict(
        type="scatter", x=curve.x(curve.estimate_steps, axis), y=curve.val_losses * factor,
        mode="lines+markers", name=label, legendgroup=curve.name,
        meta=dict(series=f"{label}, validation estimates"),
        line=dict(color=palette.model(curve.model), width=2.5, dash=_DASHES[curve.model]),
        marker=dict(size=5),
        **_hover(curve.estimate_steps, curve.val_losses, f"<b>{label}</b>, validation estimate"),
    )  # fmt: skip
    return [batches, estimates]


def _hover(steps: NDArray[np.float32], nats: NDArray[np.float32], title: str) -> dict[str, Any]:
    """What a point says when pointed at, and what a click on it brings: its step first."""
    return dict(
        customdata=np.stack([steps, nats, nats / np.float32(math.log(2))], axis=1),
        hovertemplate=(
            f"{title}<br>step %{{customdata[0]:,.0f}}<br>"
            "%{customdata[1]:.3f} nats, %{customdata[2]:.3f} bits per character<extra></extra>"
        ),
    )


def _references(
    references: Sequence[ReferenceLine],
    palette: Palette,
    factor: float,
    px_per_loss: float | None,
    *,
    in_log: bool,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Grey lines, and their labels, which are moved apart where `px_per_loss` is known."""
    values = [(line.name, line.loss_nats * factor) for line in references]
    seen = [(name, y) for name, y in values if not (in_log and y < LOWEST_IN_LOG)]
    lines = [
        dict(
            type="line", xref="paper", x0=0, x1=1, y0=y, y1=y, layer="below",
            line=dict(color=palette.reference, width=1, dash="dash"), name=f"{name}, counted",
        )
        for name, y in seen
    ]  # fmt: skip
    labels: list[dict[str, Any]] = [
        dict(
            text=f"{name} {y:.3f}", xref="paper", x=1.005, xanchor="left",
            y=math.log10(y) if in_log else y,  # of a log axis Plotly wants places here, not values
            showarrow=False, font=dict(color=palette.muted, size=12),
        )
        for name, y in seen
    ]  # fmt: skip
    if px_per_loss:
        upwards = sorted(labels, key=lambda label: float(label["y"]))
        places_px = [float(label["y"]) * px_per_loss for label in upwards]
        for label, place, moved in zip(upwards, places_px, spread_apart(places_px, LABEL_PX)):
            label["yshift"] = moved - place
    return lines, labels


def _y_range(
    references: Sequence[ReferenceLine], curves: Sequence[LossCurve], factor: float
) -> list[float] | None:
    """From just under the best counted line, or what a run has come to below it, to just over the
    worst line; None without lines."""
    if not references:
        return None
    lines = [line.loss_nats * factor for line in references]
    reached = [float(losses.min()) * factor for curve in curves
               for losses in (curve.train_losses, curve.val_losses)
               if len(losses) and np.isfinite(losses).all()]  # fmt: skip
    lowest = min(min([*lines, *reached]) - 0.15 * factor, 1.3 * factor)
    return [max(lowest, 0.0), max(lines) + 0.15 * factor]
