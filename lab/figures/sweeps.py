"""A sweep as one heat map: a cell for each run, its number written into it.

Cells in, a figure out. What has no number yet says how it stands; what cannot be is empty, and the
pointer finds the reason.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal, get_args

import numpy as np
import plotly.graph_objects as go

from core.experiments.sweep import Cell
from core.records.records import RunRecord
from lab.figures.base import compact, empty_figure, plain_figure
from lab.figures.columns import axis_columns
from lab.figures.palette import ColorScale, Palette, ink_on
from lab.wording import words
from lab.wording.labels import in_labels

SweepMeasure = Literal["loss", "time", "size"]
MEASURES: tuple[SweepMeasure, ...] = get_args(SweepMeasure)
BAR_TITLES: dict[SweepMeasure, str] = {
    "loss": "validation loss (nats per character)",
    "time": "training time (seconds)",
    "size": "size (parameters)",
}
COUNTED = ("heads", "layers")
"""Settings that are numbers of something; the others have a size."""

_PALE_SHARE = 0.2
"""The highest loss lies so far below the end of the scale, so that it is not taken for nothing."""
_HOVER_WIDTH = 60


@dataclass(frozen=True)
class _Scale:
    """From numbers to colours."""

    lowest: float
    highest: float
    colors: ColorScale

    def color_of(self, value: float) -> str:
        """The colour of the stop nearest to a value."""
        position = (value - self.lowest) / (self.highest - self.lowest)
        return min(self.colors, key=lambda stop: abs(stop[0] - position))[1]


def sweep_figure(
    cells: Sequence[Cell],
    x_title: str,
    y_title: str,
    measure: SweepMeasure,
    palette: Palette,
    color: str,
) -> go.Figure:
    """The grid of a sweep, the first setting across, the second up; a click finds the run's id.

    The colour goes from the ground to `color`: the lower the loss, the stronger; for time and size
    it is the more, the stronger.
    """
    if not cells:
        return empty_figure("Choose two settings and their values: each pair is a run.", palette)
    xs, ys = sorted({cell.x for cell in cells}), sorted({cell.y for cell in cells})
    values = np.full((len(ys), len(xs)), np.nan)
    hovers, ids = ([[""] * len(xs) for _ in ys] for _ in range(2))
    for cell in cells:
        i, j = ys.index(cell.y), xs.index(cell.x)
        number = _number(cell.run, measure)
        values[i, j] = np.nan if number is None else number
        hovers[i][j] = _hover(cell, x_title, y_title)
        ids[i][j] = cell.run.id if cell.run else ""
    scale = _scale(values, measure, palette, color)
    figure = plain_figure(palette)
    figure.add_heatmap(
        z=compact(values), hoverinfo="skip", zmin=scale.lowest, zmax=scale.highest,
        colorscale=scale.colors, showscale=int(np.isfinite(values).sum()) > 1,
        colorbar=_color_bar(measure, scale), meta=dict(value=BAR_TITLES[measure]),
    )  # fmt: skip
    # Where a heat map has no number it does not answer the pointer; an invisible one does.
    figure.add_heatmap(
        z=np.zeros(values.shape, np.float32), opacity=0, showscale=False, text=hovers,
        customdata=ids, hovertemplate="%{text}<extra></extra>", meta=dict(rows=False),
    )  # fmt: skip
    _write_into(figure, cells, xs, ys, measure, scale, palette)
    _draw_grid(figure, len(xs), len(ys), palette)
    if measure == "loss" and (best := best_cell(cells)):
        figure.add_shape(_frame(xs.index(best.x), ys.index(best.y), palette.text, 2))
    columns = dict(x=axis_columns(x_title, xs), y=axis_columns(y_title, ys))
    figure.update_layout(margin=dict(l=64, r=8, t=28, b=52), meta=columns)
    figure.update_xaxes(title=x_title, **_axis(xs))
    figure.update_yaxes(title=y_title, **_axis(ys))
    return figure


def best_cell(cells: Sequence[Cell]) -> Cell | None:
    """The cell with the lowest validation loss; None while there are no two to choose from."""
    measured = [
        (cell.run.val_loss_nats, cell) for cell in cells if cell.run and cell.run.val_loss_nats
    ]
    return min(measured, key=lambda pair: pair[0])[1] if len(measured) > 1 else None


def value_text(value: float) -> str:
    """A value of a setting, as it stands at an axis."""
    return f"{value:,g}"


def setting_text(title: str, value: float) -> str:
    """A setting and its value as people say it: block size 32, 4 heads, 1 layer."""
    if title not in COUNTED:
        return f"{title} {value_text(value)}"
    return f"{value_text(value)} {title.removesuffix('s') if value == 1 else title}"


# --- numbers and words ----------------------------------------------------------------------------


def _number(run: RunRecord | None, measure: SweepMeasure) -> float | None:
    """What is coloured; nothing before the run is measured."""
    if run is None or run.val_loss_nats is None:
        return None
    by_measure = {"loss": run.val_loss_nats, "time": run.train_s, "size": float(run.n_params)}
    return by_measure[measure]


def _label(cell: Cell, measure: SweepMeasure, is_best: bool) -> str:
    """What stands in a cell."""
    run = cell.run
    if run is None:
        return "" if cell.why_not else "to be run"
    if run.val_loss_nats is None:
        if run.status == "running":
            return f"step {words.count(run.step)}<br>of {words.count(run.max_iters)}"
        return words.STATUS[run.status]
    if measure == "loss":
        return f"{words.loss(run.val_loss_nats)} nats" + "<br><b>lowest</b>" * is_best
    if measure == "time":
        return words.duration(run.train_s)
    return f"{words.short_count(run.n_params)}<br>parameters"


def _hover(cell: Cell, x_title: str, y_title: str) -> str:
    place = f"<b>{setting_text(x_title, cell.x)}, {setting_text(y_title, cell.y)}</b>"
    run = cell.run
    if run is None:
        return f"{place}<br>{_wrapped(in_labels(cell.why_not) or 'This run has not been started.')}"
    lines = [place, escape(run.name, quote=False)]
    if run.val_loss_nats is None:
        lines.append(words.progress(run))
    else:
        lines += [
            f"validation loss {run.val_loss_nats:.3f} nats, "
            f"{words.bits(run.val_loss_nats):.3f} bits per character",
            f"{words.count(run.step)} steps in {words.duration(run.train_s)} of training",
        ]
    lines.append(f"{words.count(run.n_params)} parameters")
    if run.message:
        lines.append(_wrapped(run.message))
    return "<br>".join([*lines, "click to open this run"])


def _wrapped(sentence: str) -> str:
    """A long sentence in lines, since hover labels do not break them."""
    return "<br>".join(escape(line, quote=False) for line in textwrap.wrap(sentence, _HOVER_WIDTH))


# --- colours and lines ----------------------------------------------------------------------------


def _scale(values: Any, measure: SweepMeasure, palette: Palette, color: str) -> _Scale:
    """A scale over the numbers there are."""
    known = values[np.isfinite(values)]
    lowest, highest = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    colors = palette.scale_to(color)
    if measure != "loss":
        return _Scale(0.0, max(highest, 1e-3), colors)
    pale_end = highest + _PALE_SHARE * max(highest - lowest, 1e-3)
    return _Scale(lowest, pale_end, [(1.0 - position, c) for position, c in reversed(colors)])


def _color_bar(measure: SweepMeasure, scale: _Scale) -> dict[str, Any]:
    decimals = 3 if scale.highest - scale.lowest < 0.05 else 2  # so that no two ticks read alike
    return dict(
        title=dict(text=BAR_TITLES[measure], side="right", font=dict(size=12)), thickness=12,
        outlinewidth=0, tickfont=dict(size=11), nticks=6,
        tickformat={"loss": f".{decimals}f", "time": "~g", "size": "~s"}[measure],
    )  # fmt: skip


def _write_into(
    figure: go.Figure, cells: Sequence[Cell], xs: list[float], ys: list[float],
    measure: SweepMeasure, scale: _Scale, palette: Palette,
) -> None:  # fmt: skip
    """Labels over the cells, each in the colour that can be read there."""
    best = best_cell(cells)
    colors = []
    for cell in cells:
        number = _number(cell.run, measure)
        colors.append(palette.muted if number is None else ink_on(scale.color_of(number)))
    figure.add_scatter(
        x=compact([xs.index(cell.x) for cell in cells]),
        y=compact([ys.index(cell.y) for cell in cells]),
        text=[_label(cell, measure, cell is best) for cell in cells], mode="text",
        textfont=dict(color=colors, size=13), hoverinfo="skip",
    )  # fmt: skip


def _draw_grid(figure: go.Figure, n_x: int, n_y: int, palette: Palette) -> None:
    """Lines between the cells, so that an empty one is seen to be one."""
    line = dict(color=palette.border, width=1)
    for i in range(n_x + 1):
        figure.add_shape(type="line", x0=i - 0.5, x1=i - 0.5, y0=-0.5, y1=n_y - 0.5, line=line)
    for i in range(n_y + 1):
        figure.add_shape(type="line", x0=-0.5, x1=n_x - 0.5, y0=i - 0.5, y1=i - 0.5, line=line)


def _frame(x: int, y: int, color: str, width: int) -> dict[str, Any]:
    box = dict(x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5)
    return dict(type="rect", line=dict(color=color, width=width)) | box


def _axis(values: list[float]) -> dict[str, Any]:
    return dict(
        tickmode="array", tickvals=list(range(len(values))), ticks="", tickangle=0,
        ticktext=[value_text(value) for value in values], range=[-0.5, len(values) - 0.5],
        showgrid=False, zeroline=False, fixedrange=True,
    )  # fmt: skip
