"""The ladder in a browser: one button trains all of it, and a rung is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.experiments.ladder import load_ladders, rung_standings
from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server
from tests.helpers import add_corpus, play

pytestmark = pytest.mark.browser

CHART = ".st-key-ladder .js-plotly-plot"


def test_a_ladder_is_trained_by_one_button_and_a_rung_is_opened(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    lab = Lab(lab_home)
    add_corpus(lab, "tiny", play(4_000))
    window = new_page()
    window.open(f"{server.url}/train?corpus=tiny")
    window.page.get_by_role("link", name="Ladder").click()
    chart = window.page.wait_for_selector(f"{CHART} .main-svg")
    for key in ("ladder_n_layer", "ladder_n_embd"):
        for _ in range(2):
            window.wait_idle()
            window.page.locator(f".st-key-{key} input[type=range]").press("ArrowLeft")
    window.wait_idle()
    steps = window.page.locator(".st-key-ladder_budget_steps input")
    named = window.page.locator(".st-key-ladder_length_steps [data-selected=true]")
    assert named.count() == 1

    def takes_five() -> bool:
        """A slider that answers late draws the page anew while one types."""
        if steps.input_value() != "5":
            steps.fill("5")
            steps.press("Enter")
        return named.count() == 0

    window.wait_until(takes_five, "the typed number, which has no name")
    window.page.get_by_text("19 runs on tiny").wait_for()
    window.wait_idle()
    window.page.locator(".st-key-ladder_start button").click()
    window.wait_until(lambda: bool(load_ladders(lab)), "a ladder")
    (ladder,) = load_ladders(lab)
    window.wait_until(
        lambda: all(r.run and r.run.status == "finished" for r in rung_standings(lab, ladder)),
        "all rungs",
    )
    assert len(ladder.places) == 19 and ladder.budget == 5
    window.page.get_by_text("19 of 19 runs done").wait_for()
    window.wait_idle()
    assert chart and chart.evaluate("chart => chart.isConnected")

    window.page.locator(".st-key-ladder_rung [data-testid=stSelectbox] input").click()
    window.page.get_by_role("option", name="positions", exact=True).click()
    window.page.get_by_text("the attention model").first.wait_for()
    window.page.get_by_role("button", name="Open its run").click()
    window.page.get_by_role("heading", level=1, name="Train").wait_for()
    window.page.get_by_text(f"{ladder.name} positions").first.wait_for()
    assert not window.errors
