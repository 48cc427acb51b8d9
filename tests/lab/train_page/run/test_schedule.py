"""The learning rate under the controls: the real course of a run, and what is planned."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from core.records.course import Course
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.branch import enter_branch
from core.runs.lab import Lab
from core.training.optim import learning_rate_at
from lab.figures.palette import DARK, LIGHT
from lab.figures.schedules import RateCurve, planned_rates, schedule_figure
from tests.helpers import small_config, small_run
from tests.lab.app_pages.test_train import control, open_train
from tests.lab.app_pages.test_train_bench import finished, small
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots", "small"]


def drawn(figure: go.Figure, name: str) -> list[tuple[int, float]]:
    """Step and rate of each point of a trace; nothing where it is not there."""
    return [
        (int(step), float(rate))
        for trace in figure.data
        if trace.name == name
        for step, rate in zip(trace.x, trace.y)
    ]


def title(figure: go.Figure) -> str:
    return str(figure.layout.xaxis.title.text)


def stopped(lab: Lab, *, until: int = 30, **changes: Any) -> RunRecord:
    """A run of 40 steps that was changed to rate 0.002 at step 20 and waits at another."""
    run_id = small_run(lab, lab.library.load("small"), learning_rate=0.01, **changes)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.advance(60.0, until=20)
    run.set_learning_rate(0.002)
    run.advance(60.0, until=until)
    run.interrupt()
    run.close()
    return lab.run(run_id)


def recorded(lab: Lab, run: RunRecord) -> list[tuple[int, float]]:
    steps = lab.store.steps(run.id)
    return [(s.step - 1, pytest.approx(s.learning_rate)) for s in steps]


# --- on the page ----------------------------------------------------------------------------------


def test_a_run_shows_what_it_took_and_what_is_planned(small: Lab, plots: Plots) -> None:
    run = stopped(small)
    open_page("train")
    figure = plots.figures["schedule"]
    taken, planned = drawn(figure, "taken"), drawn(figure, "planned")
    assert taken == recorded(small, run) and len(taken) == 30
    assert taken[19][1] > 2 * taken[20][1]  # the change is where it was, and not at step 0
    train = run.config.train
    assert planned == [(s, pytest.approx(learning_rate_at(s, train))) for s in range(30, 40)]
    assert drawn(figure, "now") == planned[:1]
    assert drawn(figure, "changes") == taken[20:21]
    assert title(figure) == "steps of this run, dashed: planned"
    said = plots.alts["schedule"]
    assert said.startswith("Learning rate over the steps of this run: taken from 0.0033 at step 0")


def test_a_run_that_waits_shows_the_rate_at_which_it_would_go_on(small: Lab, plots: Plots) -> None:
    run = stopped(small)
    app = open_train()
    control(app, "select_slider", "learning_rate").set_value(0.03).run()
    figure = plots.figures["schedule"]
    assert drawn(figure, "taken") == recorded(small, run)
    course = Course(run.config, small.store.changes(run.id))
    course.change(30, {"learning_rate": 0.03})
    (at, rate) = drawn(figure, "now")[0]
    assert (at, rate) == (30, pytest.approx(learning_rate_at(30, course.at(30).train)))
    assert [step for step, _ in drawn(figure, "changes")] == [20, 30]


def test_where_the_controls_describe_another_run_it_is_that_one_s(small: Lab, plots: Plots) -> None:
    stopped(small)
    app = open_train("all")
    assert title(plots.figures["schedule"]).startswith("steps of this run")
    control(app, "select_slider", "batch_size").set_value(8).run()
    figure = plots.figures["schedule"]
    assert title(figure) == "steps of a new run, dashed: planned"
    assert drawn(figure, "taken") == drawn(figure, "now") == drawn(figure, "changes") == []
    assert [step for step, _ in drawn(figure, "planned")] == list(range(40))


def test_a_run_that_is_over_shows_its_course_until_the_rate_is_moved(
    small: Lab, plots: Plots
) -> None:
    run = finished(small, "bigram", learning_rate=0.01)
    app = open_train()
    figure = plots.figures["schedule"]
    assert drawn(figure, "taken") == recorded(small, run)
    assert drawn(figure, "planned") == [] and title(figure) == "steps of this run"
    assert drawn(figure, "now") == drawn(figure, "taken")[-1:]
    control(app, "select_slider", "learning_rate").set_value(0.03).run()
    assert title(plots.figures["schedule"]) == "steps of a new run, dashed: planned"


def test_a_branch_shows_the_changes_that_are_to_come(small: Lab, plots: Plots) -> None:
    parent = stopped(small)
    child = enter_branch(small, parent, 10, {})
    run = ActiveRun.open(small.home, small.store, child)
    run.advance(60.0, until=15)
    run.interrupt()
    run.close()
    open_page("train")
    planned = dict(drawn(plots.figures["schedule"], "planned"))
    theirs = dict(recorded(small, parent))
    assert [planned[step] for step in range(15, 30)] == [theirs[step] for step in range(15, 30)]
    assert [step for step, _ in drawn(plots.figures["schedule"], "changes")] == [20]


def test_without_a_run_it_is_the_plan(pages: Lab, plots: Plots) -> None:
    open_page("train")
    assert title(plots.figures["schedule"]) == "steps of a new run, dashed: planned"


# --- the figure -----------------------------------------------------------------------------------


def test_plans_are_those_of_the_scheduler_with_upright_jumps() -> None:
    config = small_config("bigram", 9, max_iters=5_000, learning_rate=0.01)
    course = Course(config)
    course.change(1_234, {"learning_rate": 0.001})
    plan = planned_rates(course, 100, 5_000)
    assert plan == [(s, learning_rate_at(s, course.at(s).train)) for s, _ in plan]
    steps = [step for step, _ in plan]
    assert steps == sorted(set(steps)) and (steps[0], steps[-1]) == (100, 4_999)
    assert {1_233, 1_234} <= set(steps) and len(steps) < 300
    assert planned_rates(course, 40, 40) == []


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_solid_and_dashed_tell_the_past_from_the_plan(palette: Any) -> None:
    curve = RateCurve(
        whose="this run", max_iters=4, taken=[(0, 0.1), (1, 0.2)], planned=[(2, 0.3), (3, 0.2)],
        changes=[(2, "learning rate 0.2 -> 0.3")],
    )  # fmt: skip
    figure = schedule_figure(curve, palette, palette.model("bigram"))
    dashes = {t.name: t.line.dash for t in figure.data if t.mode == "lines"}
    assert dashes == {"taken": "solid", "planned": "5px,3px"}
    assert [shape.x0 for shape in figure.layout.shapes] == [2]
    (changes,) = [t for t in figure.data if t.name == "changes"]
    assert list(changes.text) == ["learning rate 0.2 -> 0.3"]
    assert np.allclose(changes.y, [0.3])
    assert figure.layout.yaxis.title.text == "learning rate"


def test_a_curve_of_nothing_is_an_empty_figure() -> None:
    curve = RateCurve(whose="a new run", max_iters=10, changes=[(3, "x")])
    assert not schedule_figure(curve, LIGHT, "#000000").data
