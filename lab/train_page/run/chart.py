"""The chart of the run on the bench: its curve, and all that stands around it.

It is drawn, and its clicks are heard, in `lab.train_page.run.view`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.findings.notes import Note
from core.records.course import Course
from core.records.event_words import story_of
from core.records.records import RunRecord
from core.text.reference import ReferenceLine
from lab.figures.base import MARGIN
from lab.figures.curve_marks import (
    ROW_PX,
    Mark,
    add_earlier,
    add_marks,
    add_notes,
    add_smoothed,
)
from lab.figures.losses import LossAxes, LossCurve, Scale, XAxis, loss_figure
from lab.session.state import curve_of, palette, the_lab
from lab.train_page.run.answers import Measured
from lab.wording.labels import settings_text

ROOM = 1.015
BUTTONS_PX, ROOM_PX = 28, 4
CLICK = "<i>click: rewind to this step and branch</i>"


@dataclass(frozen=True)
class ChartSettings:
    """How the reader wants the chart."""

    axis: XAxis
    in_bits: bool
    scale: Scale
    smoothing: float
    behind: tuple[str, ...]
    """Ids of the runs whose curves stand behind, faded."""


def run_chart(
    now: Measured,
    notes: Sequence[Note],
    references: Sequence[ReferenceLine],
    others: Sequence[RunRecord],
    look: ChartSettings,
) -> go.Figure:
    """The curve of a run, earlier runs behind it, what happened to it, and numbered notes."""
    run, axis, in_bits = now.run, look.axis, look.in_bits
    curve = LossCurve.of(run, now.steps, now.estimates, now.changes)
    figure = loss_figure(
        [curve], references, palette(),
        LossAxes(x=axis, x_end=_x_end(now, axis), in_bits=in_bits, scale=look.scale),
    )  # fmt: skip
    figure.update_traces(selector=0, name="training, batch by batch", showlegend=True)
    figure.update_traces(selector=1, name="validation, estimated")
    parent = next((other.name for other in others if other.id == run.parent), "")
    add_earlier(figure, _behind(others, look), palette(), axis, in_bits, parent)
    add_smoothed(figure, curve, palette(), axis, in_bits, look.smoothing)
    n_rows = add_marks(figure, curve, _marks(run), palette(), axis)
    add_notes(figure, curve, notes, palette(), axis, in_bits)
    _announce_clicks(figure)
    return _on_the_bench(figure, n_rows)


def clear_chart(
    references: Sequence[ReferenceLine],
    others: Sequence[RunRecord],
    max_iters: int,
    look: ChartSettings,
) -> go.Figure:
    """What there is to beat, and earlier runs, before there is a run."""
    end = ROOM * max_iters if look.axis == "steps" else None
    axes = LossAxes(x=look.axis, x_end=end, in_bits=look.in_bits, scale=look.scale)
    figure = loss_figure([], references, palette(), axes)
    add_earlier(figure, _behind(others, look), palette(), look.axis, look.in_bits)
    return _on_the_bench(figure)


def _announce_clicks(figure: go.Figure) -> None:
    """What brings its step when clicked says so when pointed at."""
    for trace in figure.data:
        if trace.customdata is not None:
            trace.hovertemplate = trace.hovertemplate.replace("<extra>", f"<br>{CLICK}<extra>")


def _on_the_bench(figure: go.Figure, n_rows: int = 0) -> go.Figure:
    """The legend fits into the empty corner; above is room for Plotly's buttons, which else would
    lie on the label of the highest line, and for rows of labels."""
    return figure.update_layout(
        margin=MARGIN | dict(r=112, t=max(BUTTONS_PX, ROW_PX * n_rows + ROOM_PX)),
        legend=dict(
            orientation="v", x=0.99, y=0.99, xanchor="right", yanchor="top", font=dict(size=11),
            bgcolor=palette().ground,
        ),
    )  # fmt: skip


def _x_end(now: Measured, axis: XAxis) -> float | None:
    """Where the run will end, and a little room for the last number on the curve."""
    if axis not in ("steps", "characters"):
        return None
    end = now.run.max_iters
    if axis == "characters":
        end = Course(now.run.config, now.changes).n_tokens(0, end)
    return ROOM * end


def _behind(others: Sequence[RunRecord], look: ChartSettings) -> list[LossCurve]:
    by_id = {other.id: other for other in others}
    return [curve_of(by_id[run_id]) for run_id in look.behind if run_id in by_id]


def _marks(run: RunRecord) -> list[Mark]:
    """What happened to a run."""
    store = the_lab().store
    course = Course(run.config, store.changes(run.id))
    said = [(c.step, settings_text(c, course).replace("->", "→")) for c in course.changes]
    marks = [Mark(step, "changed", what, what) for step, what in said]
    for event in store.events(run.id):
        story = story_of(event.what)
        if event.kind == "resumed":
            marks.append(Mark(event.step, "resumed", "resumed", story))
        elif event.kind == "branched":
            marks.append(Mark(event.step, "branched", "branched", story))
    return marks
