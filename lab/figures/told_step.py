"""A training step in numbers: losses of a window, the gradient and the update part by part.

Plain data in, figures out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.findings import meaning
from core.interpretability.training_step import PartStep
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.map_axes import Matrix, character_axis, named, percent
from lab.figures.palette import Palette
from lab.figures.told_guess import candidate_axis, largest

_LEFT, _RIGHT = (0.0, 0.36), (0.58, 1.0)
"""Where two pictures stand side by side."""
_NBSP = "\N{NO-BREAK SPACE}"


# --- loss and gradient ----------------------------------------------------------------------------


def losses_figure(
    losses_nats: Matrix, targets: str, place: int, mean_nats: float, kind: str, palette: Palette
) -> go.Figure:
    """The loss of each character of a window, (T,); `mean_nats` is that of the whole batch."""
    T = len(targets)
    figure = plain_figure(palette)
    figure.add_bar(
        y=compact(losses_nats),
        marker=dict(
            color=[palette.model(kind) if i == place else palette.model_faded(kind)
                   for i in range(T)],
            line_width=0,
        ),
        hovertext=[
            f"{named(character)}, place {i + 1}: {loss:.3f} nats, it got "
            f"{percent(float(np.exp(-loss)))}"
            for i, (character, loss) in enumerate(zip(targets, losses_nats.tolist()))
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.add_shape(
        type="line", xref="paper", x0=0, x1=1, y0=mean_nats, y1=mean_nats,
        line=dict(color=palette.reference, width=1, dash="dash"),
    )  # fmt: skip
    figure.add_annotation(
        text=f"batch mean<br>{mean_nats:.3f}", xref="paper", x=1, y=mean_nats, xanchor="left",
        yanchor="middle", showarrow=False, align="left",
        font=dict(color=palette.reference, size=12),
    )  # fmt: skip
    figure.add_annotation(
        text=f"{losses_nats[place]:.3f}", x=place, y=float(losses_nats[place]), yanchor="bottom",
        showarrow=False, bgcolor=palette.ground, font=dict(color=palette.text, size=12),
    )  # fmt: skip
    figure.update_xaxes(title="the character that comes", **character_axis(targets, "bottom"))
    figure.update_yaxes(title="loss (nats)", rangemode="tozero")
    figure.update_layout(margin=dict(l=56, r=84, t=20, b=48), bargap=0.15, uirevision="loss")
    return figure


def gradient_figure(
    logits_grad: Matrix, target: int, characters: str, parts: Sequence[PartStep], kind: str,
    palette: Palette,
) -> go.Figure:  # fmt: skip
    """The gradient of one loss on its logits, (V,), beside its length in each part of the model."""
    shown = largest(np.abs(logits_grad), target, 7)
    below, above = palette.difference_ends
    figure = plain_figure(palette)
    figure.add_bar(
        y=compact(logits_grad[shown]), xaxis="x", yaxis="y",
        marker=dict(color=[below if logits_grad[i] < 0 else above for i in shown], line_width=0),
        text=[_signed(float(logits_grad[i])) for i in shown], textposition="outside",
        cliponaxis=False, textfont=dict(size=11),
        hovertext=[
            f"{named(characters[i])}: {_signed(float(logits_grad[i]))}, so its logit is pushed "
            f"{'up' if logits_grad[i] < 0 else 'down'}" for i in shown
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    _add_part_bars(figure, parts, [part.grad_norm for part in parts], palette.model(kind), "2")
    figure.update_layout(
        xaxis=candidate_axis(shown, target, characters) | dict(domain=_LEFT),
        yaxis=dict(title="gradient on the logit", range=[-1.18, 1.18], zeroline=True, nticks=5),
        xaxis2=dict(title="length of the gradient (norm)", domain=_RIGHT, anchor="y2",
                    rangemode="tozero"),
        yaxis2=_part_axis(parts) | dict(anchor="x2"),
        margin=dict(l=56, r=48, t=16, b=48), bargap=0.25, uirevision="gradient",
    )  # fmt: skip
    return figure


# --- the update -----------------------------------------------------------------------------------


def update_figure(parts: Sequence[PartStep], kind: str, palette: Palette) -> go.Figure:
    """How far each part moved, and as a share of its size."""
    if not any(part.update_norm for part in parts):
        return empty_figure("Nothing moved", palette)
    figure = plain_figure(palette)
    ratios = [part.update_ratio or 0.0 for part in parts]
    _add_part_bars(figure, parts, [part.update_norm for part in parts], palette.model(kind), "")
    _add_part_bars(figure, parts, ratios, palette.model_faded(kind), "2", as_share=True)
    figure.update_layout(
        xaxis=dict(title="how far it moved (norm)", domain=(0.0, 0.46), rangemode="tozero"),
        yaxis=_part_axis(parts),
        xaxis2=dict(title="as a share of its size", domain=(0.56, 1.0), anchor="y2",
                    rangemode="tozero", tickformat="~%", nticks=5),
        yaxis2=_part_axis(parts) | dict(anchor="x2", showticklabels=False),
        margin=dict(l=8, r=56, t=8, b=48), bargap=0.25, uirevision="update",
    )  # fmt: skip
    return figure


def _add_part_bars(
    figure: go.Figure, parts: Sequence[PartStep], values: Sequence[float], color: str, axis: str,
    *, as_share: bool = False,
) -> None:  # fmt: skip
    """A bar for each part on the axes of that number, its value beside it."""
    said = [_share(value) if as_share else f"{value:.3g}" for value in values]
    figure.add_bar(
        x=compact(values), y=list(range(len(parts))), orientation="h", xaxis=f"x{axis}",
        yaxis=f"y{axis}", marker=dict(color=color, line_width=0), text=said,
        textposition="outside", textfont=dict(size=11), cliponaxis=False,
        hovertext=[
            f"{part.name}, {part.n_params:,} numbers: gradient {part.grad_norm:.3g}, "
            f"size {part.weight_norm:.4g}, moved {part.update_norm:.3g}" for part in parts
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _part_axis(parts: Sequence[PartStep]) -> dict[str, Any]:
    """The parts from top to bottom, as a character passes them."""
    return dict(
        tickvals=list(range(len(parts))), ticktext=[part.name for part in parts],
        range=[max(len(parts), 6) - 0.5, -0.5], showgrid=False, ticks="", automargin=True,
    )  # fmt: skip


def _signed(value: float) -> str:
    return meaning.with_minus(f"{value:+.3f}")


def _share(ratio: float) -> str:
    return f"{100 * ratio:.2g}{_NBSP}%"
