"""How far a table is from the counts at each step that was kept: plain data in, a figure out."""

from __future__ import annotations

import math
from collections.abc import Mapping

import plotly.graph_objects as go

from core.interpretability.divergence import Divergence
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.palette import Palette
from lab.wording import words

_LEAST_NATS = 1e-6
"""What a logarithmic axis shows of nothing."""


def divergence_figure(
    over_training: Mapping[int, Divergence], shown_step: int, kind: str, palette: Palette
) -> go.Figure:
    """The divergence from the counts by step, and two parts of it: unseen pairs, rare characters.

    Both axes are logarithmic, that of the steps from 1 more: most happens early. The shown step is
    marked.
    """
    steps = sorted(over_training)
    divergences = [over_training[step] for step in steps]
    if not steps:
        return empty_figure("How a table comes closer to the counts, step by step.", palette)
    figure = plain_figure(palette)
    at = [step + 1 for step in steps]
    color = palette.model(kind)
    lines = (
        ("all of it", [d.total_nats for d in divergences], color, "solid"),
        ("pairs never seen", [d.unseen_nats for d in divergences], color, "dot"),
        ("rare characters", [d.rare_nats for d in divergences], palette.reference, "dash"),
    )
    for name, nats, ink, dash in lines:
        figure.add_scatter(
            x=at, y=compact([max(_LEAST_NATS, each) for each in nats]), name=name,
            mode="lines+markers", line=dict(color=ink, dash=dash, width=2), marker=dict(size=4),
            hovertext=[f"step {words.count(s)}, {name}: {n:.4f} nats" for s, n in zip(steps, nats)],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=shown_step + 1, line=dict(color=palette.text, width=1, dash="dot"))
    figure.add_annotation(
        text=f"shown: step {words.count(shown_step)}", showarrow=False, borderpad=4,
        x=math.log10(shown_step + 1), y=1, yref="paper", yanchor="top",  # as log axes want it
        xanchor="right" if at[-1] < (shown_step + 1) ** 2 else "left",
        font=dict(size=12, color=palette.text),
    )  # fmt: skip
    ticks = [0, *(10**n for n in range(len(str(steps[-1]))))]
    figure.update_xaxes(
        type="log", title="step", tickvals=[tick + 1 for tick in ticks],
        ticktext=list(map(words.count, ticks)),
    )  # fmt: skip
    figure.update_yaxes(type="log", title="nats per guess", nticks=6, exponentformat="none")
    figure.update_layout(
        margin=dict(l=64, r=16, t=28, b=44), showlegend=True,
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
    )  # fmt: skip
    return figure
