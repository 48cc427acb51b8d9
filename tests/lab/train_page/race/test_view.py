"""The race on the screen: every control changes something, and any window sees the same race."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.experiments.race import BUDGETS, MOST, race_configs
from core.records.events import Race
from core.records.records import RunRecord
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service.racing import newest_race, start_race
from core.service.service import training_service
from core.settings.config import MODEL_KINDS, ModelKind, RunConfig
from core.text.corpus import Corpus
from core.text.reference import reference_lines
from core.training.trainer import Trainer
from lab.session.state import the_calibration
from lab.train_page.race import track as race_track
from lab.train_page.race import view as race_view
from lab.train_page.race.view import OFFERED
from lab.wording import words
from lab.wording.labels import MODEL_NAMES
from tests.helpers import PATIENCE_S, add_corpus, play, small_config, wait_until
from tests.pages import MACHINE, open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]

CHART = "race_view_chart"


@pytest.fixture
def small(pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab with a small text, and plots that are kept instead of drawn."""
    monkeypatch.setattr(race_track, "live_plot", plots.live_plot)
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)
    monkeypatch.setattr("core.runs.active_run.FLUSH_EVERY_S", 0.02)
    add_corpus(pages, "small", play(3_000))
    return pages


def view(corpus: str = "small") -> AppTest:
    """The view after its first run in a new window, which must not have raised."""

    def script(corpus: str) -> None:
        from lab.session.state import the_lab
        from lab.train_page.race.view import render_race_view

        render_race_view(the_lab().library.load(corpus))

    app = AppTest.from_function(script, args=(corpus,), default_timeout=PATIENCE_S).run()
    assert not app.exception
    return app


def buttons(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button}


def said(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.error))


def choose(app: AppTest, key: str, value: object) -> None:
    app.segmented_control(key=key).set_value(value).run()
    assert not app.exception


def axis_of(app: AppTest) -> str:
    """The key of the axis switch, which bears the id of the race."""
    (key,) = [str(w.key) for w in app.segmented_control if str(w.key).startswith("race_axis")]
    return key


def racers(lab: Lab) -> dict[ModelKind, RunRecord]:
    found = newest_race(lab)
    assert found is not None
    return found[1]


def small_race(lab: Lab, corpus: Corpus, n_steps: int = 20) -> dict[ModelKind, RunRecord]:
    """A race in the hands of this process, over in a moment."""
    configs = {
        kind: small_config(kind, len(corpus.vocabulary), max_iters=n_steps) for kind in MODEL_KINDS
    }
    start_race(training_service(lab), configs, corpus, "steps", n_steps)
    return racers(lab)


def finished(lab: Lab) -> bool:
    return all(run.status == "finished" for run in racers(lab).values())


# --- before the race ------------------------------------------------------------------------------


def test_before_any_race_there_are_counted_lines_sentences_and_blind_guesses(
    small: Lab, plots: Plots
) -> None:
    app = view()
    assert buttons(app) == {"race_start"}
    figure = plots.figures[CHART]
    assert not figure.data
    lines = reference_lines(small.library.load("small"))
    assert f"bigram {lines[2].loss_nats:.3f}" in {a.text for a in figure.layout.annotations}
    for kind in MODEL_KINDS:
        sentence = race_track.CAN_AND_CANNOT[kind].format(window=32)
        assert sentence.count(".") == 1 and "cannot" in sentence
        assert sentence in [caption.value for caption in app.caption]
    texts = [code.value for code in app.code]
    assert len(texts) == 3 and all(texts)
    assert "before their first step" in said(app)
    assert small.runs() == []


