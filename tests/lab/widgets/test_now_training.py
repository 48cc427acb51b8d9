"""Every page of every tab says what trains now, and leads there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from lab.widgets.now_training import training_text
from tests.helpers import add_corpus, play, small_run, train
from tests.pages import open_page, pages

__all__ = ["pages"]

SIGN = "now_training_open"


@pytest.fixture
def running(pages: Lab) -> Iterator[ActiveRun]:
    """A run that another process trains, at step 7; an older one that is over."""
    corpus = add_corpus(pages, "small", play(3_000))
    train(pages, small_run(pages, corpus, name="done"))
    run = ActiveRun.open(pages.home, pages.store, small_run(pages, corpus, name="brave-owl"))
    run.advance(60.0, until=7)
    run.set_status("running")
    yield run
    run.close()


@pytest.mark.parametrize("page", ["home", "attention", "corpus"])
def test_any_page_says_which_run_trains_and_how_far_it_is(
    pages: Lab, running: ActiveRun, page: str
) -> None:
    app = open_page(page)
    said = app.button(key=SIGN).label.replace("\\", "")
    assert said == "Step 7 of 40: brave-owl trains"


def test_the_sign_puts_the_run_on_the_bench_of_a_tab_that_shows_another(
    pages: Lab, running: ActiveRun
) -> None:
    app = open_page("train")
    app.selectbox(key="train_run").set_value(pages.run("done").id).run()
    assert app.button(key=SIGN).label
    app.button(key=SIGN).click().run()
    assert not app.exception
    assert app.selectbox(key="train_run").value == running.id


def test_nothing_is_said_of_runs_that_nobody_trains(pages: Lab, running: ActiveRun) -> None:
    running.close()  # as if killed: the registry says that it runs, and nobody holds it
    assert SIGN not in {b.key for b in open_page().button}
    assert pages.live_runs() == []


def test_cells_that_wait_and_runs_in_the_bin_do_not_train(pages: Lab) -> None:
    corpus = add_corpus(pages, "small", play(3_000))
    waiting = small_run(pages, corpus)
    pages.store.update_run(waiting, sweep="some")
    assert pages.store.live_runs() == []
    run = ActiveRun.open(pages.home, pages.store, waiting)
    try:
        assert [live.id for live in pages.live_runs()] == [waiting]
    finally:
        run.close()


def test_several_runs_are_counted_together(pages: Lab, running: ActiveRun) -> None:
    (live,) = pages.live_runs()
    assert training_text([live, live]) == "2 runs train: 14 of 80 steps"
