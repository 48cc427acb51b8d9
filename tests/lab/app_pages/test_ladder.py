"""Ladder: the staircase before, while and after training, a rung in detail, and the buttons."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.experiments.ladder import (
    Ladder,
    enter_ladder,
    load_ladders,
    plan_ladder,
    rung_standings,
)
from core.experiments.sweep import SweepCells
from core.runs.lab import Lab
from core.service.service import training_service
from lab.ladder_page.table import COLUMNS, csv_of, rung_rows
from tests.helpers import filled, play, train, wait_until
from tests.pages import open_page, pages
from tests.plots import Plots, plots

__all__ = ["pages", "plots"]

TINY: dict[str, Any] = dict(
    block_size=8, n_layer=2, n_head=2, n_embd=8, batch_size=4, device="cpu", seed=5
)


def entered(lab: Lab) -> Ladder:
    lab.library.add("small", play(3_000).encode(), "small")
    corpus = lab.library.load("small")
    rungs = plan_ladder(lab.configure, corpus, "steps", 6, **TINY)
    return enter_ladder(lab, rungs, corpus, "steps", 6, "owl")


def finished(lab: Lab) -> Ladder:
    ladder = entered(lab)
    for run in lab.runs_of(ladder.id):
        train(lab, run.id)
    return ladder


def said(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.info, *app.error]
    return " ".join(element.value for element in elements)


def look_at(app: AppTest, rung: str) -> None:
    app.selectbox(key="ladder_rung").set_value(rung).run()
    assert not app.exception


def test_before_any_training_the_staircase_is_there_with_one_button(
    pages: Lab, plots: Plots
) -> None:
    app = open_page("ladder")
    assert app.button(key="ladder_start").label == "Start"
    assert "21 runs on shakespeare, about" in said(app)
    assert "Press Start, and the staircase finds its real steps" in said(app)
    (targets,) = [trace for trace in plots.figures["ladder"].data if trace.mode == "markers"]
    assert len(targets.customdata) == 21
    assert [code.value for code in app.code] == ["return x + found if self.adds else found"]
    look_at(app, "one head")
    assert "(q / math.sqrt(D)) @ k.mT" in app.code[0].value


def test_the_controls_change_the_ladder(pages: Lab, plots: Plots) -> None:
    app = open_page("ladder")
    app.select_slider(key="ladder_n_layer").set_value(1).run()
    assert "19 runs on shakespeare" in said(app)
    app.select_slider(key="ladder_n_embd").set_value(16)
    app.number_input(key="ladder_budget_steps").set_value(3).run()
    app.button(key="ladder_start").click().run()
    assert not app.exception
    (ladder,) = load_ladders(pages)
    configs = {rung.config for rung in rung_standings(pages, ladder)}
    assert {c.train.max_iters for c in configs if c} == {3} and ladder.budget == 3
    assert {c.model.n_embd for c in configs if c} == {0, 16}
    assert max(c.model.n_layer for c in configs if c) == 1


def test_by_seconds_the_machine_decides_how_many_steps(pages: Lab, plots: Plots) -> None:
    app = open_page("ladder")
    app.segmented_control(key="ladder_by").set_value("seconds").run()
    assert app.number_input(key="ladder_budget_seconds").label == "Seconds of each"
    app.select_slider(key="ladder_n_embd").set_value(16)
    app.number_input(key="ladder_budget_seconds").set_value(1).run()
    app.button(key="ladder_start").click().run()
    (ladder,) = load_ladders(pages)
    training_service(pages).pause_sweep(ladder.id)
    steps = [run.max_iters for run in pages.runs_of(ladder.id)]
    assert ladder.by == "seconds" and steps[0] > steps[10] >= 20


def test_the_longer_budget_is_one_click_away_with_its_wait(pages: Lab, plots: Plots) -> None:
    app = open_page("ladder")
    assert app.segmented_control(key="ladder_length_steps").value == "quick"
    assert "Longer, 3,000 steps each: about" in said(app)
    app.segmented_control(key="ladder_length_steps").set_value("longer").run()
    assert app.number_input(key="ladder_budget_steps").value == 3000
    assert "Longer" not in said(app) and not app.exception
    app.number_input(key="ladder_budget_steps").set_value(700).run()
    assert app.segmented_control(key="ladder_length_steps").value is None
    app.segmented_control(key="ladder_length_steps").set_value("quick").run()
    assert app.number_input(key="ladder_budget_steps").value == 500


def test_by_characters_it_is_said_that_they_are_steps(pages: Lab, plots: Plots) -> None:
    app = open_page("ladder")
    app.segmented_control(key="ladder_by").set_value("characters").run()
    assert "16 × 32 = 512 characters a step, so equal characters are equal steps: 500" in said(app)


def test_by_flops_a_dearer_rung_takes_fewer_steps_and_the_count_is_told(
    pages: Lab, plots: Plots
) -> None:
    app = open_page("ladder")
    app.segmented_control(key="ladder_by").set_value("flops").run()
    assert "6 for each weight in a matrix product and 12·L·C·T for attention" in said(app)
    app.select_slider(key="ladder_n_embd").set_value(16)
    app.number_input(key="ladder_budget_flops").set_value(1).run()
    app.button(key="ladder_start").click().run()
    assert not app.exception
    (ladder,) = load_ladders(pages)
    training_service(pages).pause_sweep(ladder.id)
    steps = {run.name: run.max_iters for run in pages.runs_of(ladder.id)}
    assert (ladder.by, ladder.budget) == ("flops", 10**9)
    assert steps[f"{ladder.name} embeddings"] > 10 * steps[f"{ladder.name} 3 blocks"] > 10


@pytest.mark.parametrize("lost", ["base", "run_id"])
def test_a_stored_rung_that_cannot_be_read_is_said_and_the_others_are_shown(
    pages: Lab, plots: Plots, lost: str
) -> None:
    ladder = filled(pages, finished)
    with sqlite3.connect(pages.home.database) as db:
        spec = json.loads(db.execute("SELECT spec FROM sweeps").fetchone()[0])
        del spec["places"][4][lost]
        db.execute("UPDATE sweeps SET spec = ?", (json.dumps(spec),))
    app = open_page("ladder")
    (warning,) = app.warning
    assert f"Of the ladder {ladder.name} 1 of its 20 rungs cannot be read" in warning.value
    (targets,) = [trace for trace in plots.figures["ladder"].data if trace.mode == "markers"]
    assert len(targets.customdata) == 19 and "19 of 19 runs done" in said(app)


def test_it_is_trained_in_the_background_paused_and_resumed(pages: Lab, plots: Plots) -> None:
    ladder, service = entered(pages), training_service(pages)
    app = open_page("ladder")
    assert {"ladder_resume", "ladder_start"} <= {button.key for button in app.button}
    app.button(key="ladder_resume").click().run()
    assert not app.exception
    wait_until(lambda: bool(pages.runs_of(ladder.id)[0].step), "the first rung")
    app.run()
    if any(button.key == "ladder_pause" for button in app.button):
        app.button(key="ladder_pause").click().run()
        assert not service.is_sweeping(ladder.id)
        app.run()
        app.button(key="ladder_resume").click().run()
    wait_until(lambda: all(r.status == "finished" for r in pages.runs_of(ladder.id)), "all rungs")
    wait_until(lambda: not service.is_sweeping(ladder.id), "its end")
    app.run()
    assert "20 of 20 runs done" in said(app) and "6 steps for each rung" in said(app)


def test_a_finished_ladder_is_a_staircase_and_says_what_it_shows(pages: Lab, plots: Plots) -> None:
    ladder = filled(pages, finished)
    app = open_page("ladder")
    losses = {r.name: r.run.val_loss_nats for r in rung_standings(pages, ladder) if r.run}
    (targets,) = [trace for trace in plots.figures["ladder"].data if trace.mode == "markers"]
    heights = dict(zip(targets.customdata, targets.y.tolist()))
    assert heights == pytest.approx({k: v for k, v in losses.items() if v}, abs=1e-5)
    assert "ends at" in said(app) and "depth" in said(app).lower()
    assert "hardly learned to copy it" in said(app) and "with the past alone" in said(app)


def test_a_click_shows_a_rung_with_its_code_its_text_and_what_it_is_against(
    pages: Lab, plots: Plots
) -> None:
    ladder = filled(pages, finished)
    app = open_page("ladder")
    plots.click("ladder", 0, 0, customdata="positions")
    app.run()
    assert app.selectbox(key="ladder_rung").value == "positions"
    run = next(r.run for r in rung_standings(pages, ladder) if r.name == "positions")
    assert run is not None
    for known in (f"{run.n_params:,} parameters", f"{run.val_loss_nats:.3f} nats",
                  "the attention model", "against 2 heads: \\+ positions"):  # fmt: skip
        assert known in said(app), known
    assert "position_embedding" in app.code[0].value
    assert app.code[1].value == pages.store.samples(run.id)[-1].text.strip("\n")
    app.button(key="ladder_open").click().run()
    assert app.session_state["chosen_run"] == run.id


def test_what_is_left_out_shows_the_lines_that_do_it(pages: Lab, plots: Plots) -> None:
    filled(pages, finished)
    app = open_page("ladder")
    look_at(app, "no MLP")
    assert "What it leaves out is done in these lines of" in said(app) and "− mlp" in said(app)
    assert "F.gelu" in app.code[0].value


def test_a_rung_that_failed_says_why_and_can_be_tried_again(pages: Lab, plots: Plots) -> None:
    ladder = entered(pages)
    first, *others = pages.runs_of(ladder.id)
    for run in others:
        train(pages, run.id)
    SweepCells(pages, ladder.id).fail_run(first.id, "The disk is full.")
    app = open_page("ladder")
    assert "1 of them failed" in said(app)
    look_at(app, "bigram table")
    assert [error.value for error in app.error] == ["The disk is full\\."]
    app.button(key="ladder_retry").click().run()
    wait_until(lambda: pages.run(first.id).status == "finished", "the second try")


def test_a_deleted_ladder_is_gone_from_the_page(pages: Lab, plots: Plots) -> None:
    filled(pages, finished)
    app = open_page("ladder")
    app.button(key="ladder_delete").click().run()
    assert not app.exception and load_ladders(pages) == []
    assert "Press Start" in said(app)


def test_a_text_that_is_gone_leaves_the_numbers(pages: Lab, plots: Plots) -> None:
    filled(pages, finished)
    pages.library.bin("small")
    app = open_page("ladder")
    assert "20 of 20 runs done" in said(app) and "no corpus" in said(app).lower()


@pytest.mark.parametrize("page", ["train", "model", "attention", "bigram", "generate", "compare"])
@pytest.mark.parametrize(
    "rung", ["embeddings", "one head", "MLP", "no attention", "no residual stream",
             "average of the past", "no causal mask"],
)  # fmt: skip
def test_every_other_page_can_show_a_rung(pages: Lab, plots: Plots, page: str, rung: str) -> None:
    filled(pages, finished)
    open_page(page, run=f"owl {rung}")


def test_every_number_behind_the_staircase_can_be_had(pages: Lab, plots: Plots) -> None:
    ladder = filled(pages, finished)
    app = open_page("ladder")
    assert not app.dataframe
    app.session_state["ladder_table"] = True
    app.run()
    rungs = rung_standings(pages, ladder)
    table = app.dataframe[0].value
    assert list(table["rung"]) == [rung.name for rung in rungs]
    assert list(table["validation loss (nats)"]) == [r.run.val_loss_nats for r in rungs if r.run]
    rows = list(csv.DictReader(io.StringIO(csv_of(rung_rows(rungs)))))
    for row, rung in zip(rows, rungs, strict=True):
        assert rung.run and float(row["val_loss_nats"]) == rung.run.val_loss_nats
        assert int(row["n_params"]) == rung.run.n_params and row.keys() == COLUMNS.keys()
