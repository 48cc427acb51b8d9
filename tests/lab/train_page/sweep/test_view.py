"""The Sweep view: every control changes the sweep, and the buttons do what they say."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.experiments.sweep import Cell, Sweep, SweepCells, enter_sweep, load_sweeps, sweep_cells
from core.runs.active_run import ActiveRun
from core.runs.lab import Lab
from core.service.service import training_service
from lab.session.state import the_calibration
from tests.core.experiments.test_sweep import BLOCKS, HEADS
from tests.helpers import PATIENCE_S, play, small_config, train, wait_until
from tests.pages import pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]


def view(kind: str, corpus: str, changes: dict) -> None:  # type: ignore[type-arg]
    """What the Train page does with the view; this runs as a script of its own."""
    import streamlit as st

    from lab.session.state import the_lab, wanted_view
    from lab.train_page.sweep.view import render_sweep_view

    text = the_lab().library.load(corpus)
    config = the_lab().configure(kind, text, "quick", **changes)  # type: ignore[arg-type]
    st.session_state["wanted"] = wanted_view()
    render_sweep_view(text, config)


@pytest.fixture
def small(pages: Lab, plots: Plots, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab with a small text, so that a sweep is over in a moment."""
    monkeypatch.setattr("core.settings.config.SAMPLE_LENGTH", 12)
    pages.library.add("small", play(3_000).encode(), "small")
    return pages


def opened(kind: str = "transformer", corpus: str = "small", **changes: Any) -> AppTest:
    shape = dict(n_embd=16, batch_size=4, max_iters=20, n_layer=1)
    if kind != "transformer":
        shape = dict(batch_size=4, max_iters=20)
    app = AppTest.from_function(
        view,
        default_timeout=PATIENCE_S,
        kwargs=dict(kind=kind, corpus=corpus, changes=shape | changes),
    ).run()
    assert not app.exception
    wait_until(lambda: the_calibration() is not None, "the timing")
    return app.run()


def control(app: AppTest, kind: str, prefix: str) -> Any:
    (found,) = [w for w in getattr(app, kind) if (w.key or "").startswith(prefix)]
    return found


def buttons(app: AppTest) -> set[str]:
    """The buttons in a row; the one that deletes stands behind a second click."""
    return {button.key for button in app.button} - {"sweep_delete"}


def said(app: AppTest) -> str:
    return " ".join(e.value for e in [*app.caption, *app.markdown, *app.error])


def cells(lab: Lab) -> list[Cell]:
    return sweep_cells(lab, load_sweeps(lab)[0])


def is_done(lab: Lab) -> bool:
    over = all(cell.run and cell.run.status == "finished" for cell in cells(lab))
    return over and not training_service(lab).is_sweeping(load_sweeps(lab)[0].id)


def finished(lab: Lab) -> Sweep:
    """A sweep with two cells trained and two that cannot be."""
    corpus = lab.library.load("small")
    base = small_config("transformer", len(corpus.vocabulary), max_iters=6, eval_interval=3)
    sweep = enter_sweep(lab, base, corpus, BLOCKS, HEADS, "owl")
    for run in lab.runs_of(sweep.id):
        train(lab, run.id)
    return sweep


def with_failed(lab: Lab, name: str = "owl") -> tuple[Sweep, str]:
    """A sweep whose first cell failed before its first step, and the id of that run."""
    corpus = lab.library.load("small")
    base = small_config("transformer", len(corpus.vocabulary), max_iters=6, eval_interval=3)
    sweep = enter_sweep(lab, base, corpus, BLOCKS, HEADS, name)
    first, *others = lab.runs_of(sweep.id)
    for run in others:
        train(lab, run.id)
    SweepCells(lab, sweep.id).fail_run(first.id, "The disk is full.")
    return sweep, first.id


# --- what to sweep over ---------------------------------------------------------------------------


def test_before_any_sweep_the_grid_shows_the_cells_that_would_be_run(
    small: Lab, plots: Plots
) -> None:
    app = opened()
    assert buttons(app) == {"sweep_start"} and app.button(key="sweep_start").label == "Start"
    labels = plots.figures["sweep_grid"].data[2]
    assert set(labels.text) == {"to be run"} and len(labels.text) == 3 * 4
    assert "12 runs of 20 steps, about" in said(app)
    assert small.runs() == []


