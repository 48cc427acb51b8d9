"""Loss curves on one axis with what counting alone can do. Plain data in, a figure out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.records import RunRecord
from core.reference import ReferenceLine
from core.trainer import Estimate, StepRecord
from lab.figures.base import MARGIN, compact, plain_figure
from lab.palette import Palette

XAxis = Literal["steps", "characters", "seconds"]
X_TITLES: dict[XAxis, str] = {
    "steps": "steps",
    "characters": "characters seen",
    "seconds": "seconds of training",
}
SHOWN_REFERENCES = ("uniform", "unigram", "bigram", "5-gram")
MAX_POINTS = 1000
"""A curve is thinned to this many points before it is sent to the browser."""

_DASHES = {"bigram": "dot", "attention": "dash", "transformer": "solid"}
"""Beside the colour, so that the three can be told apart without it."""


@dataclass(frozen=True, eq=False)
class LossCurve:
    """One run's losses in nats, and for each point the steps and the training seconds so far."""

    name: str
    model: str
    chars_per_step: int
    steps: NDArray[np.float32] = field(repr=False)
    step_seconds: NDArray[np.float32] = field(repr=False)
    train_losses: NDArray[np.float32] = field(repr=False)
    estimate_steps: NDArray[np.float32] = field(repr=False)
    val_losses: NDArray[np.float32] = field(repr=False)

    @classmethod
    def of(
        cls, record: RunRecord, steps: Sequence[StepRecord], estimates: Sequence[Estimate]
    ) -> LossCurve:
        """The curve of a run from what the registry holds of it."""
        config = record.config
        return cls(
            name=record.name,
            model=record.model,
            chars_per_step=config.train.batch_size * config.model.block_size,
            steps=compact([s.iter for s in steps]),
            step_seconds=compact([s.elapsed_s for s in steps]),
            train_losses=compact([s.loss_nats for s in steps]),
            estimate_steps=compact([e.iter for e in estimates]),
            val_losses=compact([e.val_loss_nats for e in estimates]),
        )

    def x(self, steps: NDArray[np.float32], axis: XAxis) -> NDArray[np.float32]:
        """Steps in the unit of the axis."""
        if axis == "characters":
            return steps * self.chars_per_step
        if axis == "seconds":
            known = np.concatenate([[0.0], self.steps]), np.concatenate([[0.0], self.step_seconds])
            return compact(np.interp(steps, *known))
        return steps


def loss_figure(
    curves: Sequence[LossCurve],
    references: Sequence[ReferenceLine],
    palette: Palette,
    *,
    axis: XAxis = "steps",
    x_end: float | None = None,
    in_bits: bool = False,
    label_by: Literal["model", "name"] = "model",
) -> go.Figure:
    """Validation strong, training thin and paler, counted references grey with their values.

    Args:
        x_end: where the axis ends, in its own unit, so that a live curve has room to grow.
        in_bits: bits per character instead of nats.
        label_by: what the legend calls a curve.
    """
    scale = 1.0 / math.log(2) if in_bits else 1.0
    unit = "bits" if in_bits else "nats"
    figure = plain_figure(palette)
    for curve in curves:
        _add_curve(figure, curve, palette, axis, scale, label_by)
    _add_references(figure, references, palette, scale)
    figure.update_layout(
        margin=MARGIN | dict(r=112, t=36),
        showlegend=bool(curves),
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
        hovermode="closest",
        uirevision=f"{axis}-{unit}",
    )
    figure.update_xaxes(
        title=X_TITLES[axis], rangemode="tozero", range=[0, x_end] if x_end else None
    )
    if not curves and not x_end:
        figure.update_xaxes(range=[0, 1000])
    figure.update_yaxes(title=f"loss ({unit} per character)", range=_y_range(references, scale))
    return figure


def _add_curve(
    figure: go.Figure,
    curve: LossCurve,
    palette: Palette,
    axis: XAxis,
    scale: float,
    label_by: Literal["model", "name"],
) -> None:
    # Plotly reads a few HTML tags in labels, and a run may bear any name.
    label = curve.model if label_by == "model" else f"{escape(curve.name)} ({curve.model})"
    figure.add_scatter(
        x=curve.x(curve.steps, axis), y=curve.train_losses * scale, mode="lines", name=label,
        line=dict(color=palette.model_pale(curve.model), width=1), opacity=0.7,
        showlegend=False, legendgroup=curve.name, hoverinfo="skip",
    )  # fmt: skip
    nats = curve.val_losses
    figure.add_scatter(
        x=curve.x(curve.estimate_steps, axis), y=nats * scale, mode="lines+markers", name=label,
        legendgroup=curve.name,
        line=dict(color=palette.model(curve.model), width=2.5, dash=_DASHES[curve.model]),
        marker=dict(size=5),
        customdata=np.stack([curve.estimate_steps, nats, nats / math.log(2)], axis=1),
        hovertemplate=(
            f"<b>{label}</b>, validation estimate<br>step %{{customdata[0]:,.0f}}<br>"
            "%{customdata[1]:.3f} nats, %{customdata[2]:.3f} bits per character<extra></extra>"
        ),
    )  # fmt: skip


def _add_references(
    figure: go.Figure, references: Sequence[ReferenceLine], palette: Palette, scale: float
) -> None:
    for line in references:
        if line.name not in SHOWN_REFERENCES:
            continue
        y = line.loss_nats * scale
        figure.add_shape(
            type="line", xref="paper", x0=0, x1=1, y0=y, y1=y, layer="below",
            line=dict(color=palette.reference, width=1, dash="dash"),
        )  # fmt: skip
        figure.add_annotation(
            text=f"{line.name} {y:.3f}", xref="paper", x=1.005, xanchor="left", y=y,
            showarrow=False, font=dict(color=palette.muted, size=12),
        )  # fmt: skip


def _y_range(references: Sequence[ReferenceLine], scale: float) -> list[float] | None:
    """From just under the best counted line to just over the worst, where there are any."""
    if not references:
        return None
    losses = [line.loss_nats * scale for line in references]
    return [min(min(losses) - 0.15 * scale, 1.3 * scale), max(losses) + 0.15 * scale]
