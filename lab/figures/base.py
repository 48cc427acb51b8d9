"""What all figures have in common: margins, an empty state, arrays that travel small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from lab.figures.palette import TRANSPARENT, Palette

MARGIN = dict(l=56, r=16, t=16, b=48)


def compact(values: ArrayLike) -> NDArray[np.float32]:
    """Numbers as float32: half the bytes, and Plotly sends them as they lie in memory."""
    return np.asarray(values, dtype=np.float32)


def plain_figure(palette: Palette) -> go.Figure:
    """An empty figure in the lab's style."""
    return whole_figure(palette, [])


def whole_figure(palette: Palette, traces: Sequence[dict[str, Any]], **layout: Any) -> go.Figure:
    """A figure in the lab's style, all of it at once.

    Each later `add_…` or `update_…` costs Plotly a millisecond or two, which counts where a figure
    is drawn anew while somebody plays through a training.
    """
    plain = dict(
        margin=MARGIN,
        paper_bgcolor=TRANSPARENT,
        plot_bgcolor=TRANSPARENT,
        font=dict(color=palette.text, size=13),
        hoverlabel=dict(bgcolor=palette.surface, bordercolor=palette.border),
        showlegend=False,
    )
    return go.Figure(dict(data=list(traces), layout=plain | layout))


def empty_figure(message: str, palette: Palette) -> go.Figure:
    """A figure that says what it will show."""
    figure = plain_figure(palette)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=message, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False,
        font=dict(color=palette.muted, size=14),
    )  # fmt: skip
    return figure
