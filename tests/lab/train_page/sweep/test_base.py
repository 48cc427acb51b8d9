"""A sweep does not inherit a learning rate at which the run on the bench diverged."""

from __future__ import annotations

import pytest

from core.experiments.sweep import load_sweeps
from core.records.events import Diverged, Failed, Happening
from core.records.records import Estimate, RunRecord, StepRecord
from core.runs.lab import Lab
from lab.train_page.sweep.base import has_diverged, sweep_base
from tests.helpers import small_run, train
from tests.lab.app_pages.test_train import control
from tests.lab.app_pages.test_train_bench import small, texts
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots", "small"]

BROKEN = Diverged()


def failed(lab: Lab, rate: float, event: Happening = BROKEN) -> RunRecord:
    run_id = small_run(lab, lab.library.load("small"), "transformer", learning_rate=rate,
                       dropout=0.0, name="owl")  # fmt: skip
    lab.store.add_event(run_id, 3, event)
    lab.store.update_run(run_id, status="failed", step=3)
    return lab.run(run_id)


def rising(lab: Lab) -> RunRecord:
    """A run whose step losses fell and then rose."""
    run_id = train(lab, small_run(lab, lab.library.load("small"), "transformer", name="owl"))
    losses = [3.0] * 60 + [2.0] * 60 + [3.3] * 60
    steps = [StepRecord(i, nats, 1e-3, 1.0, float(i)) for i, nats in enumerate(losses, 1)]
    lab.store.record(run_id, steps, [], [])
    return lab.run(run_id)


def test_a_rate_that_diverged_gives_way_to_the_model_s_own(small: Lab) -> None:
    run = failed(small, 0.3)
    base, said = sweep_base(run.config, run)
    assert (base.train.learning_rate, base.train.min_lr) == (1e-3, 1e-4)
    assert said == (
        "owl diverged at a learning rate of 0.3, so the sweep takes 0.001, the transformer's own. "
        "Another that you choose on the left is taken as it is."
    )
    assert base.flat() | {"learning_rate": 0.3, "min_lr": 0.03} == run.config.flat()


@pytest.mark.parametrize(("rate", "taken"), [(1e-3, 3e-4), (3e-4, 1e-4), (9e-5, 3e-5)])
def test_where_its_own_is_no_smaller_it_is_the_next_below(
    small: Lab, rate: float, taken: float
) -> None:
    run = failed(small, rate)
    base, said = sweep_base(run.config, run)
    assert base.train.learning_rate == pytest.approx(taken)
    assert "the next below it" in said


def test_what_was_chosen_since_and_other_models_are_taken_as_they_are(small: Lab) -> None:
    run = failed(small, 0.3)
    other = small.configure("transformer", small.library.load("small"), learning_rate=0.1)
    bigram = small.configure("bigram", small.library.load("small"), learning_rate=0.3)
    for config in (other, bigram):
        assert sweep_base(config, run) == (config, "")
    assert sweep_base(run.config, None) == (run.config, "")


def test_divergence_is_an_event_or_what_the_curve_shows(small: Lab) -> None:
    assert not has_diverged(failed(small, 0.3, event=Failed("no room")))  # the disk was full, say
    small.rename_run("owl", "fox")
    assert has_diverged(rising(small))


def test_a_divergence_that_only_the_estimates_show_is_one(small: Lab) -> None:
    """Both estimates went up and stayed there; the steps lie too far apart to tell."""
    run_id = train(small, small_run(small, small.library.load("small"), "transformer", name="owl"))
    assert not has_diverged(small.run(run_id))
    best = small.store.estimates(run_id)[-1]
    up = (best.train_loss_nats + 0.68, best.val_loss_nats + 0.68)
    worse = [(Estimate(n, *up), "") for n in (50, 60, 70, 80, 90)]
    small.store.record(run_id, [], worse, [])
    assert has_diverged(small.run(run_id))


def test_the_view_says_it_and_sweeps_at_the_other_rate(small: Lab, plots: Plots) -> None:
    failed(small, 0.3)
    app = open_page("train")
    app.segmented_control(key="train_view").set_value("sweep").run()
    assert "owl diverged at a learning rate of 0.3, so the sweep takes 0.001" in texts(app)
    app.button(key="sweep_start").click().run()
    assert not app.exception
    (sweep,) = load_sweeps(small)
    assert sweep.base.train.learning_rate == 1e-3
    assert {r.config.train.learning_rate for r in small.runs_of(sweep.id)} == {1e-3}
    control(app, "select_slider", "learning_rate").set_value(0.1).run()
    assert "diverged at" not in texts(app)
