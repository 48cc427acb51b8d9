"""What stands around a loss curve: earlier runs behind it, a smoothed line, what happened, notes.

Each function adds to a figure of `lab.figures.losses`, behind or after its curves, and in the same
units. Plain data in; no screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.notes import Note
from lab.figures.base import compact
from lab.figures.losses import LossCurve, XAxis, as_text, unit_factor
from lab.palette import Palette

MarkKind = Literal["changed", "resumed", "branched"]
SMOOTHING = {"off": 0.0, "some": 0.9, "much": 0.98}
"""How much of the running mean is kept at each step."""
_DASHES: dict[MarkKind, str] = {"changed": "dot", "resumed": "dash", "branched": "solid"}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to a run after a step: in a few words, and, pointed at, in all."""

    step: int
    kind: MarkKind
    label: str
    detail: str


def add_earlier(
    figure: go.Figure, curves: Sequence[LossCurve], palette: Palette, axis: XAxis, in_bits: bool
) -> None:
    """Validation curves of other runs, faded, behind everything else."""
    for curve in curves:
        figure.add_scatter(
            x=curve.x(curve.estimate_steps, axis), y=curve.val_losses * unit_factor(in_bits),
            mode="lines", line=dict(color=palette.model_faded(curve.model), width=2),
            zorder=-1, showlegend=False, name=as_text(curve.name),
            text=[f"step {step:,.0f}, {loss:.3f} nats" for step, loss in
                  zip(curve.estimate_steps, curve.val_losses)],
            hovertemplate=f"{as_text(curve.name)} ({curve.model})<br>%{{text}}<extra></extra>",
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
) -> None:
    """Upright lines where something happened, with a label at the top and its whole story below."""
    if not marks:
        return
    log_x = figure.layout.xaxis.type == "log"
    places = curve.x(compact([mark.step for mark in marks]), axis)
    for place, mark in zip(places.tolist(), marks):
        if log_x and not place:  # where nothing was done yet has no place on a log axis
            continue
        figure.add_shape(
            type="line", yref="paper", y0=0, y1=1, x0=place, x1=place, layer="below",
            line=dict(color=palette.muted, width=1, dash=_DASHES[mark.kind]),
        )  # fmt: skip
        figure.add_annotation(
            text=escape(mark.label), hovertext=escape(mark.detail), yref="paper",
            y=0.99 if mark.kind == "changed" else 0.01,  # so that two at one step can be read
            yanchor="top" if mark.kind == "changed" else "bottom", xanchor="left",
            showarrow=False, textangle=-90,
            x=float(np.log10(place)) if log_x else place,
            font=dict(color=palette.muted, size=11),
        )  # fmt: skip


def add_notes(
    figure: go.Figure,
    curve: LossCurve,
    notes: Sequence[Note],
    palette: Palette,
    axis: XAxis,
    in_bits: bool,
) -> None:
    """A numbered dot on the validation curve for each note; pointed at, it says note and rule."""
    if not notes or not len(curve.estimate_steps):
        return
    steps = compact([note.iter for note in notes])
    losses = compact(np.interp(steps, curve.estimate_steps, curve.val_losses))
    figure.add_scatter(
        x=curve.x(steps, axis), y=losses * unit_factor(in_bits), mode="markers+text",
        marker=dict(size=15, color=palette.ground, line=dict(color=palette.text, width=1)),
        text=[str(i) for i in range(1, len(notes) + 1)], textposition="middle center",
        textfont=dict(size=10, color=palette.text), showlegend=False, name="notes", zorder=2,
        customdata=[[note.iter, escape(note.text), _wrapped(note.rule)] for note in notes],
        hovertemplate="<b>%{customdata[1]}</b><br>Rule: %{customdata[2]}<extra></extra>",
    )  # fmt: skip


def _wrapped(text: str, width: int = 60) -> str:
    """Lines that fit beside the pointer."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(map(escape, lines))
