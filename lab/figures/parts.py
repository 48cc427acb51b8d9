"""What the parts of a model are worth: the cost of losing each head, and a guess with and without.

Plain data in, figures out.
"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from core.interpretability.habits import HeadWorth
from core.text.characters import sign_of
from lab.figures.base import empty_figure, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.map_axes import Matrix, named, percent, sign
from lab.figures.palette import Palette


def worth_figure(
    worths: Sequence[HeadWorth],
    labels: Sequence[str],
    off: Sequence[tuple[int, int]],
    kind: str,
    palette: Palette,
) -> go.Figure:
    """How much the loss rises without each head, the costliest on top.

    Args:
        labels: what each of them is called, in the same order.
        off: layer and head of those that are switched off now; they are marked.
    """
    if not worths:
        return empty_figure("What losing each head would cost will be here.", palette)
    are_off = [(w.layer, w.head) in off for w in worths]
    figure = plain_figure(palette)
    figure.add_bar(
        x=[w.delta_nats for w in worths], y=list(range(len(worths))), orientation="h",
        marker=dict(
            color=[palette.muted if is_off else palette.model(kind) for is_off in are_off],
            line_width=0,
        ),
        hovertext=[
            f"{label}: the loss goes to {w.val_loss_nats:.3f} nats without it "
            f"({w.delta_nats:+.3f})" for label, w in zip(labels, worths)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        customdata=[[w.layer, w.head, w.val_loss_nats] for w in worths],
        meta=dict(columns=["layer", "head", "loss without it (nats)"]),
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(worths))),
        ticktext=[f"{label} (off)" if is_off else label for label, is_off in zip(labels, are_off)],
        range=[len(worths) - 0.5, -0.5], showgrid=False, automargin=True, ticks="",
    )  # fmt: skip
    figure.update_xaxes(title="loss without it, minus loss of all (nats)", zeroline=True)
    figure.update_layout(
        margin=dict(l=8, r=8, t=4, b=44), bargap=0.25, meta=dict(y=axis_columns(None))
    )
    return figure


def guesses_figure(
    full: Matrix, rest: Matrix, characters: str, kind: str, palette: Palette
) -> go.Figure:
    """The likeliest next characters, by the whole model and by what remains: (n,) each."""
    who = [named(character) for character in characters]
    figure = plain_figure(palette)
    for row, name, color in (
        (full, "the whole model", palette.model(kind)),
        (rest, "with parts off", palette.muted),
    ):
        figure.add_bar(
            y=row, name=name, marker=dict(color=color, line_width=0),
            hovertext=[f"{name}: {c} gets {percent(float(p))}" for c, p in zip(who, row)],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(
        tickvals=list(range(len(who))), ticktext=[sign_of(c) for c in characters], tickangle=0
    )
    figure.update_yaxes(title="probability", rangemode="tozero", tickformat=".0%", nticks=4)
    figure.update_layout(
        margin=dict(l=48, r=0, t=28, b=28), bargap=0.2, bargroupgap=0.0, showlegend=True,
        meta=dict(x=axis_columns("next character", [sign(c) for c in characters])),
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
    )  # fmt: skip
    return figure
