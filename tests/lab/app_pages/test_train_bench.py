"""Train: what is on the bench, what happens to it, and what the address says of it."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core.findings.curve import verdict
from core.findings.verdicts import answers_on
from core.generation.spelling import written_words_of, yardstick_of
from core.records.events import Diverged, Race
from core.records.records import Estimate, RunRecord
from core.runs.active_run import ActiveRun
from core.runs.branch import enter_branch
from core.runs.lab import Lab
from core.service.service import training_service
from core.text.corpus import Corpus
from core.text.reference import reference_lines
from core.training.trainer import Trainer
from lab.train_page.run.chart import ROOM
from lab.wording.glossary import line_of
from lab.wording.labels import LABELS
from tests.helpers import add_corpus, filled, play, small_run, train, trained, wait_until
from tests.lab.app_pages.test_train import control, open_train, picture
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


@pytest.fixture
def small(pages: Lab) -> Lab:
    """A lab with a small text, which is its default, so that a run is over in a moment."""
    small_corpus(pages)
    return pages


def small_corpus(lab: Lab) -> Corpus:
    return add_corpus(lab, "small", play(3_000))


def finished(lab: Lab, kind: Any = "transformer", **changes: Any) -> RunRecord:
    return lab.run(filled(lab, trained_on_small, kind, **changes))


def trained_on_small(lab: Lab, kind: Any, **changes: Any) -> str:
    return trained(lab, small_corpus(lab), kind, **changes)


def long_run(app: AppTest) -> None:
    """Start a run that does not end by itself while a test looks at it."""
    control(app, "select_slider", "max_iters").set_value(10_000).run()
    app.button(key="train_start").click().run()
    assert not app.exception


def newest(lab: Lab) -> RunRecord:
    return lab.runs()[0]


def texts(app: AppTest) -> str:
    """All prose on the page, as Markdown shows it."""
    return "\n".join([m.value for m in app.markdown] + [c.value for c in app.caption]).replace(
        "\\", ""
    )


# --- changes in mid-run ---------------------------------------------------------------------------


def test_a_learning_rate_takes_effect_at_once_and_is_marked(small: Lab, plots: Plots) -> None:
    app = open_train(corpus="small")
    long_run(app)
    wait_until(lambda: newest(small).step > 3, "it trains")
    control(app, "select_slider", "learning_rate").set_value(1e-4).run()
    wait_until(lambda: bool(small.store.changes(newest(small).id)), "the rate has changed")
    (change,) = small.store.changes(newest(small).id)
    assert change.settings["learning_rate"] == (1e-3, 1e-4)
    assert "train_restart" not in {b.key for b in app.button}
    app.run()
    labels = [a.text for a in plots.figures["loss"].layout.annotations]
    assert "learning rate 0.001 → 0.0001" in "\n".join(map(str, labels))
    assert len(small.runs()) == 1


def test_a_change_that_needs_a_new_model_offers_a_restart_and_resets_nothing(small: Lab) -> None:
    app = open_train(corpus="small")
    long_run(app)
    first = newest(small)
    wait_until(lambda: small.run(first.id).step > 0, "it trains")
    control(app, "select_slider", "n_embd").set_value(32).run()
    restart = app.button(key="train_restart")
    assert restart.label == "New changes: restart"
    assert small.run(first.id).status == "running" and len(small.runs()) == 1
    restart.click().run()
    wait_until(lambda: small.run(first.id).status == "paused", "the first waits")
    assert newest(small).id != first.id and newest(small).config.model.n_embd == 32
    assert small.run(first.id).config.model.n_embd == 128
    assert "train_restart" not in {b.key for b in app.button}


def test_going_back_to_what_it_was_takes_the_restart_away(small: Lab) -> None:
    app = open_train(corpus="small")
    long_run(app)
    for value, there in ((2, True), (4, False)):
        control(app, "select_slider", "n_layer").set_value(value).run()
        assert ("train_restart" in {b.key for b in app.button}) == there


def test_a_reset_saves_the_run_and_clears_the_bench_with_the_same_seed(small: Lab) -> None:
    app = open_train(corpus="small")
    long_run(app)
    wait_until(lambda: newest(small).step > 0, "it trains")
    app.button(key="train_reset").click().run()
    assert newest(small).status == "paused"
    assert "train_reset" not in {b.key for b in app.button}
    assert "untrained, at step 0" in texts(app)
    app.button(key="train_start").click().run()
    one, other = small.runs()
    assert one.config == other.config


def test_a_step_of_a_running_run_holds_it(small: Lab) -> None:
    app = open_train(corpus="small")
    long_run(app)
    wait_until(lambda: newest(small).step > 0, "it trains")
    app.button(key="train_step").click().run()
    wait_until(lambda: newest(small).status == "paused", "it waits")
    held_at = newest(small).step
    app.button(key="train_step").click().run()
    wait_until(lambda: newest(small).step == held_at + 1, "one more step")


def test_a_resume_takes_the_rate_that_the_controls_say(small: Lab) -> None:
    run_id = train(
        small, small_run(small, small.library.load("small"), learning_rate=1e-2), until=5
    )
    app = open_train()
    control(app, "select_slider", "learning_rate").set_value(3e-3).run()
    app.button(key="train_resume").click().run()
    wait_until(lambda: small.run(run_id).status == "finished", "it is over")
    (change,) = small.store.changes(run_id)
    assert change.settings["learning_rate"] == (1e-2, 3e-3)


def where_it_stands(app: AppTest) -> str:
    """The line under the buttons."""
    lines = [c.value.replace("\\", "") for c in app.caption]
    return next(line for line in lines if "The controls say" in line or "akes a " in line
                or "is finishing" in line or "goes on at" in line)  # fmt: skip


def test_every_difference_between_the_controls_and_the_run_is_said(small: Lab) -> None:
    run = finished(small, name="owl", learning_rate=1e-3)
    app = open_train()
    assert where_it_stands(app).startswith("The controls say the settings of owl. Train longer ")
    assert "train_restart" not in {b.key for b in app.button}
    control(app, "select_slider", "block_size").set_value(4).run()
    said = where_it_stands(app)
    assert said == "**block size 8 -> 4**: Start makes a new run; owl stays as it is."
    control(app, "select_slider", "learning_rate").set_value(3e-3).run()
    control(app, "select_slider", "dropout").set_value(0.1).run()
    app.selectbox(key="train_corpus").set_value("shakespeare").run()
    said = where_it_stands(app)
    for each in ("corpus small -> shakespeare", "block size 8 -> 4", "learning rate 0.001 -> 0.003",
                 "dropout 0.2 -> 0.1"):  # fmt: skip
        assert each in said
    assert "vocab_size" not in said and "min_lr" not in said
    assert small.run(run.id) == run


def test_another_text_needs_a_new_run_and_another_rate_does_not(small: Lab) -> None:
    train(small, small_run(small, small.library.load("small"), name="owl"), until=5)
    app = open_train()
    control(app, "select_slider", "learning_rate").set_value(3e-3).run()
    assert where_it_stands(app).endswith("owl goes on at this rate when it is resumed.")
    assert "train_restart" not in {b.key for b in app.button}
    app.selectbox(key="train_corpus").set_value("shakespeare").run()
    assert "Restart makes a new run; Resume lets owl go on as it was." in where_it_stands(app)
    assert "train_restart" in {b.key for b in app.button}


def test_finish_answers_before_the_run_is_measured(
    small: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring, may_end = threading.Event(), threading.Event()
    evaluate = Trainer.evaluate

    def slowly(trainer: Trainer) -> float:
        measuring.set()
        assert may_end.wait(60)
        return evaluate(trainer)

    monkeypatch.setattr(Trainer, "evaluate", slowly)
    app = open_train(corpus="small")
    long_run(app)
    wait_until(lambda: newest(small).step > 0, "it trains")
    app.run()
    app.button(key="train_finish").click().run()
    try:
        keys = {b.key for b in app.button}
        assert "is finishing: measuring the whole validation split" in where_it_stands(app)
        assert app.button(key="train_ending").disabled and app.button(key="train_step").disabled
        assert not keys & {"train_pause", "train_finish"}
        assert measuring.wait(60) and newest(small).status == "running"
    finally:
        may_end.set()
    wait_until(lambda: newest(small).status == "finished", "it is over")
    app.run()
    assert "train_start" in {b.key for b in app.button}
    assert newest(small).val_loss_nats is not None


def test_going_back_is_announced_at_the_buttons_and_at_the_curve(small: Lab, plots: Plots) -> None:
    finished(small, learning_rate=1e-2)
    app = open_page("train")
    assert app.button(key="train_branch").label == "Rewind"
    assert "both curves" in app.button(key="train_branch").help
    assert "Rewind: click a point of the curve" in texts(app)
    clickable = [t for t in plots.figures["loss"].data if t.customdata is not None]
    assert {t.name for t in clickable} >= {"validation, estimated", "notes"}
    assert all("click: rewind to this step" in t.hovertemplate for t in clickable)


# --- what is said ---------------------------------------------------------------------------------


def test_five_answers_have_the_numbers_of_the_registry(small: Lab) -> None:
    before = finished(small, name="owl", block_size=4)
    run = finished(small, name="fox")
    app = open_page("train")
    said = texts(app)
    estimates, steps = small.store.estimates(run.id), small.store.steps(run.id)
    references = reference_lines(small.library.load("small"))
    found = verdict(estimates, steps, references, run.max_iters)
    expected = answers_on(found, references, run=run)
    assert f"{run.best_val_loss_nats:.3f} nats over the whole validation split" in expected.is_good
    assert expected.is_good in said
    assert expected.still_learning in said
    assert expected.overfitting in said
    losses = [each.best_val_loss_nats or 0.0 for each in (run, before)]
    by = abs(losses[0] - losses[1])
    assert "block size 4 -> 8" in said and f"{by:.3f} nats" in said and "than owl" in said
    assert f"step {run.step} of {run.max_iters}" in said
    for question in ("good?", "learning?", "Overfitting?", "last run?", "Train longer?"):
        assert question in said


def test_a_run_is_compared_with_the_last_one_on_its_own_text(small: Lab, plots: Plots) -> None:
    finished(small, name="owl", block_size=4)
    small.library.add("other", play(3_000, seed=5).encode(), "other")
    other = small.library.load("other")
    train(small, small_run(small, other, "transformer", name="hen"))
    app = open_page("train")
    assert "there is no earlier run on this text" in texts(app) and "owl" not in texts(app)
    assert "owl" not in {trace.name for trace in plots.figures["loss"].data}
    train(small, small_run(small, other, "transformer", name="fox", block_size=16))
    app = open_page("train")
    said = texts(app)
    assert "than hen after" in said and "block size 8 -> 16, so twice the characters" in said
    assert {trace.name for trace in plots.figures["loss"].data} & {"owl", "hen"} == {"hen"}


def test_only_runs_on_the_same_text_can_be_chosen_to_stand_behind(small: Lab, plots: Plots) -> None:
    owl = finished(small, name="owl")
    finished(small, name="hen")
    small.library.add("other", play(3_000, seed=5).encode(), "other")
    train(small, small_run(small, small.library.load("other"), name="elsewhere"))
    app = open_page("train")
    app.selectbox(key="train_run").set_value(owl.id).run()
    app.segmented_control(key="train_behind").set_value("chosen").run()
    (only,) = app.multiselect(key="train_runs").options
    assert only.startswith("hen · transformer")
    assert "1 run on other texts cannot stand here" in texts(app)


def test_a_divergence_stays_said_with_the_best_loss_and_the_last(small: Lab) -> None:
    run = finished(small)
    at_best = small.store.estimates(run.id)[-1]
    up = (at_best.train_loss_nats + 0.68, at_best.val_loss_nats + 0.68)
    worse = [Estimate(n, *up) for n in (50, 60, 70, 80, 90)]
    small.store.record(run.id, [], [(each, "") for each in worse])
    small.store.update_run(
        run.id, status="interrupted", val_loss_nats=None, best_val_loss_nats=None
    )
    said = texts(open_page("train"))
    now, best = worse[-1].val_loss_nats, at_best.val_loss_nats
    assert f"about {now:.2f} nats now, about {best:.2f} nats at best (estimates): " in said
    assert "no: it diverged after step 40" in said and "flat" not in said
    assert "zigzags" not in said, "that is no matter of one batch or another"


@pytest.mark.parametrize("key", ["train_longer", "train_step", "train_reset"])
def test_a_run_that_was_deleted_elsewhere_lends_its_button_to_no_other(
    small: Lab, key: str
) -> None:
    before, shown = finished(small, name="owl"), finished(small, name="fox")
    app = open_page("train", run="fox")
    small.bin_run(shown.id)
    app.button(key=key).click().run()
    assert "the run that stood here is no longer the one" in app.error[0].value
    assert small.runs() == [before]


def test_a_run_that_failed_by_diverging_is_said_to_have(small: Lab) -> None:
    """Its curve falls to the end: the step that failed is not on it."""
    run = finished(small, name="owl")
    small.store.add_event(run.id, 40, Diverged())
    small.store.update_run(run.id, status="failed")
    assert "no: it diverged: at step 41 its loss or its gradient was no longer a finite" in (
        texts(open_page("train"))
    )


def test_a_rate_changed_in_the_run_before_is_named(small: Lab) -> None:
    owl = small_run(small, small.library.load("small"), "transformer", name="owl")
    before = ActiveRun.open(small.home, small.store, owl)
    for at, rate in ((10, 3e-1), (20, 1e-3)):
        before.advance(60.0, until=at)
        before.set_learning_rate(rate)
    before.advance(60.0)
    before.finish()
    before.close()
    run = finished(small, name="fox")
    assert run.config == small.run(owl).config  # at their ends they say the same
    said = texts(open_page("train"))
    assert ": in owl learning rate 0.3 -> 0.001 at step 20 (the last of 2 changes)" in said


def test_every_loss_of_a_run_is_said_in_the_unit_of_the_chart(small: Lab, plots: Plots) -> None:
    finished(small, name="owl", block_size=4)
    run = finished(small, name="fox")
    app = open_page("train")
    assert " nats" in texts(app) and " bits" not in texts(app)
    app.segmented_control(key="train_unit").set_value("bits").run()
    assert " bits" in texts(app) and " nats" not in texts(app)
    estimates = small.store.estimates(run.id)
    best = min(e.val_loss_nats for e in estimates)
    assert f"{best / math.log(2):.3f} bits" in texts(app)
    last = estimates[-1]
    assert f"{last.step} (estimate {last.val_loss_nats / math.log(2):.3f} bits, as" in texts(app)
    (dots,) = [trace for trace in plots.figures["loss"].data if trace.name == "notes"]
    assert not any(" nats" in said for _, said in dots.customdata)


def test_notes_on_the_curve_show_their_rule_and_numbers(small: Lab, plots: Plots) -> None:
    finished(small, learning_rate=1e-2)
    app = open_page("train")
    figure = plots.figures["loss"]
    (marks,) = [trace for trace in figure.data if trace.name == "notes"]
    numbers = [number for text in marks.text for number in text.split(",")]
    assert sorted(map(int, numbers)) == list(range(1, len(numbers) + 1))
    assert "Rule: " in texts(app) and " nats" in texts(app)


def test_a_run_that_ends_is_told_of_once(small: Lab) -> None:
    app = open_train(corpus="small")
    long_run(app)
    training_service(small).finish(newest(small).id)
    wait_until(lambda: newest(small).status == "finished", "it is over")

    def told() -> list[str]:
        app.run()
        return [toast.value for toast in app.toast if "has finished at step" in toast.value]

    assert len(told()) == 1
    assert told() == []


def test_the_place_of_the_text_is_kept_before_there_is_one(small: Lab) -> None:
    run_id = small_run(small, small.library.load("small"), name="owl")
    small.store.update_run(run_id, status="paused")
    app = open_page("train")
    assert "What it writes stands here from its first estimate on." in texts(app)
    train(small, run_id)
    assert "stands here from" not in texts(open_page("train"))


def test_the_newest_sample_is_shown_and_older_ones_can_be_gone_back_to(small: Lab) -> None:
    run = finished(small)
    samples = {s.step: s.text for s in small.store.samples(run.id)}
    app = open_page("train")
    scrubber = app.select_slider(key=f"train_sample_step_{run.id}_{max(samples)}")
    assert scrubber.value == max(samples)
    assert samples[max(samples)] in [c.value for c in app.code]
    scrubber.set_value(8).run()
    assert samples[8] in [c.value for c in app.code]


def test_the_picture_is_held_against_the_run_on_the_bench_however_many_moves_it_took(
    small: Lab,
) -> None:
    run = finished(small)
    app = open_page("train")
    assert "Move a slider" in picture(app)[0]
    was = run.config.model.block_size
    for block_size in (4, 16):
        control(app, "select_slider", "block_size").set_value(block_size).run()
    assert was == 8 and f"block size {was} → 16" in picture(app)[0]
    assert f"block size {was} -> 16" in texts(app).replace("\\", "")


def test_behind_a_text_stands_what_other_losses_write_and_how_much_of_it_is_words(
    small: Lab,
) -> None:
    owl = finished(small, "bigram", name="owl", learning_rate=1e-1, max_iters=200)
    run = finished(small, name="fox")
    small.library.add("other", play(3_000, seed=5).encode(), "other")
    train(small, small_run(small, small.library.load("other"), name="elsewhere"))
    app = open_page("train")
    app.selectbox(key="train_run").set_value(run.id).run()
    n_texts = len(app.code)
    assert "What runs of this lab wrote" not in texts(app)  # nothing is made before somebody asks
    app.session_state["train_how_good"] = True
    app.run()
    assert not app.exception
    said = texts(app)
    assert len(app.code) > n_texts + 1
    wrote = {sample.step for sample in small.store.samples(owl.id)}
    estimates = [e for e in small.store.estimates(owl.id) if e.step in wrote]
    lowest = min(estimates, key=lambda e: e.val_loss_nats)
    assert f"at **{lowest.val_loss_nats:.3f} nats**" in said and f"owl, step {lowest.step}" in said
    assert "this one" in said or "fox" in said
    assert "elsewhere" not in said
    model, corpus = small.snapshot(run, 40).model, small.corpus_of(run)
    yardstick = yardstick_of(corpus)
    assert yardstick
    share = written_words_of(model, corpus, yardstick).share
    percent = f"{100 * share:.0f}\N{NO-BREAK SPACE}%"
    assert f"Of 1,000 characters that it writes at step 40, **{percent}** stand" in said


# --- the chart ------------------------------------------------------------------------------------


def test_every_switch_of_the_chart_changes_it(small: Lab, plots: Plots) -> None:
    finished(small, name="owl")
    finished(small, name="fox")
    app = open_page("train")

    def chart() -> Any:
        return plots.figures["loss"]

    assert chart().layout.xaxis.title.text == "steps" and len(chart().data) >= 3
    for name, value, changed in (
        ("axis", "FLOPs", lambda: chart().layout.xaxis.title.text.startswith("FLOPs")),
        ("unit", "bits", lambda: "bits" in chart().layout.yaxis.title.text),
        ("scale", "log loss", lambda: chart().layout.yaxis.type == "log"),
        ("smoothing", "much", lambda: "training, smoothed" in [t.name for t in chart().data]),
        ("behind", "none", lambda: "owl" not in [t.name for t in chart().data]),
    ):
        assert not changed(), name
        app.segmented_control(key=f"train_{name}").set_value(value).run()
        assert changed(), name


def test_the_axis_of_characters_ends_where_the_run_will(small: Lab, plots: Plots) -> None:
    parent = finished(small)
    train(small, enter_branch(small, parent, 20, {"batch_size": 2}))
    app = open_page("train")
    app.segmented_control(key="train_axis").set_value("characters").run()
    (end,) = {t.x[-1] for t in plots.figures["loss"].data if t.name == "validation, estimated"}
    assert end == 20 * (4 + 2) * 8
    assert plots.figures["loss"].layout.xaxis.range[1] == pytest.approx(ROOM * end)


def test_health_is_drawn_only_when_unfolded(small: Lab, plots: Plots) -> None:
    finished(small)
    app = open_page("train")
    assert not [key for key in plots.figures if key.startswith("health_")]
    fold = [e for e in app.expander if "Health" in e.label]
    assert len(fold) == 1


# --- branches -------------------------------------------------------------------------------------


def branch_value(app: AppTest) -> Any:
    """The slider of the branch dialog."""
    (slider,) = [w for w in app.select_slider if (w.key or "").startswith("branch_value_")]
    return slider


def test_a_click_on_the_curve_branches_there_with_one_thing_changed(
    small: Lab, plots: Plots
) -> None:
    parent = finished(small, name="owl")
    app = open_page("train")
    plots.click("loss", 20, 2.5, customdata=[20, 2.5, 3.6])
    app.run()
    assert app.number_input(key="branch_at").value == 20
    app.selectbox(key="branch_setting").set_value("weight_decay").run()
    branch_value(app).set_value(1.0).run()
    app.button(key="branch_go").click().run()
    assert not app.exception
    child = newest(small)
    wait_until(lambda: small.run(child.id).status == "finished", "the branch is over")
    assert (child.parent, child.parent_step) == (parent.id, 20)
    assert child.config.train.weight_decay == 1.0
    theirs, ours = (small.store.steps(r.id) for r in (parent, child))
    assert [s.loss_nats for s in ours[:20]] == [s.loss_nats for s in theirs[:20]]
    app.run()
    assert "branched from step 20" in texts(app)
    assert "owl" in [trace.name for trace in plots.figures["loss"].data]


def test_a_branch_with_nothing_changed_lies_on_its_parent(small: Lab, plots: Plots) -> None:
    parent = finished(small)
    app = open_page("train")
    app.button(key="train_branch").click().run()
    app.number_input(key="branch_at").set_value(10).run()
    app.selectbox(key="branch_setting").set_value("nothing").run()
    app.button(key="branch_go").click().run()
    child = newest(small)
    wait_until(lambda: small.run(child.id).status == "finished", "the branch is over")
    assert small.store.estimates(child.id) == small.store.estimates(parent.id)
    app.run()
    assert f"the same numbers as {parent.name}: nothing was set differently" in texts(app)


# --- the controls and the run ---------------------------------------------------------------------


def test_a_run_that_is_picked_gives_the_controls_its_settings(small: Lab) -> None:
    narrow = finished(small, name="owl", n_embd=16, n_head=1, learning_rate=2e-3)
    finished(small, "bigram", name="fox")
    app = open_train()
    assert app.segmented_control(key="train_model").value == "bigram"
    app.selectbox(key="train_run").set_value(narrow.id).run()
    app.run()
    assert app.segmented_control(key="train_model").value == "transformer"
    for name, value in (("n_embd", 16), ("n_head", 1), ("learning_rate", 2e-3)):
        assert control(app, "select_slider", name).value == value
    app.button(key="train_start").click().run()
    assert newest(small).config == narrow.config


def test_the_simple_level_has_fewer_controls(small: Lab) -> None:
    simple, everything = open_train("simple"), open_train("all")
    names = {w.key for w in simple.select_slider}
    assert names < {w.key for w in everything.select_slider}
    assert not [w for w in simple.selectbox if "schedule" in (w.key or "")]


def test_threads_are_a_setting_of_the_lab(small: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    asked: list[int] = []
    service = training_service(small)
    monkeypatch.setattr(type(service), "set_threads", lambda self, n: asked.append(n))
    app = open_train()
    assert app.selectbox(key="train_threads").value == torch.get_num_threads() == 1
    app.selectbox(key="train_threads").set_value(2).run()
    assert asked == [2]


# --- the address ----------------------------------------------------------------------------------


def test_the_address_says_what_is_on_the_screen_and_opens_it_again(small: Lab) -> None:
    app = open_train(corpus="small")
    control(app, "select_slider", "block_size").set_value(16).run()
    control(app, "number_input", "seed").set_value(7).run()
    app.segmented_control(key="train_unit").set_value("bits").run()
    query = {name: str(value) for name, value in app.query_params.items()}
    assert query == {
        "corpus": "small", "block_size": "16", "seed": "7", "unit": "bits", "level": "all",
    }  # fmt: skip
    again = open_page("train", **query)
    assert control(again, "select_slider", "block_size").value == 16
    assert control(again, "number_input", "seed").value == 7
    assert again.segmented_control(key="train_unit").value == "bits"
    assert again.selectbox(key="train_corpus").value == "small"


def test_an_address_opens_a_run_with_its_settings(small: Lab) -> None:
    owl = finished(small, name="owl", block_size=4)
    finished(small, name="fox")
    app = open_page("train", run="owl")
    assert app.selectbox(key="train_run").value == owl.id
    assert control(app, "select_slider", "block_size").value == 4


def test_a_run_is_opened_with_its_text_under_the_name_that_it_has_now(small: Lab) -> None:
    finished(small, name="owl")
    small.library.bin("small")
    small.library.add("small", play(3_000, seed=5).encode(), "small")
    assert small.library.restore("small") == "small-2"
    app = open_page("train", run="owl", level="all")
    assert app.selectbox(key="train_corpus").value == "small-2"
    assert {n: str(v) for n, v in app.query_params.items()} == {"run": "owl", "level": "all"}


def test_runs_can_be_chosen_to_stand_behind_and_the_address_names_them(
    small: Lab, plots: Plots
) -> None:
    owl = finished(small, name="owl")
    for name in ("hen", "fox"):
        finished(small, name=name)
    app = open_page("train")

    def behind() -> set[str]:
        return {str(t.name) for t in plots.figures["loss"].data} & {"owl", "hen", "fox"}

    assert behind() == {"owl", "hen"}
    app.segmented_control(key="train_behind").set_value("chosen").run()
    assert behind() == set()
    app.multiselect(key="train_runs").set_value([owl.id]).run()
    assert behind() == {"owl"}
    query = {name: str(value) for name, value in app.query_params.items()}
    assert query == {"run": "fox", "behind": "chosen", "runs": "owl"}
    open_page("train", **query)
    assert behind() == {"owl"}


def test_an_address_without_a_run_shows_its_settings_and_no_run(small: Lab) -> None:
    finished(small, "bigram", name="owl")
    app = open_page("train", n_layer="2")
    assert control(app, "select_slider", "n_layer").value == 2
    assert "train_reset" not in {b.key for b in app.button}


def test_a_lesson_hides_controls_which_keep_their_values(small: Lab) -> None:
    app = open_page("train", hide="n_layer,level,model", n_layer="2", corpus="small")
    assert not [w for w in app.select_slider if "n_layer" in (w.key or "")]
    keys = {w.key for w in app.segmented_control}
    assert not keys & {"train_model", "train_level"}
    app.button(key="train_start").click().run()
    assert newest(small).config.model.n_layer == 2


def test_settings_are_called_as_beside_their_controls(small: Lab) -> None:
    finished(small)
    app = open_train()
    hidden = app.multiselect(key="train_hide").options
    for widget in (*app.select_slider, *app.selectbox, *app.number_input):
        if (widget.key or "").startswith("train_") and widget.label in LABELS.values():
            assert widget.label in hidden
    assert {"Heads", "Layers", "Width", "Seed"} <= set(hidden)
    assert not [label for label in hidden if "_" in label]
    app.multiselect(key="train_hide").set_value(["n_head"]).run()
    assert not [w for w in app.select_slider if w.label == "Heads"]
    assert app.query_params["hide"] == "n_head"  # as ever in an address
    app.button(key="train_branch").click().run()
    assert "Learning rate" in app.selectbox(key="branch_setting").options
    assert not [label for label in app.selectbox(key="branch_setting").options if "_" in label]


def test_what_an_address_cannot_say_is_left_out_and_said(small: Lab) -> None:
    app = open_page("train", block_size="many", run="nobody", seed="3")
    (warning,) = app.warning
    assert "block_size is a whole number" in warning.value.replace("\\", "")
    assert "no run 'nobody'" in warning.value.replace("\\", "")


def test_the_words_on_the_chart_are_explained_where_one_unfolds_them(small: Lab) -> None:
    for fill in (lambda: None, lambda: finished(small)):
        fill()
        app = open_page("train")
        assert line_of("unigram") not in texts(app)
        app.session_state["words_fold"] = True  # a click that opens it
        app.run()
        said = next(c.value for c in app.caption if line_of("unigram") in c.value)
        assert all(line_of(word) in said for word in ("nats", "bits", "validation loss", "FLOPs"))


# --- longer ---------------------------------------------------------------------------------------


def test_the_button_stands_out_where_more_steps_help(small: Lab) -> None:
    """And nothing does where the controls ask for no other run, and more steps bring little."""
    run = finished(small, name="fox", max_iters=20)
    for losses, expected in (([4.0, 3.6, 3.2, 2.8, 2.4], "primary"), ([2.4] * 5, "secondary")):
        seen = [Estimate(4 * n, loss, loss) for n, loss in enumerate(losses, 1)]
        small.store.rewind(run.id, -1)
        small.store.record(run.id, [], [(each, "") for each in seen])
        app = open_page("train")
        assert app.button(key="train_longer").proto.type == expected
        assert app.button(key="train_start").proto.type == "secondary"


def test_another_run_like_one_that_was_trained_longer_has_its_whole_schedule(small: Lab) -> None:
    run = finished(small, name="fox", max_iters=20, lr_decay_iters=20)
    resumed = small.run(train(small, run.id, max_iters=60))
    assert (resumed.max_iters, resumed.config.train.lr_decay_iters) == (60, 20)
    app = open_page("train")
    app.button(key="train_new_seed").click().run()
    app.button(key="train_start").click().run()
    wait_until(lambda: newest(small).status == "finished", "it is over")
    again = newest(small).config.train
    assert (again.seed, again.max_iters, again.lr_decay_iters) == (
        run.config.train.seed + 1,
        60,
        60,
    )


def test_a_run_that_is_over_goes_on_to_twice_its_steps_at_the_rate_of_its_end(small: Lab) -> None:
    run = finished(small, name="fox", max_iters=20, learning_rate=1e-2)
    app = open_page("train")
    button = app.button(key="train_longer")
    rate = f"{run.config.train.min_lr:.3g}"
    said = f"Train longer takes fox on to step 40, at rate {rate}, where its schedule ended."
    assert said in texts(app) and "another rate: move those sliders first" in button.help
    button.click().run()
    wait_until(lambda: newest(small).status == "finished", "it is over")
    after = small.run(run.id)
    assert (after.step, after.max_iters, len(small.runs())) == (40, 40, 1)
    app.run()
    assert control(app, "select_slider", "max_iters").value == 40
    assert "The controls say the settings of fox." in texts(app)
    assert "on to step 80, " in texts(app)


def test_the_sliders_say_how_far_and_at_which_rate(small: Lab) -> None:
    run = finished(small, name="fox", max_iters=20)
    app = open_page("train")
    control(app, "select_slider", "max_iters").set_value(50).run()
    assert "**steps 20 -> 50" in texts(app) and "Train longer takes fox on to step 50" in texts(app)
    assert "Start makes a new run." in texts(app)
    control(app, "select_slider", "learning_rate").set_value(3e-4).run()
    assert "on to step 50, at rate 0.0003." in app.button(key="train_longer").help
    assert app.button(key="train_start").proto.type == "primary"  # another rate, another run
    app.button(key="train_longer").click().run()
    wait_until(lambda: small.run(run.id).status == "finished", "it is over")
    rates = {row.step: row.learning_rate for row in small.store.steps(run.id)}
    assert {rates[step] for step in range(21, 51)} == {3e-4} and max(rates) == 50


def test_a_run_that_was_ended_early_goes_on_to_the_end_that_it_had(small: Lab) -> None:
    run_id = small_run(small, small.library.load("small"), name="fox", max_iters=40)
    run = ActiveRun.open(small.home, small.store, run_id)
    run.advance(60.0, until=10)
    run.finish()
    run.close()
    assert "takes fox on to step 40, at rate" in texts(open_page("train"))


def test_a_run_of_a_race_stays_and_a_branch_goes_on(small: Lab) -> None:
    run = finished(small, name="fox", max_iters=20)
    small.store.add_event(run.id, 0, Race("r", "steps", 20))
    app = open_page("train")
    assert "Train longer branches off from fox and goes on to step 40" in texts(app)
    app.button(key="train_longer").click().run()
    wait_until(lambda: newest(small).status == "finished" and newest(small).id != run.id, "its end")
    child = newest(small)
    assert (child.parent, child.parent_step, child.step) == (run.id, 20, 40)
    assert small.run(run.id).step == 20


def test_other_settings_leave_the_run_as_it_was_and_what_diverged_is_not_offered_more(
    small: Lab,
) -> None:
    run = finished(small, name="fox", max_iters=20)
    app = open_page("train")
    control(app, "select_slider", "block_size").set_value(16).run()
    assert "on to step 40, " in app.button(key="train_longer").help
    assert app.button(key="train_start").proto.type == "primary"
    small.store.update_run(run.id, status="failed", message="After step 5 the loss was nan.")
    assert "train_longer" in {b.key for b in open_page("train").button}
    small.store.add_event(run.id, 5, Diverged())
    assert "train_longer" not in {b.key for b in open_page("train").button}
