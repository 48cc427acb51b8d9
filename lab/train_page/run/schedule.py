"""The learning rate under the controls: of the run on the bench, or of the run that they describe.

Which of the two it is follows from the controls: as long as they say nothing that needs a new run,
it is the course of the one that is there, so far and planned.
"""

from __future__ import annotations

import streamlit as st

from core.errors import ConfigError, LabError
from core.records.course import Course
from core.records.records import RunRecord
from core.settings.config import RunConfig
from lab.components.live_plot import live_plot
from lab.figures.schedules import RateCurve, planned_rates, schedule_figure
from lab.session.pace import paced
from lab.session.state import is_live, palette, the_lab
from lab.train_page.run.transport import RESUMABLE
from lab.wording.labels import settings_text

_HEIGHT_PX, _TICK_S = 120, 2.0
_AT_MOST = 400
"""Steps whose rates are drawn; more than the picture has pixels."""


def render_schedule(run: RunRecord | None, config: RunConfig, *, restart: bool) -> None:
    """Draw it, and again while the run goes on.

    Args:
        config: what the controls say.
        restart: whether they say something that needs a new run.
    """
    shown = None if run is None or restart else run.id
    ticks = _TICK_S if shown and run and is_live(run) else None
    st.fragment(_render, run_every=paced(ticks))(shown, config)


def _render(run_id: str | None, config: RunConfig) -> None:
    try:
        run = the_lab().run(run_id) if run_id else None
    except LabError:  # deleted meanwhile
        run = None
    curve = (run and curve_of_run(run, config)) or curve_of_plan(config)
    model = config.model.model
    live_plot(
        schedule_figure(curve, palette(), palette().model(model)), key="schedule",
        height_px=_HEIGHT_PX,
        alt=f"Learning rate over the steps of {curve.whose}: {_rates_said(curve)}",
    )  # fmt: skip


def _rates_said(curve: RateCurve) -> str:
    """What has been and what is to come; nothing where neither is known."""
    spans = [("taken", curve.taken), ("planned", curve.planned)]
    return "; ".join(
        f"{name} from {line[0][1]:.2g} at step {line[0][0]:,} to {line[-1][1]:.2g} at step "
        f"{line[-1][0]:,}"
        for name, line in spans
        if line
    )


def curve_of_plan(config: RunConfig) -> RateCurve:
    """What is planned for a new run."""
    end = config.train.max_iters
    rates = planned_rates(Course(config), 0, end)
    return RateCurve(whose="a new run", max_iters=end, planned=rates)


def curve_of_run(run: RunRecord, config: RunConfig) -> RateCurve | None:
    """The course of a run so far, and its plan from here; None where the controls describe another.

    A run that waits goes on at the rate that the controls say; one that is over goes on at none.
    """
    course = Course(run.config, the_lab().store.changes(run.id))
    rate, end = config.train.learning_rate, run.max_iters
    if not is_live(run) and rate != run.config.train.learning_rate:
        if run.status not in RESUMABLE:
            return None
        try:
            course.change(run.step, {"learning_rate": rate})
        except ConfigError:  # said where it is asked for
            return None
    steps = the_lab().store.steps(run.id, at_most=_AT_MOST)
    under_way = is_live(run) or run.status in RESUMABLE
    if not steps and not under_way:  # its steps were taken elsewhere
        return None
    changes = [(c.step, settings_text(c, course)) for c in course.changes if c.settings]
    return RateCurve(
        whose="this run", max_iters=end, taken=[(s.step - 1, s.learning_rate) for s in steps],
        planned=planned_rates(course, run.step, end) if under_way else (),
        changes=[(at, said) for at, said in changes if at < (end if under_way else run.step)],
    )  # fmt: skip
