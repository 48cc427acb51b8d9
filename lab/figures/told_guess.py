"""One guess in a training step: the batch that it stands in, layer by layer, and after the step.

Plain data in, figures out. Windows and places count from 0 here and from 1 where people see them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from core.findings import meaning
from lab.figures.base import compact, plain_figure
from lab.figures.map_axes import Matrix, named, percent, sign
from lab.figures.palette import Palette, ink_on

MAX_WINDOWS, MAX_PLACES = 12, 64
"""So much of a batch is drawn: more signs nobody could read."""
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
    colors = (palette.ground, palette.model_faded(kind), palette.model(kind))
    figure.add_heatmap(
        z=ground, x=list(columns), y=list(windows), zmin=0, zmax=2, showscale=False,
        colorscale=[(i / 2, color) for i, color in enumerate(colors)],
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
    inks = (palette.text, ink_on(colors[1]), ink_on(colors[2]))
    _add_labels(figure, [
        _Label(c, w, sign(texts[w][c]), inks[int(ground[w - windows.start, c - columns.start])])
        for w in windows for c in columns
    ], 13)  # fmt: skip
    figure.update_xaxes(
        title="place in the window", showgrid=False, ticks="",
        tickvals=[c for c in columns if c == 0 or c % 8 == 7],
        range=[columns.start - 0.5, columns.stop - 0.5],
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
    scale = palette.probability_scale
    labels, hovers = [], [[""] * (n + 2) for _ in range(L)]
    for i, row in enumerate(best.tolist()):
        for x, token in [*enumerate(row), (n + 1, target)]:
            p, character = float(layers[i, token]), characters[token]
            ink = ink_on(scale[round(p * (len(scale) - 1))][1])
            labels.append(_Label(x, i, f"{sign(character)}  {_short(p)}", ink))
            hovers[i][x] = f"{names[i]} gives {named(character)} {percent(p)}"
    figure = plain_figure(palette)
    figure.add_heatmap(
        z=cells, zmin=0, zmax=1, colorscale=scale, showscale=False, hoverongaps=False, xgap=2,
        ygap=2, hovertext=hovers, hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    _add_labels(figure, labels, 14)
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
    figure.update_layout(margin=dict(l=8, r=8, t=50, b=8), uirevision="guess")
    return figure


def after_figure(
    before: Matrix, after: Matrix, target: int, characters: str, kind: str, palette: Palette
) -> go.Figure:
    """The guess before the step and after it, (V,) each: its likeliest characters as bars."""
    shown = largest(before + after, target, 10)
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
    figure.update_xaxes(**candidate_axis(shown, target, characters))
    figure.update_yaxes(title="probability", rangemode="tozero", tickformat=".0%", nticks=5)
    figure.update_layout(
        margin=dict(l=56, r=8, t=32, b=44), bargap=0.25, showlegend=True, uirevision="after",
        legend=dict(orientation="h", x=1, y=1.0, yanchor="bottom", xanchor="right"),
    )  # fmt: skip
    return figure


# --- what they share ------------------------------------------------------------------------------


class _Label(NamedTuple):
    """A text in a cell, in a colour that can be read there."""

    x: int
    y: int
    text: str
    ink: str


def _add_labels(figure: go.Figure, labels: Sequence[_Label], size_px: int) -> None:
    """Monospace texts in the cells of a heat map, which goes on answering the pointer."""
    xs, ys, texts, inks = (list(values) for values in zip(*labels))
    figure.add_scatter(
        x=xs, y=ys, text=texts, mode="text", hoverinfo="skip",
        textfont=dict(family="monospace", size=size_px, color=inks),
    )  # fmt: skip


def largest(values: Matrix, target: int, n: int) -> list[int]:
    """The places of the n largest numbers, the largest first; that of the target among them."""
    order = [int(i) for i in np.argsort(-values, kind="stable")[:n]]
    return order if target in order else [*order[:-1], target]


def candidate_axis(shown: Sequence[int], target: int, characters: str) -> dict[str, Any]:
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