def test_what_fair_means_decides_on_the_budgets_and_what_is_said_of_them(
    small: Lab, plots: Plots
) -> None:
    app = view()
    wait_until(lambda: the_calibration() is not None, "a calibration")
    app.run()
    choose(app, "race_budget_seconds", 10)
    corpus = small.library.load("small")
    configs = race_configs(small.configure, corpus, "seconds", 10, MACHINE, 1337)
    steps = words.listed(
        [f"{words.short_count(c.train.max_iters)} steps of {m}" for m, c in configs.items()]
    )
    assert (
        "30 s of training in all, in turns; on this machine about "
        f"{steps}, fewer while other things run. They are timed anew at "
        "the start, and each model then ends by its steps, not by the clock."
    ) in said(app)
    choose(app, "race_by", "steps")
    assert {str(w.key) for w in app.segmented_control} == {
        "race_by", "race_budget_steps", "race_axis_steps",
    }  # fmt: skip
    choose(app, "race_budget_steps", 3000)
    configs = race_configs(small.configure, corpus, "steps", 3000, None, 1337)
    wall_s = sum(MACHINE.wall_s(config, len(corpus.val)) for config in configs.values())
    train_s = sum(MACHINE.train_s(config) for config in configs.values())
    time = f"about {words.duration(wall_s)} ({words.duration(train_s)} of training)"
    assert f"9,000 steps in all, {time}, longer while other things run, in turns" in said(app)
    assert small.runs() == []


def test_the_axis_is_that_of_the_race_until_the_reader_switches(small: Lab, plots: Plots) -> None:
    app = view()
    assert plots.figures[CHART].layout.xaxis.title.text == "seconds of training"
    choose(app, axis_of(app), "steps")
    assert plots.figures[CHART].layout.xaxis.title.text == "steps"
    choose(app, "race_by", "steps")
    assert plots.figures[CHART].layout.xaxis.title.text == "steps"
    choose(app, axis_of(app), "seconds")
    assert plots.figures[CHART].layout.xaxis.title.text == "seconds of training"


@pytest.mark.parametrize("by", ["seconds", "steps"])
def test_a_text_that_is_too_short_is_said_and_cannot_be_raced_on(
    small: Lab, plots: Plots, by: str
) -> None:
    add_corpus(small, "short", play(100))
    app = view("short")
    wait_until(lambda: the_calibration() is not None, "a calibration")
    choose(app, "race_by", by)
    assert "too short" in app.error[0].value
    assert app.button(key="race_start").disabled
    assert small.runs() == []


# --- the race -------------------------------------------------------------------------------------


def test_a_race_is_started_held_seen_in_another_window_and_resumed(
    small: Lab, plots: Plots
) -> None:
    app = view()
    choose(app, "race_by", "steps")
    choose(app, "race_budget_steps", 3000)
    app.button(key="race_start").click().run()
    assert not app.exception
    service = training_service(small)
    assert (buttons(app), service.in_hand.fairness) == ({"race_pause"}, "steps")
    assert app.segmented_control(key="race_by").disabled
    assert "3,000 steps for each model, on small" in said(app)
    corpus = small.library.load("small")
    configs = race_configs(small.configure, corpus, "steps", 3000, None, 1337)
    assert {kind: run.config for kind, run in racers(small).items()} == configs
    wait_until(lambda: all(run.step for run in racers(small).values()), "all three learn")
    app.button(key="race_pause").click().run()
    wait_until(lambda: {r.status for r in racers(small).values()} == {"paused"}, "held")

    other = view()
    assert buttons(other) == {"race_resume", "race_new"}
    assert [trace.name for trace in plots.figures[CHART].data] == list(MODEL_KINDS)
    assert plots.figures[CHART].layout.xaxis.range == (0, 3000)
    assert other.segmented_control(key="race_budget_steps").value == 3000
    assert other.segmented_control(key=axis_of(other)).value == "steps"
    service.in_hand.share_by("seconds")
    other.button(key="race_resume").click().run()
    assert (buttons(other), service.in_hand.fairness) == ({"race_pause"}, "steps")
    assert any(run.status == "running" for run in racers(small).values())


