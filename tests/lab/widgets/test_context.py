"""What context buys stands on Compare and on Train, measured when it is asked for."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.interpretability.context import counted_by_context, loss_by_context
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from lab.figures.context import ContextLoss, context_sentence
from lab.wording.comparison import EVERY_TEXT
from lab.wording.plain import plain
from tests.helpers import add_corpus, play, small_run, train, trained
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


def opened(page: str, **query: str) -> AppTest:
    """A page with the fold open, as a click leaves it."""
    app = open_page(page, **query)
    app.session_state[f"{page}_context"] = True
    app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize("page", ["compare", "train"])
def test_the_losses_at_each_place_are_drawn_beside_the_counts(
    pages: Lab, plots: Plots, page: str
) -> None:
    corpus = add_corpus(pages, "tiny", play(4_000))
    run = pages.run(trained(pages, corpus, "transformer"))
    app = opened(page)
    losses = loss_by_context(pages.model(run).model, corpus.val).tolist()
    ours, counted = plots.figures[f"{page}_context_plot"].data
    assert ours.y[0] == pytest.approx(losses[0], abs=1e-5)
    assert list(counted.y) == pytest.approx(counted_by_context(corpus), abs=1e-5)
    assert ours.name == run.name
    curve = ContextLoss(run.name, run.model, losses)
    sentence = context_sentence(curve, counted_by_context(corpus))
    assert plain(run.name) in sentence
    assert any(sentence in m.value for m in app.markdown)


def test_nothing_is_measured_before_it_is_asked_for(pages: Lab, plots: Plots) -> None:
    trained(pages, add_corpus(pages, "tiny", play(4_000)))
    open_page("compare")
    assert "compare_context_plot" not in plots.figures


def test_runs_on_two_texts_have_no_counted_line_and_a_missing_text_is_said(
    pages: Lab, plots: Plots
) -> None:
    one, other = (add_corpus(pages, name, play(4_000, seed=len(name))) for name in ("one", "other"))
    trained(pages, one, "bigram", name="table")
    trained(pages, other, "transformer", name="owl")
    app = open_page("compare")
    app.session_state["compare_context"] = True
    app.selectbox(key="compare_text").set_value(EVERY_TEXT).run()
    assert [line.name for line in plots.figures["compare_context_plot"].data] == ["owl", "table"]
    (pages.home.corpora / "one.txt").unlink()
    st.cache_data.clear()
    app.session_state["compare_context"] = True
    app.run()
    assert [line.name for line in plots.figures["compare_context_plot"].data] == ["owl"]
    assert any("table" in warning.value for warning in app.warning)


def test_a_run_that_trains_is_measured_later(pages: Lab, plots: Plots) -> None:
    corpus = add_corpus(pages, "tiny", play(4_000))
    run_id = train(pages, small_run(pages, corpus, "transformer"), until=10)
    theirs = ActiveRun.open(pages.home, pages.store, run_id)
    try:
        app = opened("compare")
        assert any("when no run of these trains" in c.value for c in app.caption)
        assert "compare_context_plot" not in plots.figures
    finally:
        theirs.close()
