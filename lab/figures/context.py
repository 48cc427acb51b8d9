"""What context buys: the loss by how many characters a model could see.

Plain data in, figures and sentences out. Places far from the beginning of a window are drawn in
groups, each half as long again as the one before: nobody can tell 49 characters of context from 50,
and each group has the guesses of all its places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.findings.meaning import loss_in
from core.settings.config import ModelKind
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.losses import as_text, unit_factor
from lab.figures.palette import Palette
from lab.wording import words
from lab.wording.plain import plain

SINGLE_PLACES = 8
_SEEN = ["characters of context, from", "to"]
GAIN_NATS = 0.03
"""Less than that is next to nothing: it is about what the next group may gain by chance."""


@dataclass(frozen=True)
class ContextLoss:
    """A run and its mean loss in nats with 1, 2, 3, … characters of context."""

    name: str
    model: ModelKind
    losses_nats: Sequence[float]


@dataclass(frozen=True)
class Group:
    """Places of a window that are drawn as one."""

    first: int
    last: int
    loss_nats: float

    @property
    def label(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def groups_of(losses_nats: Sequence[float]) -> list[Group]:
    """The places of a window, one by one at first and then in groups."""
    groups, first = [], 1
    while first <= len(losses_nats):
        length = 1 if first <= SINGLE_PLACES else max(1, first // 2)
        if len(losses_nats) - (first + length - 1) < length // 2:
            length = len(losses_nats) - first + 1  # no crumbs at the end
        part = losses_nats[first - 1 : first - 1 + length]
        groups.append(Group(first, first + len(part) - 1, sum(part) / len(part)))
        first += length
    return groups


def gains_up_to(losses_nats: Sequence[float]) -> int:
    """From how many characters on a model gains less than GAIN_NATS from any more."""
    groups = groups_of(losses_nats)
    for i, group in enumerate(groups):
        later = [g.loss_nats for g in groups[i + 1 :]]
        if not later or group.loss_nats - min(later) < GAIN_NATS:
            return group.first
    return 0


def context_figure(
    curves: Sequence[ContextLoss],
    counted_nats: Sequence[float],
    palette: Palette,
    *,
    in_bits: bool = False,
) -> go.Figure:
    """The loss of each run by characters of context, beside n-grams that count 1, 2, … of them."""
    unit, factor = "bits" if in_bits else "nats", unit_factor(in_bits)
    if not curves:
        return empty_figure("What context buys will be here.", palette)
    figure = plain_figure(palette)
    for curve in curves:
        groups = groups_of(curve.losses_nats)
        color = palette.model(curve.model)
        figure.add_scatter(
            x=compact([(g.first * g.last) ** 0.5 for g in groups]),
            y=compact([factor * g.loss_nats for g in groups]),
            name=as_text(curve.name), mode="lines+markers", line=dict(color=color),
            marker=dict(size=6),
            hovertext=[
                f"{as_text(curve.name)}: {loss_in(g.loss_nats, in_bits)} with {g.label} "
                f"character{'s' * (g.last > 1)} of context" for g in groups
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            customdata=[[g.first, g.last] for g in groups], meta=dict(columns=_SEEN),
        )  # fmt: skip
    if counted_nats:
        seen = range(1, len(counted_nats) + 1)
        figure.add_scatter(
            x=list(seen), y=compact([factor * loss for loss in counted_nats]), name="counted",
            mode="lines+markers", line=dict(color=palette.reference, dash="dash"),
            marker=dict(symbol="diamond", size=8, color=palette.reference),
            hovertext=[
                f"counting {n} character{'s' * (n > 1)} and the next: {loss_in(loss, in_bits)}"
                for n, loss in zip(seen, counted_nats)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            customdata=[[n, n] for n in seen], meta=dict(columns=_SEEN),
        )  # fmt: skip
    longest = max(len(curve.losses_nats) for curve in curves)
    ticks = [2**i for i in range(longest.bit_length()) if 2**i <= longest]
    figure.update_xaxes(
        type="log", title="characters that the guess could see", tickvals=ticks,
        ticktext=list(map(str, ticks)),
    )  # fmt: skip
    figure.update_yaxes(title=f"loss ({unit} per character)")
    figure.update_layout(
        margin=dict(l=56, r=16, t=28, b=48), showlegend=True, meta=dict(x=axis_columns(None)),
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
    )  # fmt: skip
    return figure


def context_sentence(
    curve: ContextLoss, counted_nats: Sequence[float], *, in_bits: bool = False
) -> str:
    """Where a run stops to gain from more context, and what counting makes of as little."""
    if curve.model == "bigram":
        return f"**{plain(curve.name)}** sees one character, wherever it stands: more buys nothing."
    enough, best = (
        gains_up_to(curve.losses_nats),
        min(g.loss_nats for g in groups_of(curve.losses_nats)),
    )
    sentence = (
        f"**{plain(curve.name)}** gains next to nothing from more than {words.count(enough)} "
        f"character{'s' * (enough != 1)}; it gets to {loss_in(best, in_bits)}."
    )
    better = [n for n, loss in enumerate(counted_nats, 1) if loss < best]
    if better:
        sentence += (
            f" Counting gets below that with {better[0]} "
            f"character{'s' * (better[0] != 1)} of context."
        )
    return sentence
