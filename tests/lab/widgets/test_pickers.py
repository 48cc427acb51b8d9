"""Runs are told apart by labels that keep still, and an address names the one that it shows."""

from __future__ import annotations

import re

import pytest

from core.runs.lab import Lab
from core.text.corpus import Corpus
from lab.widgets.pickers import run_label, short_run_label
from tests.helpers import add_corpus, play, small_run, tiny_run, train, trained
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


def test_a_label_says_model_loss_shape_text_and_date(lab: Lab, corpus: Corpus) -> None:
    run = lab.run(trained(lab, corpus, "transformer", name="quick fox", n_layer=3))
    label = run_label(run)
    date = label.rsplit(" · ", 1)[1]
    told = f"quick fox · transformer · {run.best_val_loss_nats:.3f} nats"
    assert label == f"{told} · block size 8 · 3 × 2 heads · tiny · {date}"
    assert re.fullmatch(r"\d{1,2} [A-Z][a-z]{2} \d\d:\d\d", date)
    assert short_run_label(run) == f"{told} · {date}"


def test_a_table_has_no_heads(lab: Lab, corpus: Corpus) -> None:
    label = run_label(lab.run(trained(lab, corpus)))
    assert "block size 8 · tiny" in label and "heads" not in label


def test_a_run_in_training_keeps_its_label(lab: Lab, corpus: Corpus) -> None:
    run_id = small_run(lab, corpus, "attention")
    before = run_label(lab.run(run_id))
    train(lab, run_id, until=20)
    assert run_label(lab.run(run_id)) == before and "loss" not in before


def test_two_runs_of_the_same_settings_differ_by_more_than_their_names(
    lab: Lab, corpus: Corpus
) -> None:
    first, second = (lab.run(trained(lab, corpus, seed=seed)) for seed in (1, 2))
    assert run_label(first).split(" · ")[1:] != run_label(second).split(" · ")[1:]


# --- the address ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "kind"),
    [("attention", "attention"), ("generate", "transformer"), ("bigram", "bigram")],
)
def test_a_page_of_one_run_shows_the_run_that_its_address_names(
    pages: Lab, plots: Plots, page: str, kind: str
) -> None:
    wanted = tiny_run(pages, kind, name="first owl", max_iters=2)
    other = tiny_run(pages, kind, name="second owl", max_iters=2)
    assert open_page(page).selectbox(key=f"{page}_run").value == other
    app = open_page(page, run="first owl")
    assert app.selectbox(key=f"{page}_run").value == wanted and not app.warning
    app.selectbox(key=f"{page}_run").set_value(other).run()
    assert app.query_params["run"] in ("second owl", ["second owl"])  # the address keeps up
    assert app.run().selectbox(key=f"{page}_run").value == other


def test_an_address_that_names_no_run_or_one_of_another_model_says_so(
    pages: Lab, plots: Plots
) -> None:
    add_corpus(pages, "tiny", play(4_000))
    table = tiny_run(pages, "bigram", name="table", max_iters=2)
    tiny_run(pages, "attention", name="layer", max_iters=2)
    (warning,) = open_page("attention", run="table").warning
    assert warning.value == "This page cannot show table: it is a bigram model."
    app = open_page("bigram", run="nobody")
    assert "Left out of the address: " in app.warning[0].value and "nobody" in app.warning[0].value
    assert app.selectbox(key="bigram_run").value == table
