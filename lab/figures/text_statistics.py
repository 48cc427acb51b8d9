"""Figures of a text: what context tells, counted honestly and not, and its words by rank.

Plain data in, figures and sentences out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from core.findings.meaning import loss_in, percent
from core.text.statistics import FITTED_RANKS, Order, WordCounts, zipf_line
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.palette import Palette
from lab.wording import words

MAX_POINTS = 240
NAMED_RANKS = (1, 10, 100, 1_000, 10_000)
SAME_TEXT, OTHER_TEXT = "counted and measured on the same text", "measured on text not counted"


def entropy_figure(orders: Sequence[Order], palette: Palette) -> go.Figure:
    """Nats per character by characters of context: on the text that was counted, and on new text.

    Orders that a text is too short for are left out.
    """
    lines = [
        (SAME_TEXT, [(o.context, o.train.entropy_nats) for o in orders], "dash", "circle",
         palette.reference, "the training part, counted and measured on itself"),
        ("the same for the validation part", [(o.context, o.val.entropy_nats) for o in orders],
         "dot", "square", palette.reference, "the validation part, counted and measured on itself"),
        (OTHER_TEXT, [(o.context, o.cross_nats) for o in orders], "solid", "diamond",
         palette.text, "counted on the training part, measured on the validation part"),
    ]  # fmt: skip
    if not any(math.isfinite(nats) for _, points, *_ in lines for _, nats in points):
        return empty_figure("The text is too short to count in.", palette)
    figure = plain_figure(palette)
    for name, points, dash, symbol, color, said in lines:
        known = [(context, nats) for context, nats in points if math.isfinite(nats)]
        figure.add_scatter(
            x=[context for context, _ in known], y=compact([nats for _, nats in known]),
            name=name, mode="lines+markers", line=dict(color=color, dash=dash),
            marker=dict(symbol=symbol, size=8, color=color),
            hovertext=[
                f"{_characters(context)} of context: {nats:.3f} nats<br>{said}"
                for context, nats in known
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="characters of context that are counted", dtick=1)
    figure.update_yaxes(title="nats per character", rangemode="tozero")
    figure.update_layout(
        margin=dict(l=56, r=16, t=28, b=48), showlegend=True,
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
    )  # fmt: skip
    return figure


def entropy_sentence(orders: Sequence[Order]) -> str:
    """What the longest context seems to tell, what it does tell, and why these are two things."""
    last = orders[-1]
    if not math.isfinite(last.cross_nats) or not math.isfinite(last.train.entropy_nats):
        return "The text is too short for numbers on both of its parts."
    once = last.train.n_once / last.train.n_contexts
    said = (
        f"With {_characters(last.context)} of context the training part seems to leave "
        f"{loss_in(last.train.entropy_nats)} per character; measured on the validation part, "
        f"where nothing was counted, it is {loss_in(last.cross_nats)}. The first number falls "
        f"towards 0 for any text: {words.count(last.train.n_once)} of the "
        f"{words.count(last.train.n_contexts)} contexts ({percent(once)}) stand there once and "
        "seem to leave no doubt. That is a text known by heart."
    )
    best = min(orders, key=lambda order: order.cross_nats)
    if best.context < last.context:
        return (
            f"{said} More context than {_characters(best.context)} makes the second worse: "
            f"{loss_in(best.cross_nats)} is the best that counting reaches here."
        )
    return f"{said} The second is still falling: a longer text could use more context."


def zipf_figure(counts: WordCounts, palette: Palette) -> go.Figure:
    """How often each word occurs, by its rank, both on logarithmic axes."""
    by_rank = counts.by_rank
    if not by_rank:
        return empty_figure("There are no words in this text.", palette)
    figure = plain_figure(palette)
    ranks = _spread_ranks(len(by_rank))
    shown = [by_rank[rank - 1] for rank in ranks]
    figure.add_scatter(
        x=compact(ranks), y=compact([times for _, times in shown]), mode="markers", name="words",
        marker=dict(color=palette.reference, size=6),
        customdata=[
            (escape(word), words.count(rank), words.count(times))
            for rank, (word, times) in zip(ranks, shown)
        ],
        hovertemplate="<b>%{customdata[0]}</b>, rank %{customdata[1]}<br>"
        "%{customdata[2]} times<extra></extra>",
    )  # fmt: skip
    line = zipf_line([times for _, times in by_rank])
    if line:
        ends = [FITTED_RANKS[0], min(FITTED_RANKS[1], len(by_rank))]
        figure.add_scatter(
            x=ends, y=[math.exp(line[1]) * rank ** line[0] for rank in ends], mode="lines",
            name="fitted", line=dict(color=palette.text, dash="dash", width=2),
            hovertemplate=f"falls as 1 / rank to the power of {-line[0]:.2f}<extra></extra>",
        )  # fmt: skip
    for rank in NAMED_RANKS:
        if rank <= len(by_rank):
            word, times = by_rank[rank - 1]
            figure.add_annotation(
                x=math.log10(rank), y=math.log10(times), text=escape(word), xanchor="left",
                yanchor="bottom", showarrow=False, xshift=4, yshift=3,
                font=dict(color=palette.text, size=12),
            )  # fmt: skip
    figure.update_xaxes(type="log", title="rank of the word", dtick=1, tickformat=",")
    figure.update_yaxes(type="log", title="times in the text", dtick=1, tickformat=",")
    return figure


def _spread_ranks(n: int) -> list[int]:
    """Ranks from 1 to n, at equal distances on a logarithmic axis, each once."""
    spread = np.geomspace(1, n, min(n, MAX_POINTS)).round().astype(int)
    return sorted({int(rank) for rank in spread})


def zipf_sentence(counts: WordCounts) -> str:
    """How many words there are, how many once, and how their number falls with the rank."""
    said = (
        f"{words.count(counts.n_words)} words, {words.count(len(counts.by_rank))} of them "
        f"different, {words.count(counts.n_once)} of which stand in the text once."
    )
    exponent = counts.zipf_exponent
    if exponent is None:
        return f"{said} That is too few for a law."
    return (
        f"{said} Zipf's law says 1 / rank; fitted on ranks {FITTED_RANKS[0]} to "
        f"{words.count(min(FITTED_RANKS[1], len(counts.by_rank)))} it is 1 / rank to the power of "
        f"{exponent:.2f}: where the rank doubles, a word stands {percent(2**-exponent)} as often."
    )


def _characters(n: int) -> str:
    return f"{n} character{'s' * (n != 1)}"