def test_every_control_changes_the_sweep(small: Lab) -> None:
    app = opened()
    app.selectbox(key="sweep_pair_transformer").set_value(("n_layer", "n_embd")).run()
    control(app, "multiselect", "sweep_x_").set_value([1, 2])
    control(app, "multiselect", "sweep_y_").set_value([32])
    control(app, "number_input", "sweep_steps_").set_value(5).run()
    assert "2 runs of 5 steps" in said(app)
    app.button(key="sweep_start").click().run()
    assert not app.exception
    configs = [cell.run.config for cell in cells(small) if cell.run]
    assert [(c.model.n_layer, c.model.n_embd) for c in configs] == [(1, 32), (2, 32)]
    assert {c.train.max_iters for c in configs} == {5}
    assert {c.train.batch_size for c in configs} == {4}  # as the controls on the left say
    wait_until(lambda: is_done(small), "the end")


def test_block_sizes_can_be_compared_at_as_many_characters_a_step(small: Lab) -> None:
    app = opened(block_size=32)
    control(app, "multiselect", "sweep_x_").set_value([8, 32])
    control(app, "multiselect", "sweep_y_").set_value([1])
    app.run()
    assert "2 runs of 20 steps" in said(app) and "a step reads 32 to 128 characters" in said(app)
    app.toggle(key="sweep_hold").set_value(True).run()
    assert "every step reads 128 characters" in said(app)
    app.button(key="sweep_start").click().run()
    assert not app.exception
    configs = [cell.run.config for cell in cells(small) if cell.run]
    assert [(c.model.block_size, c.train.batch_size) for c in configs] == [(8, 16), (32, 4)]
    wait_until(lambda: is_done(small), "the end", 60)
    app.run()
    assert "A step reads 128 characters in every cell" in said(app)
    app.selectbox(key="sweep_pair_transformer").set_value(("block_size", "batch_size")).run()
    assert not app.toggle  # the number of characters is what that pair changes


@pytest.mark.parametrize(
    ("kind", "first"),
    [("bigram", ("learning_rate", "batch_size")), ("attention", ("block_size", "n_head"))],
)
def test_only_what_the_model_has_is_offered(small: Lab, kind: str, first: tuple[str, str]) -> None:
    app = opened(kind)
    pair = app.selectbox(key=f"sweep_pair_{kind}")
    assert pair.value == first
    assert ("layers" in " ".join(pair.options)) is False
    app.button(key="sweep_start").click().run()
    assert not app.exception and {run.model for run in small.runs()} == {kind}


def test_only_values_that_fit_width_and_text_are_offered(small: Lab) -> None:
    app = opened(n_embd=48)
    blocks, heads = (control(app, "multiselect", f"sweep_{side}_") for side in "xy")
    assert "256" in blocks.options and heads.options == ["1", "2", "3", "4", "6", "8", "12", "16"]
    small.library.add("short", play(300).encode(), "short")
    app = opened(corpus="short", n_embd=32, block_size=16)
    blocks, heads = (control(app, "multiselect", f"sweep_{side}_") for side in "xy")
    assert max(map(int, blocks.options)) == 16 and "3" not in heads.options
    assert blocks.value and heads.value == [1, 2, 4, 8]


def test_a_grid_that_cannot_be_is_not_started_and_says_why(small: Lab) -> None:
    app = opened()
    control(app, "multiselect", "sweep_y_").set_value([]).run()
    assert "needs at least one value" in said(app).replace("\\", "")
    assert app.button(key="sweep_start").disabled
    app.selectbox(key="sweep_pair_transformer").set_value(("learning_rate", "batch_size")).run()
    for side in "xy":
        box = control(app, "multiselect", f"sweep_{side}_")
        kind = float if side == "x" else int
        box.set_value([kind(option.replace(",", "")) for option in box.options])
    app.run()
    assert "at most 64 cells" in said(app) and app.button(key="sweep_start").disabled
    assert small.runs() == []


def test_each_run_is_as_long_as_the_controls_say_at_most(small: Lab) -> None:
    assert control(opened(max_iters=2000), "number_input", "sweep_steps_").value == 300
    assert control(opened(max_iters=50), "number_input", "sweep_steps_").value == 50


# --- while it runs --------------------------------------------------------------------------------


