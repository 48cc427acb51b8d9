"""What stands around a loss curve: earlier runs behind it, a smoothed line, what happened, notes.

Each function adds to a figure of `lab.figures.losses`, behind or after its curves, and in the same
units. Plain data in; no screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

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
NOTE_PX, MORE_PX = 15, 8
"""How wide the dot of one note is, and how much wider for each further note at its step."""
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
    for curve in _as_on(figure, curves, axis):
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
) -> None:
    """Upright lines where something happened, with a label at the top and its whole story below."""
    if not marks:
        return
    log_x = _is_log(figure)
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
    """A numbered dot on the validation curve for each step with notes; pointed at, it says them.

    Notes are numbered in the order given, also where some have no place on a log axis.
    """
    by_step: dict[int, list[int]] = {}
    for i, note in enumerate(notes):
        by_step.setdefault(note.iter, []).append(i)
    steps = compact(list(by_step))
    if not len(steps) or not len(curve.estimate_steps):
        return
    losses = compact(np.interp(steps, curve.estimate_steps, curve.val_losses))
    x = curve.x(steps, axis)
    dots = [
        (place, nats, step, numbers)
        for place, nats, (step, numbers) in zip(x, losses, by_step.items())
        if place > 0 or not _is_log(figure)
    ]
    places: dict[str, Any] = dict(
        x=compact([x for x, *_ in dots]),
        y=compact([nats for _, nats, *_ in dots]) * unit_factor(in_bits),
        zorder=2, showlegend=False,
    )  # fmt: skip
    figure.add_scatter(
        **places, mode="markers", name="dots of notes", hoverinfo="skip",
        marker=dict(
            size=[NOTE_PX + MORE_PX * (len(numbers) - 1) for *_, numbers in dots],
            color=palette.ground, line=dict(color=palette.text, width=1),
        ),
    )  # fmt: skip
    # What answers the pointer is as small as the curve's own dot under it: in the middle of a large
    # one, Plotly would rather hear of that; of equals, it hears of the last.
    figure.add_scatter(
        **places, mode="markers+text", name="notes", textposition="middle center",
        marker=dict(size=5, color=palette.ground),
        text=[",".join(str(i + 1) for i in numbers) for *_, numbers in dots],
        textfont=dict(size=10, color=palette.text),
        customdata=[
            [step, "<br>".join(_note_in_full(notes[i]) for i in numbers)]
            for *_, step, numbers in dots
        ],
        hovertemplate="%{customdata[1]}<extra></extra>",
    )  # fmt: skip


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
