"""Vectors of characters and of positions in two dimensions. Plain data in, figures out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import plotly.graph_objects as go

from lab.figures.base import compact, plain_figure
from lab.figures.map_axes import Matrix, named, percent, sign
from lab.figures.palette import Palette

CharacterKind = Literal["vowel", "consonant", "capital", "punctuation and others"]
KINDS: tuple[CharacterKind, ...] = get_args(CharacterKind)
_VOWELS = "aeiouy"


def kind_of(character: str) -> CharacterKind:
    """What a character is, for its colour. Accents do not matter."""
    if character.isupper():
        return "capital"
    if not character.isalpha():
        return "punctuation and others"
    return "vowel" if unicodedata.normalize("NFD", character)[0] in _VOWELS else "consonant"


def characters_figure(
    xy: Matrix, variance: tuple[float, float], characters: str, chosen: int,
    near: Sequence[int], palette: Palette,
) -> go.Figure:  # fmt: skip
    """Characters where their vectors lie (V, 2), one framed, those nearest to it underlined."""
    colors = dict(zip(KINDS, _colors(palette)))
    figure = plain_figure(palette)
    for kind in KINDS:
        places = [i for i, c in enumerate(characters) if kind_of(c) == kind]
        if not places:
            continue
        figure.add_scatter(
            x=compact(xy[places, 0]), y=compact(xy[places, 1]), mode="text", name=kind,
            text=[_label(characters[i], i, chosen, near) for i in places], customdata=places,
            textfont=dict(family="monospace", size=16, color=colors[kind]),
            hovertext=[f"{named(characters[i])}, {kind}" for i in places],
            hovertemplate="%{hovertext}<extra></extra>", showlegend=False,
            meta=dict(text="character"),
        )  # fmt: skip
        # Text has no sign in a legend, so a dot of its colour stands there for it.
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=kind, marker=dict(color=colors[kind], size=9)
        )
    figure.add_scatter(
        x=[xy[chosen, 0]], y=[xy[chosen, 1]], mode="markers", hoverinfo="skip", showlegend=False,
        marker=dict(symbol="circle-open", size=26, color=palette.text, line=dict(width=1.5)),
        meta=dict(rows=False),
    )  # fmt: skip
    figure.update_layout(
        showlegend=True, legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom")
    )
    _plane(figure, variance)
    return figure


def positions_figure(
    xy: Matrix, variance: tuple[float, float], kind: str, palette: Palette
) -> go.Figure:
    """The positions of a window (T, 2), joined in their order, the first and the last named."""
    T = len(xy)
    figure = plain_figure(palette)
    every = max(1, -(-T // 12))
    said = [str(i + 1) if i % every == 0 or i == T - 1 else "" for i in range(T)]
    figure.add_scatter(
        x=compact(xy[:, 0]), y=compact(xy[:, 1]), mode="lines+markers+text", text=said,
        textposition="top center", textfont=dict(size=12, color=palette.muted),
        line=dict(color=palette.model_faded(kind), width=1),
        marker=dict(
            size=8, color=np.arange(T), line_width=0,
            colorscale=[palette.model_faded(kind), palette.model_text(kind)],
        ),
        hovertext=[f"position {i + 1}" for i in range(T)],
        hovertemplate="%{hovertext}<extra></extra>",
        customdata=[[i + 1] for i in range(T)], meta=dict(columns=["position"]),
    )  # fmt: skip
    _plane(figure, variance)
    return figure


def _plane(figure: go.Figure, variance: tuple[float, float]) -> None:
    axis: dict[str, Any] = dict(showgrid=False, zeroline=True, nticks=5)
    first, second = (percent(share) for share in variance)
    figure.update_xaxes(title=f"first direction, {first} of the variance", **axis)
    figure.update_yaxes(title=f"second direction, {second}", scaleanchor="x", **axis)
    figure.update_layout(margin=dict(l=56, r=8, t=28, b=44))


def _label(character: str, place: int, chosen: int, near: Sequence[int]) -> str:
    said = sign(character)
    if place == chosen:
        return f"<b>{said}</b>"
    return f"<u>{said}</u>" if place in near else said


def _colors(palette: Palette) -> tuple[str, str, str, str]:
    """In the order of `KINDS`: two that are far apart, ink, and what may stand back."""
    violet, vermilion = palette.difference_ends
    return vermilion, violet, palette.text, palette.muted