def test_start_pause_and_resume(small: Lab, plots: Plots) -> None:
    app = opened(max_iters=2000)
    control(app, "number_input", "sweep_steps_").set_value(9_000)
    control(app, "multiselect", "sweep_x_").set_value([8])
    control(app, "multiselect", "sweep_y_").set_value([1, 2]).run()
    app.button(key="sweep_start").click().run()
    wait_until(lambda: any(c.run and c.run.step > 0 for c in cells(small)), "it learns")
    app.run()
    assert buttons(app) == {"sweep_pause", "sweep_start"}
    (bar,) = app.get("progress")
    assert "0 of 2 runs done, about" in bar.proto.text and "left" in bar.proto.text
    assert "of 9,000" in plots.figures["sweep_grid"].data[2].text[0]
    app.button(key="sweep_pause").click().run()
    assert [c.run.status for c in cells(small) if c.run] == ["paused", "queued"]
    assert buttons(app) == {"sweep_resume", "sweep_start"}
    assert "paused" in app.get("progress")[0].proto.text
    app.button(key="sweep_resume").click().run()
    wait_until(lambda: any(c.run and c.run.status == "running" for c in cells(small)), "on again")
    app.run()
    assert "sweep_pause" in buttons(app)


def test_a_sweep_is_watched_to_its_end(small: Lab, plots: Plots) -> None:
    app = opened()
    control(app, "multiselect", "sweep_x_").set_value([8, 32])
    control(app, "multiselect", "sweep_y_").set_value([1, 2]).run()
    app.button(key="sweep_start").click().run()
    wait_until(lambda: is_done(small), "the end")
    app.run()
    assert buttons(app) == {"sweep_start"} and "4 of 4 runs done" in said(app)
    runs = [cell.run for cell in cells(small) if cell.run]
    best = min(runs, key=lambda run: run.val_loss_nats or 99.0)
    assert f"{best.val_loss_nats:.3f} nats" in said(app)
    assert "makes the larger difference" in said(app) or "Neither" in said(app)
    assert "a longer block sees more characters" in said(app)


def test_a_run_that_another_process_trains_has_no_buttons(small: Lab) -> None:
    sweep = finished(small)
    theirs = ActiveRun.open(small.home, small.store, small.runs_of(sweep.id)[0].id, max_iters=9)
    theirs.advance(60.0, until=8)
    theirs.set_status("running")
    app = opened()
    assert buttons(app) == {"sweep_start"}
    assert "another process" in app.get("progress")[0].proto.text
    theirs.close()


