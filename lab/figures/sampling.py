"""How one character is drawn: from logits over temperature, top-k and top-p to the dice.

Plain data in, figures out. Shapes: V characters that there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.generation.stages import Stages
from core.settings.config import SampleConfig
from lab.figures.base import MARGIN, compact, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.map_axes import named, percent, sign
from lab.figures.palette import Palette, ink_on

N_SHOWN = 20
"""So many of the likeliest characters; the draw's own is always among them."""
LEAST_NAMED = 0.03
"""A stretch of the dice's scale with less than this has no room for its character."""


def shown_characters(stages: Stages) -> list[int]:
    """The characters that the stages are shown for, the likeliest first."""
    order = [int(i) for i in np.argsort(-stages.logits, kind="stable")]
    shown = order[:N_SHOWN]
    return shown if stages.token in shown else [*shown[:-1], stages.token]


def stages_figure(
    stages: Stages, characters: str, config: SampleConfig, kind: str, palette: Palette
) -> go.Figure:
    """Bars for each stage, one above the other; what was drawn is strong, the rest is pale."""
    shown = shown_characters(stages)
    rows = (
        ("logits", stages.logits, False),
        (f"temperature {config.temperature:g}", stages.tempered, True),
        (_top_k_words(config, len(characters)), stages.after_top_k, True),
        (_top_p_words(config), stages.after_top_p, True),
    )
    figure = make_subplots(
        rows=len(rows), cols=1, shared_xaxes=True, vertical_spacing=0.09,
        subplot_titles=[title for title, _, _ in rows],
    )  # fmt: skip
    strong, pale = palette.model(kind), palette.model_faded(kind)
    for i, (title, values, is_share) in enumerate(rows, 1):
        said = [percent(float(values[j])) if is_share else f"{values[j]:.2f}" for j in shown]
        figure.add_bar(
            row=i, col=1, y=compact(values[shown]), customdata=shown,
            marker=dict(color=[strong if j == stages.token else pale for j in shown], line_width=0),
            hovertext=[f"{named(characters[j])}: {s}<br>{title}" for j, s in zip(shown, said)],
            hovertemplate="%{hovertext}<extra></extra>", meta=dict(series=title),
        )  # fmt: skip
        figure.update_yaxes(
            row=i, col=1, nticks=3, tickformat=".0%" if is_share else None, zeroline=not is_share
        )
    figure.update_layout(plain_figure(palette).layout.to_plotly_json() | dict(
        margin=MARGIN | dict(t=22, b=30, r=0), bargap=0.2, showlegend=False,
        meta=_columns(len(rows)),
    ))  # fmt: skip
    figure.update_annotations(font=dict(size=12, color=palette.muted), x=0, xanchor="left")
    figure.update_xaxes(
        tickvals=list(range(len(shown))), tickangle=0, tickfont=dict(family="monospace", size=14),
        ticktext=[_name(characters[j], j == stages.token) for j in shown],
    )  # fmt: skip
    return figure


def _columns(n_rows: int) -> dict[str, Any]:
    """What the numbers of the stages are called, for the axes of each of them."""
    numbers = ["", *range(2, n_rows + 1)]
    return {f"x{i}": axis_columns("character") for i in numbers} | {
        f"y{i}": axis_columns("logit or probability") for i in numbers
    }


def _top_k_words(config: SampleConfig, vocab_size: int) -> str:
    keeps_all = not 0 < config.top_k < vocab_size
    return f"top-k {config.top_k}" + " (keeps all)" * keeps_all


def _top_p_words(config: SampleConfig) -> str:
    return f"top-p {config.top_p:g}" + " (keeps all)" * (config.top_p >= 1)


def _name(character: str, is_drawn: bool) -> str:
    return f"<b>{sign(character)}</b>" if is_drawn else sign(character)


def dice_figure(stages: Stages, characters: str, kind: str, palette: Palette) -> go.Figure:
    """The probabilities laid end to end from 0 to 1, and where the dice fell."""
    figure = plain_figure(palette)
    start, shades = 0.0, (palette.model_faded(kind), palette.surface)
    n = 0
    for j, p in enumerate(stages.after_top_p):
        if p <= 0:
            continue
        color = palette.model(kind) if j == stages.token else shades[n % 2]
        figure.add_bar(
            x=[float(p)], y=[0], base=[start], orientation="h", customdata=[j],
            marker=dict(color=color, line=dict(color=palette.ground, width=1)),
            text=[sign(characters[j]) if p >= LEAST_NAMED else ""], textposition="inside",
            insidetextanchor="middle", textangle=0,
            textfont=dict(family="monospace", size=14, color=ink_on(color)),
            hovertext=[f"{named(characters[j])}: from {start:.3f} to {start + p:.3f}"],
            hovertemplate="%{hovertext}<extra></extra>", meta=dict(series=sign(characters[j])),
        )  # fmt: skip
        start, n = start + float(p), n + 1
    figure.add_scatter(
        x=[stages.dice], y=[0.75], mode="markers+text", text=[f"{stages.dice:.3f}"],
        textposition="middle right", hoverinfo="skip",
        marker=dict(symbol="triangle-down", size=12, color=palette.text),
        meta=dict(series="where the dice fell"),
    )  # fmt: skip
    columns = dict(x=axis_columns("probability, or place"), y=axis_columns(None))
    figure.update_layout(barmode="overlay", margin=dict(l=56, r=8, t=4, b=28), meta=columns)
    figure.update_xaxes(range=[0, 1], nticks=6)
    figure.update_yaxes(visible=False, range=[-0.5, 1.1])
    return figure
