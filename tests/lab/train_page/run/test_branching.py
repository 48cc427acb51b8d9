"""The branch dialog: it shows what holds at the step, and what is chosen there holds."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.records.course import Course
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from lab.train_page.run.branching import about_branch, held_at
from tests.helpers import filled, small_config, small_run, train, wait_until
from tests.lab.app_pages.test_train_bench import branch_value, small, small_corpus, texts
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots", "small"]

LATER: dict[str, Any] = dict(
    learning_rate=0.03, batch_size=8, weight_decay=0.3, grad_clip=3.0, schedule="linear"
)
BEFORE: dict[str, Any] = dict(
    learning_rate=0.01, batch_size=4, weight_decay=0.1, grad_clip=1.0, schedule="constant"
)


def changed_at_20(lab: Lab) -> RunRecord:
    run_id = small_run(lab, small_corpus(lab), "transformer", name="owl", **BEFORE)
    run = ActiveRun.open(lab.home, lab.store, run_id)
    run.advance(60.0, until=20)
    run.change(LATER)
    run.advance(60.0)
    run.finish()
    run.close()
    return lab.run(run_id)


@pytest.fixture
def owl(small: Lab, plots: Plots) -> RunRecord:
    """A finished run in which everything that a branch can change was changed at step 20."""
    return filled(small, changed_at_20)


def dialog(at: int, setting: str) -> AppTest:
    app = open_page("train")
    app.button(key="train_branch").click().run()
    app.number_input(key="branch_at").set_value(at).run()
    app.selectbox(key="branch_setting").set_value(setting).run()
    assert not app.exception
    return app


def branched(lab: Lab, app: AppTest) -> RunRecord:
    """The branch, when it is over."""
    app.button(key="branch_go").click().run()
    assert not app.exception
    child = lab.runs()[0]
    wait_until(lambda: lab.run(child.id).status == "finished", "the branch is over")
    return lab.run(child.id)


@pytest.mark.parametrize("name", BEFORE)
def test_the_value_is_that_of_the_step(owl: RunRecord, name: str) -> None:
    app = dialog(19, name)
    for at, now in ((19, BEFORE[name]), (20, LATER[name])):
        app.number_input(key="branch_at").set_value(at).run()
        assert not app.exception
        said = now if isinstance(now, str) else f"{now:g}"
        assert branch_value(app).label == f"From {said} to"
        assert (f"{said}, as it is" in branch_value(app).options) == (at == 19)
    assert "does not come along" not in texts(app)


def test_the_rate_of_the_step_can_be_chosen_where_it_was_changed_later(
    small: Lab, owl: RunRecord
) -> None:
    app = dialog(10, "learning_rate")
    assert branch_value(app).label == "From 0.01 to"
    assert (
        "What was changed after that (learning rate 0.01 -> 0.03, batch size 4 -> 8 at step 20) "
        "does not come along." in texts(app)
    )
    branch_value(app).set_value(0.01).run()
    child = branched(small, app)
    theirs, ours = (small.store.steps(run.id) for run in (owl, child))
    assert [s.learning_rate for s in ours[2:]] == [0.01] * 38
    assert [s.loss_nats for s in ours[:20]] == [s.loss_nats for s in theirs[:20]]
    assert child.config.flat() | LATER == owl.config.flat()


def test_with_nothing_changed_what_came_later_comes_along(small: Lab, owl: RunRecord) -> None:
    app = dialog(10, "nothing")
    assert "at step 20) comes along." in texts(app)
    child = branched(small, app)
    theirs, ours = (small.store.steps(run.id) for run in (owl, child))
    assert [(s.loss_nats, s.learning_rate) for s in ours] == [
        (s.loss_nats, s.learning_rate) for s in theirs
    ]


def test_a_longer_branch_says_at_which_rate_it_goes_on(small: Lab, plots: Plots) -> None:
    run_id = small_run(small, small.library.load("small"), learning_rate=0.01, name="owl")
    train(small, run_id)
    app = dialog(40, "max_iters")
    branch_value(app).set_value(200).run()
    assert (
        "From step 40 on, where the schedule has ended, the learning rate stays at 0.001. The "
        "slider on the left sets another while the branch trains." in texts(app)
    )
    app.selectbox(key="branch_setting").set_value("learning_rate").run()
    assert branch_value(app).label == "From 0.001 to" and "0.01" in branch_value(app).options
    assert "The schedule has ended by step 40" in texts(app)


# --- what it says ---------------------------------------------------------------------------------


def test_past_the_schedule_s_end_the_rate_itself_is_said() -> None:
    course = Course(small_config("bigram", 9, learning_rate=0.01, min_lr=0.001))
    assert [held_at("learning_rate", at, course) for at in (0, 39, 40, 50)] == [
        0.01, 0.01, 0.001, 0.001,
    ]  # fmt: skip
    (said,) = about_branch(course, 21, {"learning_rate": 0.02})
    assert said == (
        "This is the schedule's peak; at step 21 the branch stands at 0.0105, where its parent "
        "stood at 0.0055."
    )
    (said,) = about_branch(course, 21, {"learning_rate": 0.002})
    assert "the branch stands at 0.0015, " in said  # never above the peak that was chosen
    assert course.at(21).train.learning_rate == 0.01
    assert list(about_branch(course, 10, {"weight_decay": 0.0})) == []
    assert list(about_branch(course, 10, {"max_iters": 40})) == []
    (said,) = about_branch(course, 10, {"batch_size": 8})
    assert said == "Batches of another size are other windows of the text than its parent's."


def test_what_the_rate_stays_at_counts_a_change_that_comes_along() -> None:
    course = Course(small_config("bigram", 9, learning_rate=0.01, min_lr=0.001))
    course.change(50, {"learning_rate": 0.005})
    said = " ".join(about_branch(course, 30, {"max_iters": 90}))
    assert said.startswith(
        "From step 50 on, where the schedule has ended, the learning rate stays at 0.005. "
    )


def test_a_run_that_is_as_long_as_any_can_be_made_longer(small: Lab, plots: Plots) -> None:
    run_id = small_run(small, small.library.load("small"), max_iters=10_000, eval_interval=10_000)
    run = ActiveRun.open(small.home, small.store, run_id)
    run._trainer.step = 9_999  # only the last step is taken
    run.advance(60.0)
    run.finish()
    run.close()
    app = dialog(10_000, "max_iters")
    assert branch_value(app).options == ["20,000", "50,000"]


# --- the controls, once a run is on the bench -----------------------------------------------------


def test_a_new_run_does_not_inherit_the_flat_end_of_another(small: Lab, plots: Plots) -> None:
    run_id = small_run(small, small.library.load("small"), learning_rate=0.01, name="owl")
    train(small, run_id)
    run = ActiveRun.open(small.home, small.store, run_id, max_iters=50, learning_rate=0.003)
    run.advance(60.0)
    run.finish()
    run.close()
    assert small.run(run_id).config.train.min_lr == 0.003
    app = open_page("train")
    app.button(key="train_start").click().run()
    train_config = small.runs()[0].config.train
    assert (train_config.learning_rate, train_config.min_lr) == (0.003, 0.003 / 10)
    assert (train_config.max_iters, train_config.batch_size) == (50, 4)
