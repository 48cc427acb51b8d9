"""One training step in six pictures: batch, guess, loss, gradient, update, guess after it.

Plain data in, figures out. Windows and places count from 0 here and from 1 where people see them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.findings import meaning
from core.interpretability.training_step import PartStep
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.map_axes import Matrix, character_axis, named, percent, sign
from lab.figures.palette import Palette

MAX_WINDOWS, MAX_PLACES = 12, 64
"""So much of a batch is drawn: more signs nobody could read."""
_LEFT, _RIGHT = (0.0, 0.36), (0.58, 1.0)
"""Where two pictures stand side by side."""
_NBSP = "\N{NO-BREAK SPACE}"


# --- the batch ------------------------------------------------------------------------------------


def shown_of_batch(shape: tuple[int, int], window: int, place: int) -> tuple[range, range]:
    """The windows and the places of a batch (B, T) that are drawn, the chosen ones among them."""
    B, T = shape
    return _around(window, B, MAX_WINDOWS), _around(place, T, MAX_PLACES)


def _around(chosen: int, n: int, at_most: int) -> range:
    """At most so many of n, the beginning unless the chosen one lies beyond it."""
    first = min(max(0, chosen + 1 - at_most + at_most // 8), max(0, n - at_most))
    return range(first, min(n, first + at_most))


def batch_figure(
    texts: Sequence[str], window: int, place: int, n_seen: int, kind: str, palette: Palette
) -> go.Figure:
    """The windows of a batch as text, the guess that is followed on the model's colour.

    A window's text (T + 1) is its inputs and the last target. A character at x is the target of
    place x - 1; the `n_seen` characters before it, which its guess may look at, have a paler
    ground.
    """
    windows, places = shown_of_batch((len(texts), len(texts[0]) - 1), window, place)
    columns = range(places.start, places.stop + 1)
    ground = np.zeros((len(windows), len(columns)), np.float32)
    row = window - windows.start
    comes = place + 1 - columns.start
    ground[row, max(0, comes - n_seen) : comes] = 1
    ground[row, comes] = 2
    figure = plain_figure(palette)
    figure.add_heatmap(
        z=ground, x=list(columns), y=list(windows), zmin=0, zmax=2, showscale=False,
        colorscale=[(0, palette.ground), (0.5, palette.model_faded(kind)),
                    (1, palette.model(kind))],
        text=[[sign(texts[w][c]) for c in columns] for w in windows], texttemplate="%{text}",
        textfont=dict(family="monospace", size=13),
        hovertext=[
            [
                f"{named(texts[w][c])}: window {w + 1}, guessed at place {c}" if c
                else f"{named(texts[w][c])}: window {w + 1}, nothing before it to guess it from"
                for c in columns
            ]
            for w in windows
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(
        title="place in the window", showgrid=False, ticks="",
        tickvals=[c for c in columns if c == 0 or c % 8 == 7],
        ticktext=[str(c + 1) for c in columns if c == 0 or c % 8 == 7],
    )  # fmt: skip
    figure.update_yaxes(
        title="window", showgrid=False, ticks="", tickvals=list(windows),
        ticktext=[str(w + 1) for w in windows], range=[windows.stop - 0.5, windows.start - 0.5],
    )  # fmt: skip
    figure.update_layout(margin=dict(l=48, r=8, t=28, b=44), uirevision="batch")
    return figure


# --- the guess ------------------------------------------------------------------------------------


def layers_figure(
    layers: Matrix, target: int, characters: str, names: Sequence[str], palette: Palette,
    n_guesses: int = 6,
) -> go.Figure:  # fmt: skip
    """The likeliest next characters by each layer, beside what it gives the one that comes.

    Args:
        layers: probabilities, (L, V), the first layer on top.
        target: the place in `characters` of the one that comes.
        names: what each row is called.
    """
    L, V = layers.shape
    n = min(n_guesses, V)
    best = np.argsort(-layers, axis=1, kind="stable")[:, :n]  # L, n
    cells = np.full((L, n + 2), np.nan, np.float32)
    cells[:, :n] = np.take_along_axis(layers, best, axis=1)
    cells[:, n + 1] = layers[:, target]
    tokens = [[*row, None, target] for row in best.tolist()]
    figure = plain_figure(palette)
    figure.add_heatmap(
        z=cells, zmin=0, zmax=1, colorscale=palette.probability_scale, showscale=False,
        hoverongaps=False, xgap=2, ygap=2,
        text=[
            ["" if t is None else f"{sign(characters[t])}  {_short(float(layers[i, t]))}"
             for t in row] for i, row in enumerate(tokens)
        ],
        texttemplate="%{text}", textfont=dict(family="monospace", size=14),
        hovertext=[
            ["" if t is None else
             f"{names[i]} gives {named(characters[t])} {percent(float(layers[i, t]))}"
             for t in row] for i, row in enumerate(tokens)
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    for i, j in np.argwhere(best == target).tolist():
        figure.add_shape(
            type="rect", x0=j - 0.5, x1=j + 0.5, y0=i - 0.5, y1=i + 0.5,
            line=dict(color=palette.text, width=2),
        )  # fmt: skip
    ordinals = ["likeliest", "2nd", "3rd", *(f"{i}th" for i in range(4, n + 1))][:n]
    figure.update_xaxes(
        side="top", tickvals=[*range(n), n + 1],
        ticktext=[*ordinals, f"what comes: {sign(characters[target])}"],
        showgrid=False, ticks="", range=[-0.5, n + 1.5],
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(L)), ticktext=list(names), range=[max(L, 4) - 0.5, -0.5],
        showgrid=False,
        ticks="", automargin=True,
    )  # fmt: skip
    figure.update_layout(margin=dict(l=8, r=8, t=36, b=8), uirevision="guess")
    return figure


def after_figure(
    before: Matrix, after: Matrix, target: int, characters: str, kind: str, palette: Palette
) -> go.Figure:
    """The guess before the step and after it, (V,) each: its likeliest characters as bars."""
    shown = _largest(before + after, target, 10)
    figure = plain_figure(palette)
    for guess, name, color in (
        (before, "before", palette.model_faded(kind)), (after, "after", palette.model(kind)),
    ):  # fmt: skip
        figure.add_bar(
            y=compact(guess[shown]), name=name, marker=dict(color=color, line_width=0),
            text=[tenths(float(p)) for p in guess[shown]], textposition="outside",
            textfont=dict(size=11), cliponaxis=False,
            hovertext=[f"{name}: {named(characters[i])} gets {tenths(float(guess[i]))}"
                       for i in shown],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(**_candidates(shown, target, characters))
    figure.update_yaxes(title="probability", rangemode="tozero", tickformat=".0%", nticks=5)
    figure.update_layout(
        margin=dict(l=56, r=8, t=32, b=44), bargap=0.25, showlegend=True, uirevision="after",
        legend=dict(orientation="h", x=1, y=1.0, yanchor="bottom", xanchor="right"),
    )  # fmt: skip
    return figure


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
    shown = _largest(np.abs(logits_grad), target, 7)
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
        xaxis=_candidates(shown, target, characters) | dict(domain=_LEFT),
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


# --- what they share ------------------------------------------------------------------------------


def _largest(values: Matrix, target: int, n: int) -> list[int]:
    """The places of the n largest numbers, the largest first; that of the target among them."""
    order = [int(i) for i in np.argsort(-values, kind="stable")[:n]]
    return order if target in order else [*order[:-1], target]


def _candidates(shown: Sequence[int], target: int, characters: str) -> dict[str, Any]:
    """An axis of characters; the one that comes is said to be that."""
    return dict(
        tickvals=list(range(len(shown))), tickangle=0, ticks="", showgrid=False,
        ticktext=[
            f"{sign(characters[i])}<br>comes" if i == target else sign(characters[i])
            for i in shown
        ],
        tickfont=dict(size=13),
    )  # fmt: skip


def tenths(share: float) -> str:
    """A share to a tenth of a percent, so that the change of one step can be seen."""
    return meaning.percent(share, 2.0).replace(" %", f"{_NBSP}%")


def _short(share: float) -> str:
    return percent(share).replace("under ", "&lt; ")


def _signed(value: float) -> str:
    return meaning.with_minus(f"{value:+.3f}")


def _share(ratio: float) -> str:
    return f"{100 * ratio:.2g}{_NBSP}%"
