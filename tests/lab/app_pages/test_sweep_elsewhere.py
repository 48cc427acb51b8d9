"""Runs of sweeps on the other pages: there to be chosen, and not in the way until they are."""

from __future__ import annotations

import pytest

from core.experiments.sweep import Sweep
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from tests.helpers import trained
from tests.lab.train_page.sweep.test_view import finished, small
from tests.pages import open_page, pages
from tests.plots import plots

__all__ = ["pages", "plots", "small"]


@pytest.fixture
def sweep(small: Lab) -> Sweep:
    """Newer than anything else that a test has trained before."""
    return finished(small)


def test_no_page_shows_a_run_of_a_sweep_unless_it_was_chosen(small: Lab) -> None:
    single = trained(small, small.library.load("small"), "transformer")
    sweep = finished(small)
    cell = small.runs_of(sweep.id)[0]
    app = open_page("generate")
    assert app.selectbox(key="generate_run").value == single
    app.selectbox(key="generate_run").set_value(cell.id).run()
    app.switch_page("app_pages/attention.py").run()
    assert not app.exception and app.selectbox(key="attention_run").value == cell.id


def test_with_nothing_but_a_sweep_no_run_is_shown_and_one_can_be_chosen(
    small: Lab, sweep: Sweep
) -> None:
    for page in ("attention", "generate"):
        app = open_page(page)
        box = app.selectbox(key=f"{page}_run")
        assert box.value is None and len(box.options) == 4
    cell = small.runs_of(sweep.id)[0]
    box.set_value(cell.id).run()
    assert not app.exception and app.selectbox(key="generate_run").value == cell.id


def test_the_bigram_page_offers_to_train_beside_a_sweep(small: Lab) -> None:
    from core.experiments.grid import Axis
    from core.experiments.sweep import enter_sweep

    corpus = small.library.load("small")
    base = small.configure("bigram", corpus, "quick")
    rates, blocks = Axis.of("learning_rate", [0.1]), Axis.of("block_size", [8])
    enter_sweep(small, base, corpus, rates, blocks)
    app = open_page("bigram")
    assert app.selectbox(key="bigram_run").value is None
    assert "bigram_train" in {button.key for button in app.button}


def test_home_and_compare_leave_sweeps_out(small: Lab) -> None:
    single = trained(small, small.library.load("small"), "transformer")
    sweep = finished(small)
    app = open_page("home")
    shown = " ".join(e.value for e in [*app.markdown, *app.caption])
    assert "owl" not in shown
    app = open_page("compare")
    assert app.multiselect(key="compare_runs").value == [single]
    assert len(app.multiselect(key="compare_runs").options) == 5
    assert sweep.name == "owl"


def test_a_cell_that_waits_is_not_live_and_one_that_learns_is(small: Lab, sweep: Sweep) -> None:
    from lab.session.state import is_live

    run_id = small.runs_of(sweep.id)[0].id
    small.store.update_run(run_id, status="queued")
    assert not is_live(small.run(run_id))
    held = ActiveRun.open(small.home, small.store, run_id)
    assert is_live(small.run(run_id))
    held.close()
