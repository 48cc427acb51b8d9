"""The reader moves through the training of a run: the same moment on all pages, and in the link."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from core.runs.lab import Lab
from core.text.corpus import Corpus
from lab.components.scrubber import move_of
from tests.helpers import add_corpus, play, small_run, tiny_run, train
from tests.pages import open_page, pages, scrub_to, scrubber_of
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


def test_the_slider_has_all_steps_that_are_kept_and_the_curve(pages: Lab, plots: Plots) -> None:
    run = pages.run(tiny_run(pages, "attention"))
    data = scrubber_of(open_page("attention"))
    assert data["steps"] == pages.moments(run) == [0, 1, 2, 4, 8, 10, 16, 20, 30, 32, 40]
    assert data["place"] == data["steps"].index(run.best_step) and data["moment"] == "best"
    estimates = pages.store.estimates(run.id)
    assert [x for x, _ in data["curve"]] == [data["steps"].index(e.step) for e in estimates]
    heights = [y for _, y in data["curve"]]
    losses = [-e.val_loss_nats for e in estimates]
    assert sorted(heights) == [heights[losses.index(loss)] for loss in sorted(losses)]
    assert min(heights) == 0 and max(heights) == 1
    assert data["best"][0] == data["place"]


def test_a_moment_is_kept_from_page_to_page_and_for_each_run(pages: Lab, plots: Plots) -> None:
    first, second = tiny_run(pages, "attention", name="owl"), tiny_run(pages, "attention")
    app = open_page("attention", run="owl", step="4")
    assert scrubber_of(app)["readout"].startswith("step 4 of 40")
    app.switch_page("app_pages/generate.py").run()
    assert scrubber_of(app)["run"] == first and scrubber_of(app)["moment"] == 4
    assert app.query_params["step"] in ("4", ["4"])
    app.selectbox(key="generate_run").set_value(second).run()
    assert scrubber_of(app)["moment"] == "best" and "step" not in app.query_params
    app.selectbox(key="generate_run").set_value(first).run()
    assert scrubber_of(app)["moment"] == 4


@pytest.mark.parametrize(
    ("said", "moment"), [("5", 4), ("newest", "newest"), ("best", "best"), ("999999", 40)]
)
def test_an_address_names_a_moment_and_the_nearest_step_is_taken(
    pages: Lab, plots: Plots, said: str, moment: str | int
) -> None:
    tiny_run(pages, "attention", name="owl")
    app = open_page("attention", run="owl", step=said)
    assert scrubber_of(app)["moment"] == moment and not app.warning


@pytest.mark.parametrize("said", ["-3", "1e99", "９", "9" * 40, "nan", "<b>"])
def test_an_address_that_names_no_moment_says_so(pages: Lab, plots: Plots, said: str) -> None:
    tiny_run(pages, "attention", name="owl")
    app = open_page("attention", run="owl", step=said)
    assert "Left out of the address: a step is a number" in app.warning[0].value
    assert scrubber_of(app)["moment"] == "best"


def test_another_step_is_another_picture(pages: Lab, plots: Plots) -> None:
    run_id = tiny_run(pages, "attention", learning_rate=0.1)
    app = open_page("attention")
    app.segmented_control(key="attention_scale").set_value("share").run()
    scrub_to(app, run_id, "newest")
    last = plots.figures["attention_one_head"].data[0].z
    scrub_to(app, run_id, 0)
    first = plots.figures["attention_one_head"].data[0].z
    assert abs(last - first)[~(last != last)].max() > 0.01


def test_a_run_that_has_not_begun_has_its_first_moment(lab: Lab, corpus: Corpus) -> None:
    record = lab.run(small_run(lab, corpus))
    assert lab.moments(record) == [0]
    assert lab.model_at(record, "newest").origin == "untrained, step 0"


def test_a_live_run_is_shown_at_its_newest_step(pages: Lab, plots: Plots) -> None:
    from core.runs.active_run import ActiveRun

    corpus = add_corpus(pages, "tiny", play(4_000))
    run_id = train(pages, small_run(pages, corpus, "attention"), until=10)
    theirs = ActiveRun.open(pages.home, pages.store, run_id)
    try:
        app = open_page("attention")
        data = scrubber_of(app)
        assert data["moment"] == "newest" and data["names"][1][1] == "Live"
        assert data["place"] == len(data["steps"]) - 1
    finally:
        theirs.close()


@pytest.mark.parametrize(
    "message",
    [
        None, "4", {}, {"moment": 3, "number": 1}, {"moment": True, "number": 1},
        {"moment": "last", "number": 1}, {"moment": 4}, {"moment": [4], "number": 1},
        {"moment": 4.0, "number": 1}, {"moment": 4, "number": "1"},
    ],
)  # fmt: skip
def test_what_is_no_move_is_none(message: object) -> None:
    assert move_of(SimpleNamespace(moved=message), [0, 1, 2, 4]) is None


def test_a_move_is_read() -> None:
    move = move_of(SimpleNamespace(moved={"moment": 4, "number": 7}), [0, 4])
    assert move and (move.moment, move.number) == (4, 7)
    move = move_of(SimpleNamespace(moved={"moment": "best", "number": 8}), [0, 4])
    assert move and move.moment == "best"
