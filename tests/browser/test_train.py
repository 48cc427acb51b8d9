"""The Train page as an instrument: a walk over it, five answers on one screen, its address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.findings.curve import verdict
from core.findings.verdicts import answers_on
from core.records.records import RunRecord
from core.runs.lab import Lab
from core.settings.differences import settings_diff
from core.text.reference import reference_lines
from core.training.health import KINDS
from lab.visit.notes import VisitNotes, keep_notes
from lab.wording.labels import change_text
from tests.browser.conftest import NewPage, Server, Window
from tests.browser.test_lab import CHART, click, shown_range, wait_for_step, zoom
from tests.helpers import assert_same_run, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import ElementHandle

pytestmark = pytest.mark.browser


def newest(lab_home: Path) -> RunRecord:
    return Lab(lab_home).runs()[0]


def move(window: Window, setting: str, key: str) -> None:
    """Move the slider of a setting by one arrow key, once the page has come to rest."""
    thumb = window.page.locator(f"[class*='st-key-train_{setting}_'] input[type=range]").first
    thumb.focus()
    thumb.press(key)


def keep_two_values(window: Window, box: str) -> None:
    """Take values out of a box of several until two are left, from the last on."""
    field = window.page.locator(box).first
    field.locator("[data-tag]").first.wait_for()
    for n_left in range(field.locator("[data-tag]").count() - 1, 1, -1):
        field.locator("input").first.press("Backspace")
        field.locator("[data-tag]").nth(n_left).wait_for(state="detached")
        window.wait_idle()


def is_button(window: Window, key: str) -> bool:
    return window.page.locator(f".st-key-{key} button").count() > 0


def wait_for_button(window: Window, key: str) -> None:
    window.page.wait_for_selector(f".st-key-{key} button")


def click_on_the_curve(window: Window, point: int = 2) -> int:
    """Click on a point of the validation curve; returns its step."""
    window.wait_idle()
    chart = the_chart(window)
    window.page.wait_for_function(
        "([chart, point]) => chart.calcdata?.[1]?.length > point", arg=[chart, point]
    )
    box = chart.bounding_box()
    place = chart.evaluate(
        """(chart, point) => {
          const { xaxis, yaxis } = chart._fullLayout, { x, y } = chart.calcdata[1][point];
          return [xaxis._offset + xaxis.c2p(x), yaxis._offset + yaxis.c2p(y), x];
        }""",
        point,
    )
    assert box is not None
    window.page.mouse.move(box["x"] + place[0] - 3, box["y"] + place[1])
    window.page.mouse.click(box["x"] + place[0], box["y"] + place[1])
    return int(place[2])


def the_chart(window: Window) -> ElementHandle:
    chart = window.page.wait_for_selector(CHART)
    assert chart is not None
    return chart


# --- one walk -------------------------------------------------------------------------------------


def test_a_walk_from_start_to_branch_keeps_one_chart_and_an_early_zoom(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(f"{server.url}/train?batch_size=4&n_layer=1")
    chart = the_chart(window)
    click(window, "train_start")
    wait_for_step(window, lab_home, 10)
    zoomed = zoom(window)

    move(window, "learning_rate", "ArrowLeft")
    window.wait_until(lambda: bool(Lab(lab_home).store.changes(newest(lab_home).id)), "a change")
    first = newest(lab_home)
    [change] = Lab(lab_home).store.changes(first.id)
    assert change.settings["learning_rate"] == (1e-3, 3e-4)
    window.page.wait_for_function(
        "chart => chart.layout.annotations.some(a => a.text.includes('learning rate'))", arg=chart
    )
    assert not is_button(window, "train_restart")

    move(window, "n_embd", "ArrowLeft")
    wait_for_button(window, "train_restart")
    assert newest(lab_home).id == first.id and newest(lab_home).status == "running"
    click(window, "train_restart")
    window.wait_until(lambda: newest(lab_home).id != first.id, "another run")
    second = newest(lab_home)
    assert (second.config.model.n_embd, first.config.model.n_embd) == (96, 128)
    assert Lab(lab_home).run(first.id).status == "paused"
    window.wait_until(lambda: f"run={second.name}" in window.page.url, "it is on the bench")
    window.wait_until(lambda: newest(lab_home).step >= 5, "it trains")

    click(window, "train_pause")
    window.wait_until(lambda: newest(lab_home).status == "paused", "it is held")
    wait_for_button(window, "train_resume")
    held_at = newest(lab_home).step
    window.wait_idle()
    click(window, "train_step")
    window.wait_until(lambda: newest(lab_home).step == held_at + 1, "one step")

    wait_for_button(window, "train_branch")
    click(window, "train_branch")
    window.page.wait_for_selector(".st-key-branch_go button")
    click(window, "branch_go")
    window.wait_until(lambda: newest(lab_home).parent == second.id, "a branch")
    window.page.get_by_text(re.compile("branched from step")).wait_for()
    assert chart.evaluate("chart => chart.isConnected")
    assert shown_range(window) == zoomed
    assert window.errors == []


def test_a_branch_with_nothing_changed_equals_its_parent(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(f"{server.url}/train?model=bigram&max_iters=50")
    click(window, "train_start")
    window.wait_until(lambda: bool(Lab(lab_home).runs()), "a run")
    parent = newest(lab_home)
    window.wait_until(lambda: Lab(lab_home).run(parent.id).status == "finished", "its end")
    said = window.page.get_by_test_id("stToastContainer").filter(has_text="has finished")
    said.wait_for()
    longer = window.page.get_by_role("button", name="Train longer")
    said_box, button_box = said.bounding_box(), longer.bounding_box()
    assert said_box and button_box
    assert said_box["y"] >= button_box["y"] + button_box["height"], "what is next can be pressed"
    wait_for_button(window, "train_start")
    step = click_on_the_curve(window)
    at = window.page.locator(".st-key-branch_at input")
    at.wait_for()
    assert at.input_value() == str(step)
    window.page.locator(".st-key-branch_at input").fill("20")
    window.page.locator(".st-key-branch_at input").press("Enter")
    window.page.wait_for_timeout(300)  # the step that was typed is on its way: a list that opens
    window.wait_idle()  # while the page is drawn closes again
    window.page.locator(".st-key-branch_setting [data-testid=stSelectbox] input").click()
    window.page.get_by_role("option", name="nothing").click()
    window.page.locator("[class*=st-key-branch_value]").wait_for(state="detached")
    click(window, "branch_go")
    window.wait_until(lambda: newest(lab_home).parent == parent.id, "a branch")
    child = newest(lab_home)
    window.wait_until(lambda: Lab(lab_home).run(child.id).status == "finished", "its end")
    assert child.parent_step == 20
    assert_same_run(Lab(lab_home), child.id, parent.id)
    window.page.get_by_text("nothing was set differently").wait_for()
    assert window.errors == []


def test_a_sweep_of_two_by_two_is_run_and_a_cell_opens_its_run(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(f"{server.url}/train?view=sweep&model=attention&n_embd=16&batch_size=2")
    page = window.page
    for side in ("x", "y"):
        keep_two_values(window, f"[class*='st-key-sweep_{side}_attention']")
    click(window, "sweep_start")
    lab = Lab(lab_home)
    window.wait_until(lambda: len(Lab(lab_home).runs()) == 4, "four runs")
    window.wait_until(lambda: all(run.status == "finished" for run in lab.runs()), "all are over")
    settings = {(r.config.model.block_size, r.config.model.n_head) for r in lab.runs()}
    assert len(settings) == 4 and {r.config.model.n_embd for r in lab.runs()} == {16}
    page.get_by_text("4 of 4 runs done").wait_for()
    window.wait_idle()
    page.locator(".st-key-sweep_grid .nsewdrag").first.click(position={"x": 60, "y": 60})
    window.wait_until(lambda: "run=" in page.url, "a run on the bench")
    window.page.wait_for_selector(".st-key-answers")
    opened = page.locator(".st-key-train_run input").first.input_value()
    assert opened.split(" · ")[0] in {run.name for run in lab.runs()}
    assert window.errors == []


# --- the model that the sliders describe ----------------------------------------------------------


def test_the_picture_changes_in_its_element_and_stays_in_sight(
    server: Server, new_page: NewPage
) -> None:
    window = new_page(width=1440, height=900)
    window.open(f"{server.url}/train?level=all")
    image = window.page.wait_for_selector(".st-key-model_picture img")
    assert image is not None
    first = image.get_attribute("alt") or ""
    assert "4 heads x 32" in first and image.evaluate("image => image.naturalWidth") == 330
    move(window, "n_head", "ArrowRight")
    window.page.wait_for_selector(".st-key-model_picture img[alt*='8 heads x 16']")
    assert image.evaluate("image => image.isConnected")  # no other element, so nothing flickers
    threads = window.page.locator("[class*=st-key-train_threads]").first
    threads.scroll_into_view_if_needed()
    top, bottom = image.evaluate(
        "image => { const box = image.getBoundingClientRect(); return [box.top, box.bottom]; }"
    )
    assert top >= 0 and bottom <= 900
    assert window.errors == []


# --- five answers ---------------------------------------------------------------------------------


def test_five_answers_stand_on_the_first_screen_with_the_registry_s_numbers(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    keep_notes(Lab(lab_home), VisitNotes("off"))  # its card would stand above them
    window = new_page(width=1440, height=900)
    window.open(f"{server.url}/train?n_layer=1&n_embd=16&n_head=1&batch_size=2&max_iters=100")
    click(window, "train_start")
    window.wait_until(lambda: [r.status for r in Lab(lab_home).runs()] == ["finished"], "the first")
    height = window.page.locator(".st-key-answers").evaluate("box => box.offsetHeight")
    move(window, "block_size", "ArrowLeft")
    wait_for_button(window, "train_start")
    window.wait_idle()
    click(window, "train_start")
    window.wait_until(lambda: len(Lab(lab_home).runs()) == 2, "the second")
    window.wait_until(lambda: newest(lab_home).status == "finished", "its end")

    lab = Lab(lab_home)
    run, before = lab.runs()
    estimates = lab.store.estimates(run.id)
    references = reference_lines(lab.library.load())
    found = verdict(estimates, lab.store.steps(run.id), references, run.max_iters)
    said = answers_on(found, references, run=run)
    [difference] = settings_diff(before.config, run.config)
    assert run.best_val_loss_nats is not None and before.best_val_loss_nats is not None
    by = run.best_val_loss_nats - before.best_val_loss_nats
    word = "lower" if by < 0 else "higher"
    expected = [
        said.is_good,
        said.still_learning,
        said.overfitting,
        f"{change_text(difference)}, so ",
        f"{abs(by):.3f} nats {word} than",
        f"step {run.step} of {run.max_iters}",
    ]
    assert f"{run.best_val_loss_nats:.3f} nats over the whole validation split" in said.is_good
    answers = window.page.locator(".st-key-answers")
    fits = """box => [...box.querySelectorAll('p')].every(
      p => p.getBoundingClientRect().bottom <= box.getBoundingClientRect().bottom)"""
    for text in expected:
        answer = answers.get_by_text(text.replace("->", "→"))
        answer.wait_for()
        box = answer.bounding_box()
        assert box is not None and box["x"] + box["width"] <= 1440
        assert box["y"] + box["height"] <= 900
    assert answers.evaluate(fits)
    assert answers.evaluate("box => box.offsetHeight") == height

    window.page.get_by_text("Health: gradient norm").click()
    for kind in KINDS:
        window.page.wait_for_selector(f".st-key-health_{kind} .js-plotly-plot")
    assert window.errors == []


# --- the address ----------------------------------------------------------------------------------


def test_a_link_opens_the_same_view_for_somebody_else(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    window = new_page()
    window.open(f"{server.url}/train?block_size=16&seed=7&unit=bits&hide=n_layer,level")
    page = window.page
    click(window, "train_step")
    wait_until(lambda: bool(Lab(lab_home).runs()), "a run")
    window.wait_until(lambda: "run=" in page.url, "the address says so")
    assert newest(lab_home).config.model.block_size == 16
    assert newest(lab_home).config.train.seed == 7
    address = page.url

    other = new_page()
    other.open(address)
    assert other.page.locator("[class*='st-key-train_n_layer']").count() == 0
    assert other.page.locator("[class*='st-key-train_level']").count() == 0
    thumb = other.page.locator("[class*='st-key-train_block_size'] input[type=range]").first
    assert thumb.get_attribute("aria-valuetext") == "16 characters"
    title = "chart => chart.layout.yaxis.title.text"
    assert the_chart(other).evaluate(title) == "loss (bits per character)"
    other.page.get_by_text(newest(lab_home).name).first.wait_for()
    assert other.errors == []