def test_a_race_by_seconds_gives_each_what_fits_and_is_then_what_pages_look_at(
    small: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fitted(
        configs: dict[ModelKind, RunConfig], corpus: Corpus, budget_s: int
    ) -> dict[ModelKind, RunConfig]:
        """On a machine that takes ten times as long by now."""
        assert configs == race_configs(small.configure, corpus, "seconds", budget_s, MACHINE, 1337)
        return race_configs(small.configure, corpus, "seconds", budget_s // 10, MACHINE, 1337)

    monkeypatch.setattr(race_view, "fit_to_seconds", fitted)
    app = view()
    app.session_state["chosen_run"] = "one of before"
    choose(app, "race_budget_seconds", 60)
    app.button(key="race_start").click().run()
    corpus = small.library.load("small")
    configs = race_configs(small.configure, corpus, "seconds", 6, MACHINE, 1337)
    runs = racers(small)
    assert {kind: run.config for kind, run in runs.items()} == configs
    assert training_service(small).in_hand.fairness == "seconds"
    assert "chosen_run" not in app.session_state  # each page picks of the race what it can show


def test_another_race_can_be_started_beside_one_that_is_held(small: Lab, plots: Plots) -> None:
    first = small_race(small, small.library.load("small"), n_steps=100_000)
    for run in first.values():
        training_service(small).pause(run.id)
    app = view()
    app.button(key="race_new").click().run()
    assert not app.exception and buttons(app) == {"race_pause"}
    assert not {run.id for run in racers(small).values()} & {run.id for run in first.values()}
    assert {small.run(run.id).status for run in first.values()} == {"paused"}


def test_the_line_says_who_leads_with_the_numbers_of_the_registry(small: Lab, plots: Plots) -> None:
    small_race(small, small.library.load("small"))
    wait_until(lambda: finished(small), "the end")
    app = view()
    assert buttons(app) == {"race_start", "race_compare"}
    runs = racers(small)
    losses = {
        kind: run.val_loss_nats for kind, run in runs.items() if run.val_loss_nats is not None
    }
    (best, lowest), *rest = sorted(losses.items(), key=lambda item: item[1])
    (line,) = [m.value for m in app.markdown if m.value.startswith("After the same")]
    assert line.startswith("After the same 20 steps: ")
    assert line.endswith("(over the whole validation split). The race is over.")
    assert f"[**{MODEL_NAMES[best]}**]" in line and f"{lowest:.3f}" in line
    assert all(f"[**{MODEL_NAMES[kind]}**] {loss:.3f}" in line for kind, loss in rest)


def test_the_line_and_the_axis_speak_of_the_same(small: Lab, plots: Plots) -> None:
    small_race(small, small.library.load("small"))
    wait_until(lambda: finished(small), "the end")
    runs = racers(small).values()
    seconds = {run.id: small.store.steps(run.id)[-1].elapsed_s for run in runs}
    app = view()
    choose(app, axis_of(app), "seconds")
    assert plots.figures[CHART].layout.xaxis.range == (0, pytest.approx(max(seconds.values())))
    (line,) = [m.value for m in app.markdown if m.value.startswith("After the same")]
    assert line.startswith(f"After the same {min(seconds.values()):.1f} s of training")


def test_what_each_idea_bought_is_said_once_the_race_is_over(small: Lab, plots: Plots) -> None:
    runs = small_race(small, small.library.load("small"), n_steps=100_000)
    for run in runs.values():
        training_service(small).pause(run.id)
    assert "better than" not in said(view()) and "race_compare" not in buttons(view())
    small_race(small, small.library.load("small"))
    wait_until(lambda: finished(small), "the end")
    for run, nats in zip(racers(small).values(), (2.504, 2.224, 2.087)):
        small.store.update_run(run.id, val_loss_nats=nats)
    app = view()
    assert "race_compare" in buttons(app)
    shown = said(app)
    assert (
        "After 20 steps each, :blue[**one layer of attention**] is **0.280 nats** better" in shown
    )
    assert "as unsure as among 8.1 characters instead of 9.2." in shown


def test_a_race_of_one_that_is_left_says_what_is_missing(small: Lab, plots: Plots) -> None:
    small_race(small, small.library.load("small"))
    wait_until(lambda: finished(small), "the end")
    runs = racers(small)
    for kind in ("bigram", "attention"):
        small.bin_run(runs[kind].id)
    shown = said(view())
    assert (
        "The bigram table and self-attention runs of this race: deleted. The race is over." in shown
    )
    assert "After the same" not in shown


def test_each_model_shows_its_loss_and_its_newest_sample(small: Lab, plots: Plots) -> None:
    small_race(small, small.library.load("small"))
    wait_until(lambda: finished(small), "the end")
    app = view()
    shown = said(app)
    for code, run in zip(app.code, racers(small).values()):
        assert code.value == small.store.samples(run.id)[-1].text
        # Over the whole validation split, as the other pages say it.
        assert f"**{run.val_loss_nats:.3f}** :gray[nats" in shown


def test_a_race_that_another_process_trains_can_only_be_watched(small: Lab, plots: Plots) -> None:
    corpus = small.library.load("small")
    run_id = small.create_run(small_config("bigram", len(corpus.vocabulary)), corpus)
    small.store.add_event(run_id, 0, Race("ab12", "steps", 40))
    theirs = ActiveRun.open(small.home, small.store, run_id)  # in nobody's hands that it knows
    try:
        app = view()
        assert buttons(app) == set()
        assert "Another process trains this race" in said(app)
    finally:
        theirs.close()
    app.run()
    assert buttons(app) == {"race_resume", "race_new"}


def test_a_race_that_was_cut_off_says_from_where_it_goes_on(small: Lab, plots: Plots) -> None:
    corpus = small.library.load("small")
    run_id = small.create_run(small_config("bigram", len(corpus.vocabulary)), corpus)
    small.store.add_event(run_id, 0, Race("ab12", "steps", 40))
    cut_off = ActiveRun.open(small.home, small.store, run_id)
    cut_off.advance(60.0, until=15)
    cut_off.pause()
    cut_off.set_status("running")
    cut_off.close()
    assert "Saved up to step 15; it can be resumed from there." in said(view())


def test_a_model_that_drops_out_says_why(
    small: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.take_step

    def broken_step(trainer: Trainer) -> object:
        if trainer.config.model.model == "attention" and trainer.step == 5:
            raise trainer._diverged("After step 5 the loss was nan")
        return step(trainer)

    monkeypatch.setattr(Trainer, "take_step", broken_step)
    small_race(small, small.library.load("small"))
    wait_until(lambda: not any(r.status == "running" for r in racers(small).values()), "the end")
    app = view()
    assert [error.value.startswith("After step 5") for error in app.error] == [True]
    assert buttons(app) == {"race_start", "race_compare"}


def test_the_counted_lines_are_those_of_the_text_that_was_raced_on(
    small: Lab, plots: Plots
) -> None:
    other = add_corpus(small, "other", play(3_000, seed=2).replace("king", "jazz"))
    small_race(small, other)
    wait_until(lambda: finished(small), "the end")
    view("small")
    lines = reference_lines(other)
    shown = {a.text for a in plots.figures[CHART].layout.annotations}
    assert f"5-gram {lines[-1].loss_nats:.3f}" in shown
    small.library.path("other").unlink()
    view("small")
    assert not plots.figures[CHART].layout.annotations


def test_the_button_of_home_starts_a_race_that_this_view_shows(small: Lab, plots: Plots) -> None:
    home = open_page()
    home.button(key="home_train").click().run()
    assert not home.exception
    found = newest_race(small)
    assert found is not None and (found[0].by, found[0].budget) == ("steps", 1000)
    assert buttons(view()) == {"race_pause"}


def test_the_offers_are_within_what_a_race_may_take() -> None:
    for by, offered in OFFERED.items():
        assert BUDGETS[by] in offered and max(offered) <= MOST[by]
