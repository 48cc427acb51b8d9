"""One training step, told: it plays in one picture that stays where it is, and a click follows."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.lab import Lab
from tests.browser.conftest import NewPage, Server
from tests.browser.test_lab import CHART, click
from tests.helpers import tiny_run, what_it_measured

pytestmark = pytest.mark.browser

PICTURE = ".st-key-train_story_plot .js-plotly-plot"
SCENE = "[class*='st-key-story_scene_'] button[kind=primary]"


def test_a_step_plays_in_one_picture_and_another_guess_is_followed_by_a_click(
    server: Server, new_page: NewPage, lab_home: Path
) -> None:
    run_id = tiny_run(Lab(lab_home), "attention")
    before = what_it_measured(Lab(lab_home), run_id)
    window = new_page()
    window.open(f"{server.url}/train")
    page = window.page
    page.locator(".st-key-train_story summary").click()
    picture, chart = page.wait_for_selector(PICTURE), page.wait_for_selector(CHART)
    assert picture is not None and chart is not None
    page.wait_for_function("picture => picture.data?.length", arg=picture)
    heat_map = "picture => picture.data[0].type === 'heatmap'"
    assert picture.evaluate(heat_map) and page.locator(SCENE).inner_text() == "1 · Batch"

    page.locator(".st-key-train_story_speed button", has_text="fast").click()
    window.wait_idle()
    click(window, "story_play")
    for scene in ("2 · Guess", "3 · Loss"):
        page.locator(SCENE, has_text=scene).wait_for()
    click(window, "story_play")
    page.locator(".st-key-story_play button", has_text="Play").first.wait_for()
    assert picture.evaluate("picture => picture.isConnected")
    assert chart.evaluate("chart => chart.isConnected")

    click(window, "story_scene_0")
    page.wait_for_function(heat_map, arg=picture)
    window.wait_idle()
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    left, top = picture.evaluate(
        "p => { const { xaxis: x, yaxis: y } = p._fullLayout;"
        " return [x._offset + x.d2p(5), y._offset + y.d2p(2)]; }"
    )
    page.mouse.click(box["x"] + left, box["y"] + top)
    page.get_by_text("in window 3 at place 5").wait_for()
    assert picture.evaluate("picture => picture.isConnected")
    assert what_it_measured(Lab(lab_home), run_id) == before
    assert window.errors == []
