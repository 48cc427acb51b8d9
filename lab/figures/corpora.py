"""What a text is made of: its characters by frequency, its two parts. Text in, figures out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import plotly.graph_objects as go

from core.text.characters import is_wide, name_of
from core.text.corpus import Corpus
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.map_axes import sign
from lab.figures.palette import Palette
from lab.wording.words import count

MAX_BARS, MAX_WIDE_BARS = 80, 60
"""More characters than this are not shown one by one; their bars would be too thin to read. The
second number is for texts with characters that take two places.
"""


@dataclass(frozen=True, slots=True)
class CharacterCount:
    """How often one character occurs in a text."""

    character: str
    times: int


@lru_cache(maxsize=8)
def character_counts(corpus: Corpus) -> tuple[CharacterCount, ...]:
    """All characters of a text, the most frequent first; counted once per text."""
    counted = Counter(corpus.text).items()
    ordered = sorted(counted, key=lambda item: (-item[1], item[0]))
    return tuple(CharacterCount(character, times) for character, times in ordered)


def n_bars(counts: Sequence[CharacterCount]) -> int:
    """How many characters the figure below shows one by one."""
    wide = any(is_wide(entry.character) for entry in counts[:MAX_BARS])
    return min(len(counts), MAX_WIDE_BARS if wide else MAX_BARS)


def character_count_figure(
    counts: Sequence[CharacterCount], palette: Palette, *, log_scale: bool = False
) -> go.Figure:
    """One bar for each of the most frequent characters, `n_bars` of them.

    Args:
        counts: all characters of the text, the most frequent first; shares are of their sum.
        log_scale: let each grid line be ten times the one below, so that rare ones are seen too.
    """
    if not counts:
        return empty_figure("Nothing is counted yet.", palette)
    total = sum(entry.times for entry in counts)
    shown = counts[: n_bars(counts)]
    times = compact([entry.times for entry in shown])
    signs = [sign(entry.character) for entry in shown]
    size = 10 if any(is_wide(entry.character) for entry in shown) else 12
    said = [
        (sign, name_of(entry.character), count(entry.times), f"{entry.times / total:.2%}")
        for sign, entry in zip(signs, shown)
    ]
    figure = plain_figure(palette)
    figure.add_bar(
        x=compact(np.arange(len(shown))), y=times, marker=dict(color=palette.reference),
        customdata=said,
        hovertemplate=(
            "<b>%{customdata[0]}</b> %{customdata[1]}<br>"
            "%{customdata[2]} times, %{customdata[3]} of the text<extra></extra>"
        ),
    )  # fmt: skip
    figure.update_layout(bargap=0.25, uirevision=str(log_scale))
    figure.update_xaxes(
        title="character", tickvals=compact(np.arange(len(shown))), ticktext=signs, tickangle=0,
        tickfont=dict(family="monospace", size=size), showgrid=False,
        range=[-0.7, len(shown) - 0.3],
    )  # fmt: skip
    figure.update_yaxes(title="times in the text", type="log" if log_scale else "linear")
    if log_scale:
        # From below 1, so that a character that occurs once still has a bar.
        figure.update_yaxes(range=[-0.3, float(np.log10(times[0])) + 0.1], dtick=1)
    return figure


def split_figure(
    n_train: int, n_val: int, palette: Palette, *, place: int | None = None
) -> go.Figure:
    """The whole text as one bar: what is learnt from, and what is only measured on.

    Args:
        n_train, n_val: characters in each part.
        place: the character to mark, where the reader looks at the text.
    """
    total = n_train + n_val
    figure = plain_figure(palette)
    parts = [
        ("training", n_train, palette.border, 0.0, "left"),
        ("validation", n_val, palette.reference, 1.0, "right"),
    ]
    for name, size, color, x, anchor in parts:
        said = f"{name}: {count(size)} characters, {size / total:.0%}"
        figure.add_bar(
            x=compact([size]), y=[0], orientation="h", name=name, marker=dict(color=color),
            hovertemplate=said + "<extra></extra>",
        )  # fmt: skip
        figure.add_annotation(
            text=said, x=x, xref="paper", xanchor=anchor, y=1.0, yref="paper", yanchor="bottom",
            showarrow=False, font=dict(color=palette.text, size=13),
        )  # fmt: skip
    if place is not None:
        figure.add_scatter(
            x=compact([place]), y=compact([-0.62]), mode="markers", cliponaxis=False,
            marker=dict(symbol="triangle-up", size=11, color=palette.accent),
            hovertemplate="the lines above<extra></extra>", meta=dict(rows=False),
        )  # fmt: skip
    figure.update_layout(
        barmode="stack", bargap=0.0, margin=dict(l=8, r=8, t=26, b=34),
        meta=dict(x=axis_columns("characters"), y=axis_columns(None)),
    )  # fmt: skip
    figure.update_xaxes(range=[0, total], showgrid=False, tickformat=",", title=None)
    figure.update_yaxes(visible=False, range=[-0.75, 0.5], fixedrange=True)
    return figure
