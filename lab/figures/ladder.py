"""The ladder of ideas as a staircase: a tread for each rung, as high as its validation loss.

Left the way up, from the bigram table to the whole transformer: each tread is one idea, and how far
it lies below the one before is what that idea bought. Right the whole again, as a line, and what
becomes of it where one idea is left out or a wrong turn is taken. What has no loss yet is dashed.

Rungs in, a figure out. A click finds the name of the rung.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from core.experiments.ladder import RungStanding, model_of
from core.text.reference import ReferenceLine
from lab.figures.base import compact, plain_figure
from lab.figures.palette import Palette
from lab.wording import words

_HALF = 0.42
"""Half the width of a tread, in places."""
_GAP = 1.6
"""Between the way up and what is left out, in places."""
_HOVER_WIDTH = 56
_ROOM = 0.12
"""Above the highest and below the lowest tread, as a share of all between."""
_FAR_NATS = 0.5
"""A loss that lies further off than this, or than the way up is high, stands at the edge."""
_EDGE = 0.15
"""How far the edge is from the nearest tread, as a share of all between."""
_LABEL_WIDTH = 9
_SHOWN_TEXT = 60
NAME, NUMBER = "name of a rung", "number of a rung"
"""What the two labels of a tread are called among the annotations."""


@dataclass(frozen=True)
class _Tread:
    """One rung in the picture."""

    rung: RungStanding
    x: float
    y: float
    """Where it is drawn: its loss, the edge where that lies far off, or its place in the plan."""
    loss_nats: float | None
    color: str


def ladder_figure(
    rungs: Sequence[RungStanding],
    references: Sequence[ReferenceLine],
    written: dict[str, str],
    chosen: str,
    palette: Palette,
) -> go.Figure:
    """The staircase.

    Args:
        references: what counting reaches; those among the losses are drawn.
        written: what runs wrote at their end, by their id.
        chosen: name of the rung that is framed.
    """
    treads = _treads(rungs, palette)
    known = [tread for tread in treads if tread.loss_nats is not None]
    figure = plain_figure(palette)
    _add_treads(figure, treads, palette)
    _add_risers(figure, treads, palette)
    _add_labels(figure, treads, chosen, palette)
    _add_targets(figure, treads, written)
    low, high = _y_range(treads)
    if known:
        _add_references(figure, references, (low, high), treads, palette)
    _frame(figure, treads, chosen, (low, high), palette)
    figure.update_layout(margin=dict(l=56, r=10, t=26, b=10), uirevision=len(rungs))
    figure.update_xaxes(visible=False, range=[-0.6, treads[-1].x + 0.6], fixedrange=True)
    figure.update_yaxes(
        title="validation loss (nats per character)" if known else "validation loss, to be found",
        range=[low, high], showticklabels=bool(known), zeroline=False, fixedrange=True,
        nticks=7, gridcolor=palette.grid, showgrid=bool(known),
    )  # fmt: skip
    return figure


def bought_nats(rung: RungStanding, rungs: Sequence[RungStanding]) -> float | None:
    """How much lower the loss is than that of the rung it is held against; None: not known.

    Of the losses as they are said beside it, with three decimals.
    """
    base = next((other for other in rungs if other.name == rung.base), None)
    if not (base and base.run and rung.run):
        return None
    before, after = base.run.val_loss_nats, rung.run.val_loss_nats
    return None if before is None or after is None else round(round(before, 3) - round(after, 3), 3)


# --- where everything stands ----------------------------------------------------------------------


def _treads(rungs: Sequence[RungStanding], palette: Palette) -> list[_Tread]:
    losses = [_loss_of(rung) for rung in rungs]
    low, high = _in_sight(rungs)
    shown = [loss for loss in losses if loss is not None and low < loss < high]
    treads, x = [], 0.0
    n_up = sum(rung.side == "up" for rung in rungs)
    for i, (rung, loss) in enumerate(zip(rungs, losses)):
        if i and rung.side != rungs[i - 1].side:
            x += _GAP if rungs[i - 1].side == "up" else 0.4
        y = _planned_y(rung, i, n_up, shown) if loss is None else loss
        if loss is not None and not low < loss < high:
            edge = _EDGE * max(max(shown) - min(shown), 0.1)
            y = min(shown) - edge if loss <= low else max(shown) + edge
        kind = model_of(rung) if rung.side == "up" else None
        color = palette.model(kind) if kind else palette.accent
        treads.append(_Tread(rung, x, y, loss, color))
        x += 1.0
    return treads


def _in_sight(rungs: Sequence[RungStanding]) -> tuple[float, float]:
    """Between which losses a tread stands where it belongs: around those of the way up."""
    up = [loss for rung in rungs if rung.side == "up" and (loss := _loss_of(rung)) is not None]
    if not up:
        return -math.inf, math.inf
    away = max(_FAR_NATS, max(up) - min(up))
    return min(up) - away, max(up) + away


def _planned_y(rung: RungStanding, place: int, n_up: int, shown: list[float]) -> float:
    """Where a rung without a loss stands: steps of one size down, within what is known."""
    high, low = (max(shown), min(shown)) if shown else (1.0, 0.0)
    if rung.side != "up":
        return low + (high - low) * 0.5
    return high - (high - low) * place / max(1, n_up - 1)


def _loss_of(rung: RungStanding) -> float | None:
    return rung.run.val_loss_nats if rung.run else None


def _y_range(treads: Sequence[_Tread]) -> tuple[float, float]:
    low, high = min(tread.y for tread in treads), max(tread.y for tread in treads)
    room = max(high - low, 0.1)
    return low - 1.5 * _ROOM * room, high + 2.2 * _ROOM * room


def _whole(treads: Sequence[_Tread]) -> _Tread:
    """The last tread of the way up."""
    return [tread for tread in treads if tread.rung.side == "up"][-1]


# --- what is drawn --------------------------------------------------------------------------------


def _add_treads(figure: go.Figure, treads: Sequence[_Tread], palette: Palette) -> None:
    """A short line for each rung: strong where it is measured, dashed where it is not."""
    for tread in treads:
        measured = tread.loss_nats is not None
        figure.add_scatter(
            x=compact([tread.x - _HALF, tread.x + _HALF]), y=compact([tread.y, tread.y]),
            mode="lines", hoverinfo="skip",
            line=dict(color=tread.color if measured else palette.muted, width=5 if measured else 2,
                      dash="solid" if measured else "dot"),
        )  # fmt: skip


def _add_risers(figure: go.Figure, treads: Sequence[_Tread], palette: Palette) -> None:
    """From each tread to the one it is held against: the one before, or the whole."""
    whole = _whole(treads)
    others = [tread for tread in treads if tread.rung.side != "up"]
    if whole.loss_nats is not None and others:
        figure.add_shape(
            type="line", x0=whole.x + _HALF, x1=others[-1].x + _HALF, y0=whole.y, y1=whole.y,
            line=dict(color=whole.color, width=1, dash="dash"),
        )  # fmt: skip
    by_name = {tread.rung.name: tread for tread in treads}
    for tread in treads:
        base = by_name.get(tread.rung.base)
        if base is None or base.loss_nats is None or tread.loss_nats is None:
            continue
        x = tread.x - _HALF
        if tread.rung.side != "up" and base is not whole:
            figure.add_shape(
                type="line", x0=tread.x - _HALF, x1=tread.x + _HALF, y0=base.y, y1=base.y,
                line=dict(color=palette.muted, width=1, dash="dot"),
            )  # fmt: skip
        figure.add_shape(
            type="line", x0=x, x1=x, y0=base.y, y1=tread.y, layer="below",
            line=dict(color=palette.muted, width=1),
        )  # fmt: skip


def _add_labels(figure: go.Figure, treads: Sequence[_Tread], chosen: str, palette: Palette) -> None:
    """The name of each rung above its tread, its loss and its step below.

    On a ground of their own, with room on both sides of a number: a dash of a line through or right
    beside it would read as a minus.
    """
    for tread in treads:
        ground = palette.surface if tread.rung.name == chosen else palette.ground
        place: dict[str, Any] = dict(
            x=tread.x, y=tread.y, showarrow=False, bgcolor=ground, borderpad=0
        )
        figure.add_annotation(
            **place, name=NAME, text=_name(tread), yanchor="bottom", yshift=3,
            font=dict(size=11, color=palette.text),
        )  # fmt: skip
        figure.add_annotation(
            **place | dict(borderpad=4), name=NUMBER, text=_number(tread, treads), yanchor="top",
            yshift=-3, font=dict(size=11, color=palette.muted),
        )  # fmt: skip


def _name(tread: _Tread) -> str:
    kind = model_of(tread.rung) if tread.rung.side == "up" else None
    name = "<br>".join(escape(line, quote=False) for line in _in_lines(tread.rung.name))
    return f"<b>{name}</b>" if kind else name


def _in_lines(name: str) -> list[str]:
    """A name in short lines; no word is broken."""
    return textwrap.wrap(name, _LABEL_WIDTH, break_long_words=False)


def _number(tread: _Tread, treads: Sequence[_Tread]) -> str:
    """Its loss, with what it is below or above the rung it is held against; or how it stands."""
    run = tread.rung.run
    if tread.loss_nats is None:
        return "" if run is None or run.status == "queued" else words.STATUS[run.status]
    said = f"{tread.loss_nats:.3f}"
    if tread.y != tread.loss_nats:
        said = f"{'▼' if tread.loss_nats < tread.y else '▲'} {said}"
    bought = bought_nats(tread.rung, [t.rung for t in treads])
    if bought is None:
        return said
    lines = [said, _signed(-bought)]
    if tread.rung.side != "up" and tread.rung.base != _whole(treads).rung.name:
        lines += ["against", *_in_lines(escape(tread.rung.base, quote=False))]
    return "<br>".join(lines)


def _signed(nats: float) -> str:
    return f"{nats:+.3f}".replace("-", "−")


def _add_targets(figure: go.Figure, treads: Sequence[_Tread], written: dict[str, str]) -> None:
    """What the pointer finds and a click hits: all around a tread."""
    rungs = [tread.rung for tread in treads]
    figure.add_scatter(
        x=compact([tread.x for tread in treads]), y=compact([tread.y for tread in treads]),
        mode="markers", marker=dict(size=46, opacity=0, symbol="square"),
        text=[_hover(tread.rung, rungs, written) for tread in treads],
        customdata=[tread.rung.name for tread in treads], hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip


def _hover(rung: RungStanding, rungs: Sequence[RungStanding], written: dict[str, str]) -> str:
    lines = [f"<b>{escape(rung.name, quote=False)}</b>", _wrapped(rung.changes)]
    run = rung.run
    if run is None:
        return "<br>".join(lines)
    if run.val_loss_nats is None:
        lines.append(words.progress(run))
    else:
        lines.append(
            f"validation loss {run.val_loss_nats:.3f} nats, "
            f"{words.bits(run.val_loss_nats):.3f} bits per character"
        )
        bought = bought_nats(rung, rungs)
        if bought is not None:
            lines.append(f"{_signed(-bought)} nats against {escape(rung.base, quote=False)}")
        lines.append(f"{words.count(run.step)} steps in {words.duration(run.train_s)} of training")
    lines.append(f"{words.count(run.n_params)} parameters")
    if run.message:
        lines.append(_wrapped(run.message))
    if text := " ".join(written.get(run.id, "").split())[:_SHOWN_TEXT]:
        lines.append(f"<i>writes</i>: {escape(text, quote=False)} …")
    return "<br>".join([*lines, "click to see what it adds"])


def _wrapped(sentence: str) -> str:
    return "<br>".join(escape(line, quote=False) for line in textwrap.wrap(sentence, _HOVER_WIDTH))


def _add_references(
    figure: go.Figure, references: Sequence[ReferenceLine], y_range: tuple[float, float],
    treads: Sequence[_Tread], palette: Palette,
) -> None:  # fmt: skip
    """What counting reaches, behind the way up, named at the right end."""
    low, high = y_range
    # One that stands at the edge, out of sight, may lie on the other side of a line that is drawn.
    for tread in treads:
        if tread.loss_nats is not None and tread.loss_nats > tread.y:
            high = min(high, tread.y)
        elif tread.loss_nats is not None and tread.loss_nats < tread.y:
            low = max(low, tread.y)
    end = _whole(treads).x + _HALF
    for line in references:
        if not low < line.loss_nats < high:
            continue
        figure.add_shape(
            type="line", x0=-0.6, x1=end, y0=line.loss_nats, y1=line.loss_nats, layer="below",
            line=dict(color=palette.reference, width=1, dash="dash"),
        )  # fmt: skip
        figure.add_annotation(
            x=end + 0.08, y=line.loss_nats, text=f"{line.name} {line.loss_nats:.3f}",
            showarrow=False, xanchor="left", font=dict(size=11, color=palette.reference),
        )  # fmt: skip


def _frame(
    figure: go.Figure, treads: Sequence[_Tread], chosen: str, y_range: tuple[float, float],
    palette: Palette,
) -> None:  # fmt: skip
    """Headings of the groups, and a ground behind the rung that is looked at."""
    box: dict[str, Any] = dict(type="rect", y0=0, y1=1, yref="paper", layer="below")
    for tread in treads:
        if tread.rung.name == chosen:
            figure.add_shape(
                **box, x0=tread.x - 0.5, x1=tread.x + 0.5, line_width=0, fillcolor=palette.surface
            )
    for side, heading in (
        ("up", "add one idea to what is there"),
        ("out", "leave one out of the whole"),
        ("wrong", "wrong turns"),
    ):
        places = [tread.x for tread in treads if tread.rung.side == side]
        if places:
            figure.add_annotation(
                x=places[0] - _HALF, y=1, yref="paper", yanchor="bottom", xanchor="left",
                text=f"<b>{heading}</b>", showarrow=False, font=dict(size=12, color=palette.muted),
            )  # fmt: skip
