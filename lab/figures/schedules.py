"""The learning rate over the steps, drawn by the scheduler that trains."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.config import TrainConfig
from core.optim import learning_rate_at
from lab.figures.base import compact, plain_figure
from lab.palette import Palette

_POINTS = 200


def schedule_figure(config: TrainConfig, palette: Palette, color: str) -> go.Figure:
    """Learning rate against steps, from the first step to the last."""
    steps = np.unique(np.linspace(0, config.max_iters - 1, _POINTS).astype(int))
    figure = plain_figure(palette)
    figure.add_scatter(
        x=compact(steps), y=compact([learning_rate_at(int(s), config) for s in steps]),
        mode="lines", line=dict(color=color, width=2),
        hovertemplate="step %{x:,.0f}: %{y:.2g}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(margin=dict(l=52, r=8, t=8, b=36))
    figure.update_xaxes(title="steps", nticks=4)
    figure.update_yaxes(title="learning rate", rangemode="tozero", nticks=4, exponentformat="e")
    return figure
