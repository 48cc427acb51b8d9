"""What follows what: transition tables as heat maps, and one row of them as bars.

Numpy arrays in, figures out. As in `lab.figures.heatmaps`, shares are coloured by their square
root, and differences by that of their size. Beside a map may stand how uncertain each row is.

Shapes: V characters shown, on both axes; row = the character that is there, column = what follows.
A row of NaN is not known: its cells are empty.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.findings import meaning
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.map_axes import (
    Matrix,
    character_axis,
    named,
    percent,
    root_scale_bar,
    row_frame,
    sign,
)
from lab.figures.palette import Palette
from lab.wording import words

N_SUCCESSORS = 12
_SHARE_TICKS = (0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
_DIFFERENCE_TICKS = (-1.0, -0.5, -0.25, -0.1, -0.01, 0.0, 0.01, 0.1, 0.25, 0.5, 1.0)
_MAP_SHARE, _ENTROPY_FROM, _BAR_PX = 0.83, 0.845, 92
"""Of the width: the map at most up to here, the entropies of its rows from there on. The bar of
colours has its own room, so that nothing moves when another scale takes its place."""


@dataclass(frozen=True, eq=False)
class RowEntropies:
    """How uncertain each row leaves what comes next: (V,) each, in nats; NaN where not known."""

    learned_nats: Matrix
    counted_nats: Matrix | None
    kind: str
    """The model that learned them, which gives the colour."""
    most_nats: float
    """Of a row that gives all characters the same probability."""


def transitions_figure(
    probabilities: Matrix, characters: str, what: str, chosen_row: int | None, palette: Palette,
    entropies: RowEntropies | None = None,
) -> go.Figure:  # fmt: skip
    """A transition table (V, V); `what` is its name in hover texts, such as "learned"."""
    if not len(probabilities):
        return empty_figure("One row and one column for each character of the text.", palette)
    figure = _table_figure(
        lambda i, j: f"{what}: {percent(float(probabilities[i, j]))}",
        ~np.isnan(probabilities), characters, chosen_row, palette,
    )  # fmt: skip
    figure.data[0].update(
        z=np.sqrt(compact(probabilities)), zmin=0, zmax=1, colorscale=palette.probability_scale,
        colorbar=root_scale_bar("probability (square-root scale)", _SHARE_TICKS),
        meta=dict(value=f"probability, {what}", undo="square"),
    )  # fmt: skip
    return _with_entropies(figure, entropies, characters, palette)


def logits_figure(
    logits: Matrix, characters: str, chosen_row: int | None, palette: Palette,
    entropies: RowEntropies | None = None,
) -> go.Figure:  # fmt: skip
    """The scores (V, V) before softmax, as they are; the scale is as wide to both sides of 0."""
    if not len(logits):
        return empty_figure("One row of scores for each character of the text.", palette)
    figure = _table_figure(
        lambda i, j: f"logit {meaning.with_minus(f'{logits[i, j]:+.2f}')} nats",
        ~np.isnan(logits), characters, chosen_row, palette,
    )  # fmt: skip
    widest = max(1.0, math.ceil(float(np.nanmax(np.abs(logits)))))  # small ones stay pale
    figure.data[0].update(
        z=compact(logits), zmin=-widest, zmax=widest, zmid=0, colorscale=palette.difference_scale,
        colorbar=dict(
            title=dict(text="logit (nats)", side="right", font=dict(size=12)), outlinewidth=0,
            thickness=12, tickfont=dict(size=11),
        ),
    )  # fmt: skip
    return _with_entropies(figure, entropies, characters, palette)


def difference_figure(
    learned: Matrix, counted: Matrix, characters: str, chosen_row: int | None, palette: Palette,
    entropies: RowEntropies | None = None,
) -> go.Figure:  # fmt: skip
    """Learned less counted, each (V, V), on a scale with nothing in the middle."""
    if not len(learned):
        return empty_figure("Where the table differs from the counts.", palette)
    difference = compact(learned - counted)
    figure = _table_figure(
        lambda i, j: f"learned {percent(float(learned[i, j]))}, "
        f"counted {percent(float(counted[i, j]))}",
        ~np.isnan(difference), characters, chosen_row, palette,
    )  # fmt: skip
    figure.data[0].update(
        z=np.sign(difference) * np.sqrt(np.abs(difference)), zmin=-1, zmax=1, zmid=0,
        colorscale=palette.difference_scale,
        colorbar=root_scale_bar("learned less counted (square-root scale)", _DIFFERENCE_TICKS),
        meta=dict(value="learned less counted", undo="signed square"),
    )  # fmt: skip
    return _with_entropies(figure, entropies, characters, palette)


def successors_figure(
    learned: Matrix, counted: Matrix | None, characters: str, palette: Palette,
    kind: str = "bigram",
) -> go.Figure:  # fmt: skip
    """The likeliest successors of one character: learned (V,) beside counted (V,), if known.

    Sorted by what was counted, so that the order stays while a table learns. `kind` is the model
    that learned, which gives the colour.
    """
    leading = learned if counted is None else counted
    order = [int(i) for i in np.argsort(-leading, kind="stable")[:N_SUCCESSORS]]
    if not order:
        return empty_figure("Pick a character to see what follows it.", palette)
    figure = plain_figure(palette)
    color = dict(color=palette.model(kind), line_width=0)
    figure.add_bar(**_bars(learned, order, characters, "learned"), marker=color)
    if counted is not None:
        hatched = dict(
            color=palette.ground, line=dict(color=palette.reference, width=1),
            pattern=dict(shape="/", fgcolor=palette.reference, size=5, solidity=0.4),
        )  # fmt: skip
        figure.add_bar(**_bars(counted, order, characters, "counted"), marker=hatched)
    figure.update_layout(
        margin=dict(l=52, r=0, t=28, b=40), barmode="group", bargap=0.25, showlegend=True,
        legend=dict(orientation="h", x=0, y=1.0, yanchor="bottom", xanchor="left"),
    )  # fmt: skip
    shown = "".join(characters[i] for i in order)
    figure.update_xaxes(title="what follows", **character_axis(shown))
    figure.update_yaxes(title="probability", rangemode="tozero", tickformat=".0%", nticks=6)
    return figure


def _bars(probabilities: Matrix, order: list[int], characters: str, name: str) -> dict[str, Any]:
    shown = [(characters[i], float(probabilities[i])) for i in order]
    return dict(
        y=compact([p for _, p in shown]), name=name,
        hovertext=[
            f"{named(then)}, {name}: {'not known' if math.isnan(p) else percent(p)}"
            for then, p in shown
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip


def _table_figure(
    say: Callable[[int, int], str], is_known: Any, characters: str, chosen_row: int | None,
    palette: Palette,
) -> go.Figure:  # fmt: skip
    """A map with its axes and hover texts, still without numbers.

    `say` gives what is to be said of a row and a column, where `is_known` (V, V).
    """
    names = [named(character) for character in characters]
    hovers = [
        [
            f"after {first} comes {then}<br>{say(i, j) if is_known[i, j] else 'not known'}"
            for j, then in enumerate(names)
        ]
        for i, first in enumerate(names)
    ]
    figure = plain_figure(palette)
    figure.add_heatmap(text=hovers, hovertemplate="%{text}<extra></extra>")
    if chosen_row is not None:
        figure.add_shape(row_frame(chosen_row, len(characters), palette))
    # Heads of columns go on top, as in any table.
    figure.update_xaxes(title="what follows", side="top", **character_axis(characters, "top"))
    figure.update_yaxes(title="the character that is there", scaleanchor="x")
    figure.update_yaxes(character_axis(characters, "left"))
    signs = [sign(character) for character in characters]
    columns = dict(y=axis_columns("there", signs), x=axis_columns("follows", signs))
    figure.update_layout(margin=dict(l=60, r=_BAR_PX, t=58, b=4), meta=columns)
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(range=[len(characters) - 0.5, -0.5], constrain="domain")
    return figure


# --- how uncertain each row is --------------------------------------------------------------------


def _with_entropies(
    figure: go.Figure, entropies: RowEntropies | None, characters: str, palette: Palette
) -> go.Figure:
    """The map with a narrow chart at its right: a bar for what was learned, a tick for the counts.

    Its rows are those of the map, so a click on either finds the same character.
    """
    if entropies is None:
        return figure
    rows = np.arange(len(characters))
    says = [_entropy_text(i, character, entropies) for i, character in enumerate(characters)]
    common = dict(
        y=rows, xaxis="x2", yaxis="y", hovertext=says, hovertemplate="%{hovertext}<extra></extra>"
    )
    figure.add_bar(
        x=compact(entropies.learned_nats), orientation="h", width=0.6, name="learned",
        marker=dict(color=palette.model(entropies.kind), line_width=0), **common,
    )  # fmt: skip
    if entropies.counted_nats is not None:
        figure.add_scatter(
            x=compact(entropies.counted_nats), mode="markers", name="counted",
            marker=dict(
                symbol="line-ns", size=7, line=dict(color=palette.text, width=1.5),
                color=palette.text,
            ),
            **common,
        )  # fmt: skip
    figure.update_layout(
        xaxis=dict(domain=[0, _MAP_SHARE], constraintoward="left"),
        yaxis=dict(constraintoward="top"),
        xaxis2=dict(
            domain=[_ENTROPY_FROM, 1], anchor="y", side="top", range=[0, entropies.most_nats],
            title=dict(text="entropy (nats)<br>▬ learned  ❘ counted", font=dict(size=12)),
            tickfont=dict(size=11), tickvals=list(range(0, int(entropies.most_nats) + 1, 2)),
            ticks="", zeroline=False, gridcolor=palette.grid, fixedrange=True,
        ),
    )  # fmt: skip
    return figure


def _entropy_text(row: int, character: str, entropies: RowEntropies) -> str:
    counted = [] if entropies.counted_nats is None else [("counted", entropies.counted_nats)]
    said = [
        f"{name}: {float(values[row]):.3f} nats, {words.bits(float(values[row])):.3f} bits, "
        f"as unsure as among {meaning.choices(float(values[row]))}"
        for name, values in (("learned", entropies.learned_nats), *counted)
        if not math.isnan(float(values[row]))
    ]
    return f"entropy of what follows {named(character)}<br>" + ("<br>".join(said) or "not known")
