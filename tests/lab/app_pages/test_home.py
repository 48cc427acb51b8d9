"""Home: something to look at before any training, one button, and the newest race, whole."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.experiments.race import race_configs
from core.records.events import Race
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.settings.config import MODEL_KINDS
from core.text.corpus import Corpus
from core.text.reference import reference_lines
from lab.wording import words
from tests.helpers import SMALL, add_corpus, filled, play, small_run, train, trained, wait_until
from tests.pages import MACHINE, open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


def buttons(app: AppTest) -> set[str]:
    return {str(b.key) for b in app.button if str(b.key).startswith("home_")}


def said(app: AppTest) -> str:
    """All prose on the page, as Markdown shows it."""
    return " ".join(e.value for e in (*app.title, *app.markdown, *app.caption)).replace("\\", "")


def lines_of(plots: Plots) -> set[str]:
    """The counted lines of the chart, each with its loss."""
    return {str(a.text) for a in plots.figures["race"].layout.annotations}


def counted(corpus: Corpus) -> set[str]:
    shown = ("uniform", "unigram", "bigram", "5-gram")
    return {f"{r.name} {r.loss_nats:.3f}" for r in reference_lines(corpus) if r.name in shown}


def enter_race(lab: Lab) -> list[str]:
    """A race on a small text, not yet begun; returns the ids of its runs."""
    corpus = add_corpus(lab, "rhymes", play(3_000))
    ids = [small_run(lab, corpus, kind) for kind in MODEL_KINDS]
    for run_id in ids:
        lab.store.add_event(run_id, 0, Race("abc", "steps", SMALL["max_iters"]))
    return ids


@pytest.fixture
def raced(pages: Lab, plots: Plots) -> Lab:
    """A lab whose newest race, on a small text, is over."""
    filled(pages, finished_race)
    return pages


def finished_race(lab: Lab) -> list[str]:
    return [train(lab, run_id) for run_id in enter_race(lab)]


def test_an_empty_lab_offers_to_train_and_shows_what_is_untrained(pages: Lab, plots: Plots) -> None:
    app = open_page()
    assert buttons(app) == {"home_train"}
    assert "guess the next character" in said(app) and "like Shakespeare" in said(app)
    assert said(app).count("untrained, at step 0") == 3 and all(code.value for code in app.code)
    assert [b.proto.text for b in app.get("progress")] == ["untrained, step 0"] * 3
    assert not plots.figures["race"].data
    assert plots.figures["race"].layout.xaxis.range[1] == 1000
    assert pages.runs() == []


def test_the_button_starts_one_quick_run_of_each_model_and_pause_holds_all(pages: Lab) -> None:
    app = open_page()
    app.button(key="home_train").click().run()
    assert not app.exception
    assert sorted(run.model for run in pages.runs()) == sorted(MODEL_KINDS)
    transformer = next(run for run in pages.runs() if run.model == "transformer")
    assert transformer.config == pages.configure("transformer", pages.library.load(), "quick")
    wait_until(lambda: all(run.step > 0 for run in pages.runs()), "all three learn")
    app.run()
    app.button(key="home_pause").click().run()
    wait_until(lambda: not any(r.status == "running" for r in pages.runs()), "all are held")
    app.run()
    assert buttons(app) == {"home_resume", "home_train"}


def test_a_race_in_the_hands_of_another_process_is_not_paused_but_said(pages: Lab) -> None:
    corpus = pages.library.load()
    run_id = pages.create_run(pages.configure("bigram", corpus, "quick"), corpus, "elsewhere")
    pages.store.add_event(run_id, 0, Race("abc", "steps", 1000))
    theirs = ActiveRun.open(pages.home, pages.store, run_id)
    try:
        app = open_page()
        assert buttons(app) == set() and "Another process trains this race." in said(app)
        assert pages.run(run_id).status == "running"
    finally:
        theirs.close()


def test_what_goes_on_without_the_tab_and_what_a_kill_left_is_said(pages: Lab) -> None:
    first, *_ = enter_race(pages)
    running = ActiveRun.open(pages.home, pages.store, first)
    try:
        running.advance(60.0, until=10)
        running.set_status("running")
        pages.store.update_run(first, steps_per_s=10.0)
        for other in pages.runs():
            if other.id != first:
                pages.store.update_run(other.id, status="finished")
        shown = said(open_page())
        assert "About 3.0 s left; they take turns, and train on when this tab is closed." in shown
    finally:
        running.close()
    pages.store.update_run(first, status="interrupted", step=10, checkpoint_step=8)
    assert "Saved up to step 8; it can be resumed from there." in said(open_page())


# --- the newest race, whole -----------------------------------------------------------------------


def test_a_run_on_another_text_never_stands_among_those_of_the_race(
    raced: Lab, plots: Plots
) -> None:
    other = add_corpus(raced, "digits", "0123456789 " * 300)
    trained(raced, other, "transformer", name="stranger")
    app = open_page()
    rhymes = raced.library.load("rhymes")
    assert lines_of(plots) == counted(rhymes) and lines_of(plots).isdisjoint(counted(other))
    assert len(plots.figures["race"].data) == 2 * len(MODEL_KINDS)
    assert "Text: **rhymes**" in said(app) and "stranger" not in said(app)
    assert "like Shakespeare" not in said(app)


def test_a_single_run_on_the_same_text_is_not_part_of_the_race_either(raced: Lab) -> None:
    corpus = raced.library.load("rhymes")
    train(raced, small_run(raced, corpus, "transformer", name="hermit"))
    running = ActiveRun.open(raced.home, raced.store, small_run(raced, corpus, name="live"))
    try:
        app = open_page()
        assert "hermit" not in said(app)
        assert "Also running now: live, bigram on rhymes, step 0 of 40" in said(app)
    finally:
        running.close()


def test_the_button_says_which_text_is_next_where_it_is_another(raced: Lab) -> None:
    app = open_page("train")
    app.session_state["train_corpus"] = "rhymes"
    app.switch_page("app_pages/home.py").run()
    assert app.button(key="home_train").label == "Train all three again"
    app.session_state["train_corpus"] = "shakespeare"
    app.run()
    assert app.button(key="home_train").label == "Train all three on shakespeare"
    assert "Text: **rhymes**" in said(app) and "Text: shakespeare." in said(app)


def test_a_run_that_was_deleted_is_missed_and_a_race_without_runs_is_none(
    raced: Lab, plots: Plots
) -> None:
    runs = {run.model: run for run in raced.runs()}
    raced.bin_run(runs["attention"].id)
    app = open_page()
    assert "The self-attention run of this race: deleted." in said(app)
    assert "The self-attention run of this race was deleted." in said(app)
    assert len(plots.figures["race"].data) == 4
    for kind in ("bigram", "transformer"):
        raced.bin_run(runs[kind].id)
    app = open_page()
    assert "untrained, at step 0" in said(app) and not plots.figures["race"].data


def test_a_finished_run_has_the_loss_here_that_every_page_says(raced: Lab) -> None:
    for run in raced.runs():  # another number than that of any estimate
        raced.store.update_run(run.id, val_loss_nats=0.123, best_val_loss_nats=0.123)
    assert said(open_page()).count("**0.123** :gray[nats") == len(MODEL_KINDS)


def test_what_the_same_race_took_is_said_instead_of_what_it_was_expected_to(
    raced: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for run, seconds in zip(raced.runs(), (4.7, 27.0, 120.0)):
        raced.store.update_run(run.id, train_s=seconds, wall_s=seconds + 32.0)
    assert "the last time" not in said(open_page())  # another text, and other settings
    configs = {run.model: run.config for run in raced.runs()}
    monkeypatch.setattr("core.experiments.race.race_configs", lambda *_: configs)
    app = open_page()
    assert "1,000 steps each, 2 min 32 s the last time" in said(app)


def test_the_time_to_wait_for_a_race_is_said_beside_that_of_its_training(pages: Lab) -> None:
    corpus = pages.library.load()
    configs = race_configs(pages.configure, corpus, "steps", 1000, None, 1337).values()
    wall = words.duration(sum(MACHINE.wall_s(config, len(corpus.val)) for config in configs))
    training = words.duration(sum(map(MACHINE.train_s, configs)))
    time = f"about {wall} ({training} of training)"
    assert f"1,000 steps each, {time}. Text" in said(open_page())


def test_what_each_idea_bought_is_said_once_the_race_is_over(raced: Lab) -> None:
    losses = {"bigram": 2.504, "attention": 2.224, "transformer": 2.087}
    for run in raced.runs():
        raced.store.update_run(run.id, val_loss_nats=losses[run.model])
    bought = (
        "After 40 steps each, :blue[**one layer of attention**] is **0.280 nats** better than "
        ":orange[**the bigram table**]: as unsure as among 9.2 characters instead of 12; "
        ":green[**the transformer**] is **0.137 nats** better than that: as unsure as among 8.1 "
        "characters instead of 9.2."
    )
    app = open_page()
    assert bought in said(app) and "After the same" not in said(app)
    app.segmented_control(key="home_axis").set_value("FLOPs").run()
    at_equal_cost = said(app)
    assert bought in at_equal_cost and "billion FLOPs" in at_equal_cost
    assert "**Bigram table**] has no matrix products, so it stands at 0 FLOPs" in at_equal_cost
    raced.store.update_run(raced.runs()[0].id, status="paused")
    assert "better than" not in said(open_page())


def test_from_a_race_that_is_over_one_comes_to_its_runs_in_compare(raced: Lab) -> None:
    race = {run.id for run in raced.runs()}
    other = add_corpus(raced, "digits", "0123456789 " * 300)
    trained(raced, other, "bigram")
    trained(raced, raced.library.load("rhymes"), "bigram")
    app = open_page()
    app.button(key="race_compare").click().run()
    assert not app.exception and app.title[0].value == "Runs side by side"
    assert set(app.multiselect(key="compare_runs").value) == race


def test_a_run_of_a_race_says_so_on_its_own_page(raced: Lab) -> None:
    shown = said(open_page("train", view="run", run=raced.runs()[0].name))
    assert "Step 0: takes part in a race: 40 steps for each model" in shown
    assert "Step 40: finished" in shown


def test_the_best_counts_are_held_against_the_whole_validation_split(raced: Lab) -> None:
    best = min(line.loss_nats for line in reference_lines(raced.library.load("rhymes")))
    for run in raced.runs():  # another number than that of any estimate
        raced.store.update_run(run.id, best_val_loss_nats=best + 0.123)
    assert "is nearest, by 0.123 nats." in said(open_page())


def test_a_text_says_which_of_the_three_wrote_it(raced: Lab) -> None:
    shown = said(open_page())
    for run, name in zip(raced.runs()[::-1], ("Bigram table", "Self-attention", "Transformer")):
        assert f"{name} ({run.name}) writes, at step 40:" in shown


def test_beside_a_race_that_waits_the_plan_is_another_s(raced: Lab) -> None:
    assert "Another race" not in said(open_page())
    raced.store.update_run(raced.runs()[0].id, status="paused")
    assert "Another race: 1,000 steps each" in said(open_page())


def test_where_the_text_is_gone_there_are_no_lines_of_another(raced: Lab, plots: Plots) -> None:
    raced.library.path("rhymes").unlink()
    open_page()
    assert lines_of(plots) == set()
    assert len(plots.figures["race"].data) == 6


# --- the axis -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "end"), [("steps", 40), ("characters", 40 * 4 * 8), ("FLOPs", None)]
)
def test_the_axis_is_as_long_as_the_race_from_the_first_steps_on(
    pages: Lab, plots: Plots, axis: str, end: float | None
) -> None:
    ids = enter_race(pages)
    ranges = []
    for until in (2, 20, None):
        for run_id in ids:
            train(pages, run_id, until)
        app = open_page()
        app.segmented_control(key="home_axis").set_value(axis).run()
        layout = plots.figures["race"].layout
        ranges.append((layout.xaxis.range, layout.yaxis.range))
    assert ranges[0] == ranges[1] == ranges[2] and None not in ranges[0]
    assert end is None or ranges[0][0] == (0, end)


def test_the_axis_of_seconds_ends_where_the_race_did(raced: Lab, plots: Plots) -> None:
    app = open_page()
    app.segmented_control(key="home_axis").set_value("seconds").run()
    last_s = [raced.store.steps(run.id)[-1].elapsed_s for run in raced.runs()]
    assert plots.figures["race"].layout.xaxis.range == (0, pytest.approx(max(last_s)))