def test_while_a_paused_sweep_is_saved_start_does_not_take_the_place_of_pause(
    small: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = finished(small)
    in_hand = ActiveRun.open(small.home, small.store, small.runs_of(sweep.id)[0].id, max_iters=9)
    in_hand.set_status("running")
    ours = type(training_service(small).in_hand)
    monkeypatch.setattr(ours, "__contains__", lambda self, run_id: run_id == in_hand.record.id)
    app = opened()
    assert [b.key for b in app.button][:2] == ["sweep_pause", "sweep_start"]
    assert app.button(key="sweep_pause").disabled and not app.button(key="sweep_start").disabled
    assert "another process" not in app.get("progress")[0].proto.text
    in_hand.close()


def test_a_run_that_was_resumed_by_itself_is_not_another_process_s(small: Lab) -> None:
    corpus = small.library.load("small")
    base = small_config("transformer", len(corpus.vocabulary), max_iters=9_000)
    sweep = enter_sweep(small, base, corpus, BLOCKS, HEADS, "owl")
    first = small.runs_of(sweep.id)[0]
    training_service(small).resume(first.id)
    wait_until(lambda: small.run(first.id).step > 0, "it learns")
    text = opened().get("progress")[0].proto.text.replace("\\", "")
    assert text == f"0 of 4 runs done; trained by itself: {first.name}"


def test_after_a_kill_it_is_said_up_to_where_the_run_is_saved(small: Lab) -> None:
    corpus = small.library.load("small")
    base = small_config("transformer", len(corpus.vocabulary), max_iters=6, eval_interval=3)
    sweep = enter_sweep(small, base, corpus, BLOCKS, HEADS, "owl")
    first, second, *_ = small.runs_of(sweep.id)
    train(small, first.id)
    small.store.update_run(second.id, status="interrupted", step=5, checkpoint_step=3)
    text = opened().get("progress")[0].proto.text.replace("\\", "")
    assert text == f"1 of 4 runs done, interrupted: saved is {second.name} up to step 3"
    small.store.update_run(second.id, status="paused", step=3)
    assert "paused: every run is saved" in opened().get("progress")[0].proto.text


# --- what failed, and what is not wanted any more -------------------------------------------------


def test_what_failed_is_tried_again_and_what_is_finished_is_not(small: Lab) -> None:
    sweep, failed = with_failed(small)
    others = {run.id: run for run in small.runs_of(sweep.id) if run.id != failed}
    app = opened()
    assert buttons(app) == {"sweep_retry", "sweep_start"} and "1 of them failed" in said(app)
    app.button(key="sweep_retry").click().run()
    assert not app.exception and not app.error
    wait_until(lambda: small.run(failed).status == "finished", "the end")
    wait_until(lambda: not training_service(small).is_sweeping(sweep.id), "the sweep is over")
    assert "The disk is full" not in small.run(failed).message
    assert {run.id: run for run in small.runs_of(sweep.id) if run.id != failed} == others
    assert buttons(app.run()) == {"sweep_start"}


def test_what_cannot_be_tried_again_is_said_and_stays_failed(small: Lab) -> None:
    sweep = finished(small)
    damaged = small.runs_of(sweep.id)[0].id
    for path in small.home.run_folder(damaged).glob("*.pt"):
        path.write_bytes(b"")
    SweepCells(small, sweep.id).fail_run(damaged, "The disk is full.")
    app = opened()
    app.button(key="sweep_retry").click().run()
    assert "can be read" in app.error[0].value
    assert small.run(damaged).status == "failed"


def test_a_sweep_is_deleted_and_its_runs_are_in_the_bin(small: Lab, plots: Plots) -> None:
    older = finished(small)
    newer, _ = with_failed(small, "fox")
    app = opened()
    assert app.selectbox(key="sweep_shown").value == newer.id
    assert "deletes the sweep fox" in said(app)
    ids = {run.id for run in small.runs_of(newer.id)}
    app.button(key="sweep_delete").click().run()
    assert not app.exception and not app.error
    assert [sweep.id for sweep in load_sweeps(small)] == [older.id]
    assert {run.id for run in small.deleted_runs()} == ids
    assert app.selectbox(key="sweep_shown").value == older.id


def test_a_sweep_in_training_is_paused_before_it_is_deleted(small: Lab) -> None:
    sweep = finished(small)
    theirs = ActiveRun.open(small.home, small.store, small.runs_of(sweep.id)[0].id, max_iters=9)
    theirs.advance(60.0, until=8)
    theirs.set_status("running")
    assert "sweep_delete" not in {button.key for button in opened().button}
    theirs.set_status("paused")  # it is held all the same
    app = opened()
    app.button(key="sweep_delete").click().run()
    assert "is being trained; pause the sweep first" in app.error[0].value.replace("\\", "")
    assert load_sweeps(small) and not small.deleted_runs()
    theirs.close()


# --- what came of it ------------------------------------------------------------------------------


def test_the_measure_and_the_sweep_on_the_screen_can_be_chosen(small: Lab, plots: Plots) -> None:
    older = finished(small)
    corpus = small.library.load("small")
    newer = enter_sweep(small, older.base, corpus, BLOCKS, HEADS, "fox")
    app = opened()
    box = app.selectbox(key="sweep_shown")
    assert box.value == newer.id and box.options == [
        f"{name} · transformer · block size and heads" for name in ("fox", "owl")
    ]
    assert set(plots.figures["sweep_grid"].data[2].text) == {"not started yet", ""}
    box.set_value(older.id).run()
    shown = []
    for measure in ("loss", "time", "size"):
        app.segmented_control(key="sweep_measure").set_value(measure).run()
        assert not app.exception
        shown.append(plots.figures["sweep_grid"].data[2].text[0])
    assert "nats" in shown[0] and shown[1].endswith(" s") and "parameters" in shown[2]


def test_a_click_on_a_cell_opens_its_run(small: Lab, plots: Plots) -> None:
    sweep = finished(small)
    app = opened()
    heat = plots.figures["sweep_grid"].data[1]
    run_id = small.runs_of(sweep.id)[0].id
    assert heat.customdata[0][0] == run_id
    plots.click("sweep_grid", 0, 0, run_id)
    app.run()
    assert app.session_state["chosen_run"] == run_id and app.session_state["wanted"] == "run"
    plots.click("sweep_grid", 0, 2, heat.customdata[2][0])  # a cell that cannot be
    app.run()
    assert app.session_state["chosen_run"] == run_id and app.session_state["wanted"] is None
