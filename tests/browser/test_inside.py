"""Moving through a training, and through the parts of a model, by pointer and by keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server, Window
from tests.helpers import tiny_run

pytestmark = pytest.mark.browser

SLIDER, PLAY, READOUT = "input.slider", "button.play", "p.readout"
ONE_HEAD = ".st-key-attention_one_head .js-plotly-plot"
LENS = ".st-key-model_lens .js-plotly-plot"


def shown_step(window: Window) -> int:
    return int(window.page.inner_text(READOUT).split()[1].replace(",", ""))


def test_a_training_is_scrubbed_and_played_and_nothing_is_mounted_anew(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    tiny_run(Lab(lab_home), "transformer", name="owl", learning_rate=0.01)
    window = new_page()
    window.open(f"{server.url}/attention?run=owl&step=40")
    chart = window.page.wait_for_selector(f"{ONE_HEAD} .main-svg")
    slider = window.page.wait_for_selector(SLIDER)
    assert chart and slider
    window.wait_until(lambda: shown_step(window) == 40, "the step of the address")
    window.wait_idle()
    last = window.page.eval_on_selector(ONE_HEAD, "chart => chart.dataset.mark = 'same'")

    slider.focus()
    window.page.keyboard.press("Home")
    window.wait_until(lambda: shown_step(window) == 0, "the first step")
    window.wait_until(lambda: "step=0" in window.page.url, "the step in the link")
    window.wait_idle()
    window.page.keyboard.press("ArrowRight")
    window.wait_until(lambda: shown_step(window) == 1, "one further")

    window.wait_idle()
    window.page.focus(PLAY)
    window.page.keyboard.press("Enter")
    assert window.page.get_attribute(PLAY, "aria-label") == "Pause"
    window.wait_until(lambda: shown_step(window) == 40, "played to the end")
    window.wait_until(
        lambda: window.page.get_attribute(PLAY, "aria-label") == "Play the training", "it stops"
    )
    assert window.page.eval_on_selector(ONE_HEAD, "chart => chart.dataset.mark") == last
    assert slider.evaluate("slider => slider.isConnected")
    assert not window.errors


def test_a_part_of_the_map_is_opened_by_pointer_and_by_keyboard(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    tiny_run(Lab(lab_home), "transformer", name="owl")
    window = new_page()
    window.open(f"{server.url}/model?run=owl")
    window.page.wait_for_selector(f"{LENS} .main-svg")
    window.page.get_by_role("button", name="MLP 2").click()
    window.page.wait_for_selector("[class*=st-key-model_numbers] .main-svg")
    window.wait_idle()
    part = window.page.get_by_role("button", name="Probabilities")
    part.focus()
    window.page.keyboard.press("Enter")
    window.page.wait_for_selector(".st-key-model_next .main-svg")
    window.wait_until(lambda: part.get_attribute("aria-pressed") == "true", "it is marked")
    window.wait_idle()

    # The map stays the same while the training plays; its small pictures do not.
    def pixels() -> str:
        data: str = part.locator("canvas").evaluate("canvas => canvas.toDataURL()")
        return data

    before, button = pixels(), part.element_handle()
    assert button
    window.page.focus(SLIDER)
    window.page.keyboard.press("Home")
    window.wait_until(lambda: shown_step(window) == 0, "the first step")
    window.wait_until(lambda: pixels() != before, "other numbers")
    assert button.evaluate("button => button.isConnected")
    assert not window.errors


def test_a_part_pressed_in_one_of_three_maps_is_seen_large(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    for model in ("transformer", "attention"):
        tiny_run(Lab(lab_home), model, name=f"the {model}")
    window = new_page()
    window.open(f"{server.url}/model?run=the%20transformer")
    window.page.get_by_text("The three models side by side").click()
    narrow = window.page.locator(".st-key-model_map_attention")
    narrow.get_by_role("button", name="Attention 1").click()
    window.page.wait_for_selector(".st-key-model_heads .main-svg")
    window.wait_until(lambda: "run=the+attention" in window.page.url, "the run is that of the map")
    assert "part=attention" in window.page.url
    # Nothing was trained of the third: its parts have nowhere to lead.
    untrained = window.page.locator(".st-key-model_map_bigram").get_by_role("button", name="Table")
    assert untrained.is_disabled()
    assert not window.errors


def test_a_head_is_switched_off_and_its_loss_is_said(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    tiny_run(Lab(lab_home), "transformer", name="owl", learning_rate=0.01)
    window = new_page()
    window.open(f"{server.url}/attention?run=owl")
    window.page.get_by_text("Switch parts off: what is each head worth?").click()
    window.page.wait_for_selector(".st-key-attention_worths .main-svg")
    window.wait_idle()
    parts = window.page.locator(".st-key-attention_off")
    head = parts.get_by_role("button", name="head 1.2")
    head.focus()
    window.page.keyboard.press("Enter")
    window.page.get_by_text("Measure on the whole validation split").wait_for()
    window.page.wait_for_selector(".st-key-attention_guesses .main-svg")
    head.focus()
    window.page.keyboard.press("Enter")  # on again
    window.page.get_by_text("Choose one or several").wait_for()
    assert not window.errors
